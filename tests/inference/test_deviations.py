"""How uncertain predictions are, from files: in blocks as of the whole, and of ensembles."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

import ednn
from ednn.core.ensemble import ensemble
from ednn.core.interface import ExtensiveModel
from ednn.core.model import EDNN
from ednn.core.subnets import ANN
from ednn.core.uncertainty import Posterior
from ednn.data.formats.hdf5 import HDF5Numbers
from ednn.inference import structure_job as module
from ednn.inference.deviations import Deviations
from ednn.inference.field_job import FieldJob
from ednn.inference.pieces import Job
from ednn.inference.structure_job import StructureJob, batch
from ednn.physics.sheets import sheet
from tests.conftest import SMALL, run
from tests.core.test_atomistic import model
from tests.inference.test_predict import torchrun


def with_posterior(net: Any, inputs: Any) -> Any:
    """Give a model some posterior."""
    with torch.no_grad():
        width = net.with_features("forward", inputs).shape[1] - len(net.info.outputs)
    features = torch.randn(200, width, dtype=torch.float64)
    net.posterior = Posterior.fit(
        features.T @ features, features, torch.randn(200, len(net.info.outputs)), torch.ones(1)
    )
    return net


def together(net: ExtensiveModel, job: Job) -> torch.Tensor:
    deviations = Deviations(net, job)
    for piece in job.pieces:
        deviations.add(piece, job.evaluate(piece))
    values = deviations.values()
    assert values is not None
    return torch.from_numpy(values)


@pytest.mark.parametrize("sites", [60, 10**6])
@pytest.mark.parametrize("several", [False, True])
def test_fields_in_blocks_and_as_a_whole(sites: int, several: bool) -> None:
    torch.manual_seed(0)
    members = [EDNN(ANN, 2, 1, outputs=2).double() for _ in range(3)]
    fields = torch.randn(3, 8, 12, dtype=torch.float64)
    net: Any = ensemble(members) if several else with_posterior(members[0], fields[:, None])
    with h5py.File("fields.h5", "w", driver="core", backing_store=False) as file:
        job = FieldJob(net, HDF5Numbers(file.create_dataset("fields", data=fields.numpy())), sites)
        assert (len(job.pieces) > 3) == (sites == 60)
        found = together(net, job)
    expected = net.uncertainty(fields[:, None]).detach()
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=0)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("shifts", [1, 2])
def test_structures_in_blocks_and_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, several: bool, shifts: int
) -> None:
    structure, nets = sheet(4, (2, 1)), [model(), model()]
    nets[1].references += 1
    net: Any = ensemble(nets) if several else with_posterior(nets[0], batch(structure, nets[0]))
    whole = StructureJob(net, [structure], 10**7, forces=True, shifts=shifts)
    assert [piece.block for piece in whole.pieces] == [None]
    expected = together(net, whole)
    if shifts == 1:
        of_batch = net.uncertainty(batch(structure, net)).detach()
        torch.testing.assert_close(expected, of_batch, rtol=1e-9, atol=0)
    monkeypatch.setattr(module, "DENSE", 0)
    parts = StructureJob(net, [structure], 1200 * module.BY_GRADIENT, forces=True, shifts=shifts)
    assert len(parts.pieces) > 1
    torch.testing.assert_close(together(net, parts), expected, rtol=1e-7, atol=0)


@pytest.fixture(scope="module")
def two(trained: Path) -> list[Path]:
    """The checkpoints of two trainings on the same data."""
    done = run(
        trained.parents[2], "train.py", "data=ising", "run=two", "seed=1", "data.seed=0", *SMALL
    )
    assert done.returncode == 0, done.stderr
    return [folder / "checkpoints" / "best.ckpt" for folder in (trained, trained.parent / "two")]


def test_a_training_leaves_uncertainties(trained: Path) -> None:
    table = pd.read_csv(trained / "predictions.csv")
    error = (table["energy_predicted"] - table["energy_true"]).abs()
    share = (error <= 1.6448536 * table["energy_uncertainty"]).mean()
    summary = pd.read_json(trained / "summary.json", typ="series")
    assert summary["test/coverage_of_90_percent_intervals"] == pytest.approx(share)
    assert 0.8 < share < 1
    rank = error.rank().corr(table["energy_uncertainty"].rank())
    assert summary["test/rank_correlation_of_uncertainty"] == pytest.approx(rank, abs=1e-3)
    assert (trained / "reliability.png").exists()


@pytest.mark.parametrize("memory", [0.8005, pytest.param(2, marks=pytest.mark.long)])
def test_predict_writes_them(two: list[Path], tmp_path: Path, memory: float) -> None:
    spins = np.random.default_rng(0).choice([-1.0, 1.0], (2, 64, 96))
    with h5py.File(tmp_path / "fields.h5", "w") as file:
        file["fields"] = spins
    inputs = torch.from_numpy(spins)[:, None].float()
    models = [ednn.load_model(path) for path in two]
    one, several = f"ckpt_path={two[0]}", f"ckpt_path=[{two[0]},{two[1]}]"
    files = ["input=fields.h5", f"memory={memory}"]
    for words, output in ((one, "one.h5"), (several, "several.h5")):
        done = run(tmp_path, "predict.py", words, *files, f"output={output}")
        assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "one.h5") as file:
        expected = models[0].uncertainty(inputs)
        np.testing.assert_allclose(file["uncertainty"], expected, rtol=1e-4)
    with h5py.File(tmp_path / "several.h5") as file, torch.no_grad():
        each = torch.stack([m(inputs) for m in models])
        np.testing.assert_allclose(file["prediction"], each.mean(0), rtol=1e-5)
        np.testing.assert_allclose(file["uncertainty"], each.std(0), rtol=1e-4)


@pytest.mark.long
def test_two_processes_find_them_together(trained: Path, tmp_path: Path) -> None:
    spins = np.random.default_rng(0).choice([-1.0, 1.0], (2, 64, 96))
    with h5py.File(tmp_path / "fields.h5", "w") as file:
        file["fields"] = spins
    path = trained / "checkpoints" / "best.ckpt"
    words = [f"ckpt_path={path}", "input=fields.h5", "memory=0.8005", "output=out.h5"]
    with torchrun(tmp_path, *words) as process:
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    expected = ednn.load_model(path).uncertainty(torch.from_numpy(spins)[:, None].float())
    with h5py.File(tmp_path / "out.h5") as file:
        np.testing.assert_allclose(file["uncertainty"], expected, rtol=1e-4)


def test_evaluate_takes_an_ensemble(two: list[Path]) -> None:
    words = [f"ckpt_path=[{two[0]},{two[1]}]", "data=ising", *SMALL[:3]]
    folder = two[0].parents[4]
    done = run(folder, "evaluate.py", *words, "run=both")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(folder / "outputs" / "evaluations" / "both" / "predictions.csv")
    each = [pd.read_csv(path.parents[1] / "predictions.csv") for path in two]
    pd.testing.assert_series_equal(table["energy_true"], each[0]["energy_true"])
    predicted = np.stack([member["energy_predicted"] for member in each])
    np.testing.assert_allclose(table["energy_predicted"], predicted.mean(0), rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(
        table["energy_uncertainty"], predicted.std(0, ddof=1), rtol=1e-4, atol=1e-3
    )


def test_an_ensemble_is_not_trained(two: list[Path], tmp_path: Path) -> None:
    done = run(tmp_path, "train.py", f"ckpt_path=[{two[0]},{two[1]}]", "data=ising", *SMALL)
    assert done.returncode == 1
    assert "is no single checkpoint; give one" in done.stderr
    assert "Traceback" not in done.stderr
