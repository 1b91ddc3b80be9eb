"""Trainings whose weights are not numbers of single precision."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from ednn import load_model
from ednn.core.build import build_model
from ednn.core.interface import FieldModel
from tests.conftest import SHARED, SMALL, run
from tests.data.fields.own_files import ready, write

ANN, TILE = {"_target_": "ANN"}, {"focus": 2, "context": 1}
BFLOAT16 = ["trainer.precision=bf16-true", "run=bfloat16"]


def test_weights_in_bfloat16_are_trained_tested_and_read_back(
    trained: Path, tmp_path: Path
) -> None:
    done = run(tmp_path, "train.py", "data=ising", "model=ann", *SMALL, SHARED, *BFLOAT16)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "runs" / "bfloat16"
    model = load_model(folder / "checkpoints" / "best.ckpt")
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert model.precision == torch.bfloat16
    half, single = (
        json.loads((run_folder / "summary.json").read_text())["test/mean_absolute_error"]
        for run_folder in (folder, trained)
    )
    assert half == pytest.approx(single, rel=0.2)


def test_branches_in_bfloat16_are_trained_and_drawn(tmp_path: Path) -> None:
    done = run(tmp_path, "train.py", "model=multiscale", "tile.f=1", *SMALL, SHARED, *BFLOAT16)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "runs" / "bfloat16"
    assert load_model(folder / "checkpoints" / "best.ckpt").precision == torch.bfloat16
    assert (folder / "branches.png").stat().st_size > 0


def test_totals_a_million_times_their_spread_are_learned_like_others(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 8, 8))
    y = 0.002 * (x**2).sum((1, 2))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"], file["small"], file["large"] = x, y, y - 291235e3
    errors = []
    for name in ("small", "large"):
        words = ["data=hdf5", "data.path=a.h5", f"data.y={name}", f"run={name}", "task=onecycle"]
        done = run(tmp_path, "train.py", *words, "trainer.max_epochs=45", "data.batch_size=20")
        assert done.returncode == 0, done.stderr
        summary = json.loads((tmp_path / "outputs" / "runs" / name / "summary.json").read_text())
        errors.append(summary["test/mean_absolute_error"])
    assert errors[0] < 0.5 * y.std()
    assert errors[1] == pytest.approx(errors[0], rel=0.02)


def test_labels_that_bfloat16_would_round_are_refused(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 8, 8))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"], file["labels"] = x, (x**2).sum((1, 2)) - 2000
    words = ["data=hdf5", "data.path=a.h5", "trainer.precision=bf16-true", "run=mine"]
    done = run(tmp_path, "train.py", *words)
    assert done.returncode != 0
    assert "rounds the labels" in done.stderr
    assert "bf16-mixed" in done.stderr


@pytest.fixture(scope="module")
def near_a_million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training on fields that single precision cannot tell apart.

    It knows numbers near a million to 0.06, and these differ by 0.001.
    """
    folder = tmp_path_factory.mktemp("million")
    small = 1e-3 * np.random.default_rng(0).normal(size=(200, 8, 8))
    with h5py.File(folder / "a.h5", "w") as file:
        file["images"], file["labels"] = 1e6 + small, 1e3 * small.sum((1, 2))
    words = ["data=hdf5", "data.path=a.h5", "trainer.precision=64-true", "run=double"]
    done = run(folder, "train.py", *words, "data.batch_size=20", "trainer.max_epochs=20")
    assert done.returncode == 0, done.stderr
    return folder


def predicted(folder: Path) -> np.ndarray:
    return pd.read_csv(folder / "predictions.csv")["labels_predicted"].to_numpy()


def test_double_precision_sees_all_digits_of_the_fields(near_a_million: Path) -> None:
    trained = near_a_million / "outputs" / "runs" / "double"
    summary = json.loads((trained / "summary.json").read_text())
    assert summary["test/median_absolute_error"] < 2  # of labels whose spread is 8
    words = ["ckpt_path=outputs/runs/double/checkpoints/best.ckpt"]
    done = run(near_a_million, "evaluate.py", *words, "data=hdf5", "data.path=a.h5", "run=again")
    assert done.returncode == 0, done.stderr
    again = near_a_million / "outputs" / "evaluations" / "again"
    np.testing.assert_allclose(predicted(again), predicted(trained), atol=1e-9)
    words += ["input=a.h5", "input_key=images", "output=out.h5"]
    done = run(near_a_million, "predict.py", *words)
    assert done.returncode == 0, done.stderr
    test = pd.read_csv(trained / "predictions.csv")["sample"]
    with h5py.File(near_a_million / "out.h5") as file:
        one = file["prediction"][()][test, 0]
    np.testing.assert_allclose(one, predicted(trained), atol=1e-9)


@pytest.mark.parametrize("kind", ["i4", "i8", "u4", "f8"])
def test_batches_have_all_digits_in_memory_and_streamed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = (2**30 + np.arange(60 * 16)).reshape(60, 4, 4).astype(kind)
    path = write(tmp_path / "a.h5", images=images, labels=np.ones(60))
    for most in (2**26, 0):
        monkeypatch.setattr("ednn.data.fields.own.IN_MEMORY", most)
        data = ready(path, workers=1)
        for batch in data.test_dataloader():
            np.testing.assert_array_equal(batch.inputs[:, 0], images[batch.sample])
        model = build_model({"_target_": "EDNN", "subnet": ANN, **TILE}, data.info).double()
        assert isinstance(model, FieldModel)
        model.fit_normalisation(data.dataset.inputs, data.dataset.labels, data.dataset.sites)
        assert float(model.scaling.mean) == pytest.approx(images.mean(dtype=float), abs=1e-6)


@pytest.mark.parametrize(
    ("precision", "model"), [("32-true", "multiscale"), ("bf16-mixed", "site_ann")]
)
def test_fields_in_double_precision_train_in_any(
    precision: str, model: str, tmp_path: Path
) -> None:
    fields = np.random.default_rng(0).normal(size=(60, 8, 8))
    write(tmp_path / "a.h5", images=fields, labels=(fields**2).sum((1, 2)))
    words = [f"model={model}", "data=hdf5", "data.path=a.h5", "tile.f=2", "tile.c=1"]
    words += [f"trainer.precision={precision}", "trainer.max_epochs=1"]
    done = run(tmp_path, "train.py", *words)
    assert done.returncode == 0, done.stderr
