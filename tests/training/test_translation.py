"""The translation error of a real run, and predictions averaged over shifts of the pixels."""

import json
from pathlib import Path

import ase.io
import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from ednn.core.loading import load_structure_model
from ednn.core.shifts import even_shifts
from ednn.data.structures.file import write
from ednn.inference.structure_job import batch
from tests.commands.test_bad_input import refused
from tests.conftest import run
from tests.data.structures.sheets import SMALL, as_frames, some

RECIPE = ["task=muon", "task.huber_delta=0.05", "task.force_weight=0.1", "trainer.max_epochs=2"]
SHIFTS = 4
KEY = "test/translation_error_per_site"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that trained on energies and forces by Muon and Huber's loss."""
    folder = tmp_path_factory.mktemp("shifted")
    write(folder / "own.h5", some(range(100)))
    ase.io.write(folder / "own.extxyz", as_frames(some(range(2))), format="extxyz")
    words = ["data=dft", "data.path=own.h5", *SMALL, "model.subnet.stride=2", *RECIPE, "run=own"]
    done = run(folder, "train.py", *words)
    assert done.returncode == 0, done.stderr
    assert "test translation error (meV per atom)" in done.stdout
    return folder


@pytest.fixture(scope="module")
def evaluated(folder: Path) -> Path:
    words = ["ckpt_path=outputs/runs/own/checkpoints/best.ckpt", "data=dft", "data.path=own.h5"]
    words += ["data.grid=32", "data.gamma=0.4"]
    done = run(folder, "evaluate.py", *words, f"shifts={SHIFTS}", "run=mean")
    assert done.returncode == 0, done.stderr
    return folder / "outputs" / "evaluations" / "mean"


def summary(run_folder: Path) -> dict[str, float]:
    read: dict[str, float] = json.loads((run_folder / "summary.json").read_text())
    return read


def test_a_step_with_forces_reports_its_cost_and_both_rates(folder: Path) -> None:
    history = pd.read_csv(folder / "outputs" / "runs" / "own" / "metrics.csv")
    assert (history["train/samples_per_second"].dropna() > 0).all()
    rates = [history[column].dropna() for column in history if str(column).startswith("lr-")]
    assert len(rates) == 2
    np.testing.assert_allclose(rates[0], 5 * rates[1])
    assert history["train/loss"].dropna().is_monotonic_decreasing


def test_the_translation_error_is_that_of_shifted_structures(folder: Path) -> None:
    own = folder / "outputs" / "runs" / "own"
    model, labels = load_structure_model(own / "checkpoints" / "best.ckpt"), some(range(100))
    drawn = torch.rand(8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    variances = []
    for i in np.load(own / "splits.npz")["test"]:
        structures = batch(labels.structure(i), model)
        energies = []
        for shift in drawn * model.translation_period:
            shifted = structures.positions + shift
            with torch.no_grad():
                energies.append(model(structures._replace(positions=shifted)).item())
        variances.append(np.var(energies, ddof=1) / structures.numbers.shape[1] ** 2)
    expected = 1000 * np.sqrt(np.mean(variances))
    assert summary(own)[KEY] == pytest.approx(expected, rel=0.02)


def test_evaluate_reports_the_errors_of_the_mean(folder: Path, evaluated: Path) -> None:
    single = summary(folder / "outputs" / "runs" / "own")
    assert summary(evaluated)["shifts"] == SHIFTS
    assert summary(evaluated)[KEY] < 0.8 * single[KEY]
    model = load_structure_model(folder / "outputs/runs/own/checkpoints/best.ckpt")
    labels, table = some(range(100)), pd.read_csv(evaluated / "predictions.csv")
    for sample, predicted in table[["sample", "gfn1_energy_predicted"]].to_numpy()[:3]:
        structures = batch(labels.structure(int(sample)), model)
        under = [
            model(structures._replace(positions=structures.positions + shift)).item()
            for shift in even_shifts(model, SHIFTS)
        ]
        assert predicted == pytest.approx(np.mean(under), abs=2e-3)


def test_predict_writes_the_mean_over_shifts(folder: Path) -> None:
    words = ["ckpt_path=outputs/runs/own/checkpoints/best.ckpt", "input=own.extxyz"]
    words += ["forces=true", f"shifts={SHIFTS}", "output=mean.extxyz"]
    done = run(folder, "predict.py", *words)
    assert done.returncode == 0, done.stderr
    model = load_structure_model(folder / "outputs/runs/own/checkpoints/best.ckpt")
    for i, frame in enumerate(ase.io.read(folder / "mean.extxyz", ":")):
        structures = batch(some(range(2)).structure(i), model)
        under = [
            model.energy_and_forces(structures._replace(positions=structures.positions + shift))
            for shift in even_shifts(model, SHIFTS)
        ]
        energy = np.mean([float(e.detach()) for e, _ in under])
        forces = torch.stack([f[0] for _, f in under]).mean(0)
        assert frame.info["predicted_gfn1_energy"] == pytest.approx(energy, abs=2e-3)
        written = frame.arrays["predicted_gfn1_energy_forces"][:, :2]
        np.testing.assert_allclose(written, forces, atol=2e-3)
    with h5py.File(folder / "mean.h5") as file:
        assert file.attrs["shifts"] == SHIFTS


def test_bad_shifts_are_refused(folder: Path, trained: Path, tmp_path: Path) -> None:
    fields = f"ckpt_path={trained / 'checkpoints' / 'best.ckpt'}"
    sheets = f"ckpt_path={folder / 'outputs/runs/own/checkpoints/best.ckpt'}"
    source = f"input={folder / 'own.extxyz'}"
    for bad in ("0", "1.5", "true", "many", "[2,2]"):
        words = refused(tmp_path, "predict.py", sheets, source, "output=o.csv", f"shifts={bad}")
        assert "is not possible; give a whole number of at least 1, such as 8" in words
    data = ["data=dft", f"data.path={folder / 'own.h5'}", "data.grid=32", "data.gamma=0.4"]
    assert "shifts=-1" in refused(tmp_path, "evaluate.py", sheets, *data, "shifts=-1")
    for command in (["predict.py", source, "output=o.h5"], ["evaluate.py", "data=ising"]):
        words = refused(tmp_path, command[0], fields, *command[1:], "shifts=8")
        assert "shifts=8 is for models of structures, and this one takes fields" in words
