"""Errors over every sample exactly once, in any order, over any number of processes."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ednn.core.info import DatasetInfo, Output
from ednn.core.structure_batch import StructureBatch
from ednn.training.metrics import ExtensiveErrors, SlopeErrors

SAMPLES = 101  # odd, and a prime: no batch size divides it


def metric_of(*names: str) -> ExtensiveErrors:
    return ExtensiveErrors(DatasetInfo(tuple(Output(name) for name in names)))


def draw(outputs: int) -> dict[str, torch.Tensor]:
    """Columns of a test set whose systems have different sizes."""
    generator = torch.Generator().manual_seed(1)
    target = 100 * torch.randn(SAMPLES, outputs, generator=generator)
    return {
        "sample": torch.arange(SAMPLES),
        "sites": torch.tensor([16, 64, 256])[torch.arange(SAMPLES) % 3],
        "target": target,
        "prediction": target + torch.randn(SAMPLES, outputs, generator=generator) ** 3,
    }


def expected(columns: dict[str, torch.Tensor], names: list[str]) -> dict[str, float]:
    error = np.abs(columns["prediction"].double().numpy() - columns["target"].double().numpy())
    results: dict[str, float] = {}
    for i, name in enumerate(names):
        prefix = f"{name}/" if len(names) > 1 else ""
        per_site = error[:, i] / columns["sites"].numpy()
        results |= {
            f"{prefix}median_absolute_error": np.median(error[:, i]),
            f"{prefix}mean_absolute_error": np.mean(error[:, i]),
            f"{prefix}median_absolute_error_per_site": np.median(per_site),
            f"{prefix}mean_absolute_error_per_site": np.mean(per_site),
        }
    return results


def update(
    metric: ExtensiveErrors, columns: dict[str, torch.Tensor], samples: torch.Tensor
) -> None:
    metric.update(**{name: column[samples] for name, column in columns.items()})


@pytest.mark.parametrize("names", [["E"], ["kinetic", "potential", "total"]])
def test_errors_equal_numpy_on_shuffled_unequal_batches(names: list[str]) -> None:
    columns, metric = draw(len(names)), metric_of(*names)
    order = torch.randperm(SAMPLES)
    for batch in order.split([1, 50, 7, 43]):
        update(metric, columns, batch)
    results = {name: value.item() for name, value in metric.compute().items()}
    assert results == pytest.approx(expected(columns, names), rel=1e-12)
    for name, column in metric.columns().items():
        assert torch.equal(column, columns[name])


@pytest.mark.parametrize("samples", [4, 5])
def test_median_of_an_even_number_lies_between_the_two_in_the_middle(samples: int) -> None:
    columns, metric = draw(1), metric_of("E")
    update(metric, columns, torch.arange(samples))
    few = {name: column[:samples] for name, column in columns.items()}
    assert metric.compute()["median_absolute_error"].item() == pytest.approx(
        expected(few, ["E"])["median_absolute_error"], rel=1e-12
    )


def test_reset_forgets_all_samples() -> None:
    columns, metric = draw(1), metric_of("E")
    update(metric, columns, torch.arange(50))
    metric.reset()
    update(metric, columns, torch.arange(SAMPLES))
    assert len(metric.columns()["sample"]) == SAMPLES


def test_predictions_keep_no_graph() -> None:
    columns, metric = draw(1), metric_of("E")
    columns["prediction"].requires_grad_()
    update(metric, columns, torch.arange(5))
    assert not metric.columns()["prediction"].requires_grad


def share_of(rank: int) -> torch.Tensor:
    """Interleaved samples, 76 for one process and 25 for the other."""
    return torch.tensor([i for i in range(SAMPLES) if (i % 4 == 0) == (rank == 1)][: 76 - rank])


def work(rank: int, folder: str) -> None:
    """One of two processes that score a test set together."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    try:
        columns, metric = draw(2), metric_of("a", "b")
        for batch in share_of(rank).split(20):
            update(metric, columns, batch)
        results = metric.compute()
        gathered = {f"columns/{name}": column for name, column in metric.columns().items()}
        torch.save({**results, **gathered}, f"{folder}/{rank}.pt")
    finally:
        dist.destroy_process_group()


def test_two_processes_count_every_sample_once(tmp_path: Path) -> None:
    assert sorted(torch.cat([share_of(0), share_of(1)]).tolist()) == list(range(SAMPLES))
    mp.start_processes(work, args=(str(tmp_path),), nprocs=2, start_method="forkserver")
    columns = draw(2)
    for rank in (0, 1):
        results = torch.load(tmp_path / f"{rank}.pt")
        for name, value in expected(columns, ["a", "b"]).items():
            assert results[name].item() == pytest.approx(value, rel=1e-12)


def test_relative_errors_and_milli_units_per_site() -> None:
    output = Output("E", "eV", "meV per atom", 1000)
    metric = ExtensiveErrors(DatasetInfo((output,), relative=True))
    target = torch.tensor([[-10.0], [20.0], [40.0]])
    metric.update(torch.arange(3), torch.full((3,), 5), target, target + 1)
    results = {name: value.item() for name, value in metric.compute().items()}
    assert results["median_relative_error"] == pytest.approx(0.05)
    assert results["mean_relative_error"] == pytest.approx((0.1 + 0.05 + 0.025) / 3)
    assert results["mean_absolute_error_per_site"] == pytest.approx(200)
    assert results["mean_absolute_error"] == pytest.approx(1)


def test_a_prediction_that_is_no_number_is_told_as_such() -> None:
    errors, true = SlopeErrors(), torch.zeros(2, 1, 4)
    found = true.clone()
    found[0, 0, 1] = torch.nan
    for values in (found, true):
        errors.update({"derivative": values}, {"derivative": true}, true)
    assert errors.pairs()["derivative"].shape == (16, 2)
    assert errors.compute()["mean_absolute_error_of_derivative"].isnan()


def test_all_components_of_forces_count() -> None:
    errors, true = SlopeErrors(), torch.zeros(1, 40_000, 2)
    found = true.clone()
    found[..., 1] = 1.0
    carbon = StructureBatch(torch.full((1, 40_000), 6), true, torch.eye(2)[None])
    errors.update({"forces": found}, {"forces": true}, carbon)
    assert errors.compute()["mean_absolute_error_of_forces"] == 0.5


def test_derivatives_are_drawn_from_all_places() -> None:
    errors, true = SlopeErrors(), torch.zeros(4, 1, 256, 256)
    found = true.clone()
    found[..., 1::2] = 1.0  # which evenly spaced ones would miss
    errors.update({"derivative": found}, {"derivative": true}, true)
    assert errors.compute()["mean_absolute_error_of_derivative"] == pytest.approx(0.5, abs=0.01)
