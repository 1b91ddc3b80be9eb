"""Trainings whose weights are not numbers of single precision."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from ednn import load_model
from tests.conftest import SMALL, run

BFLOAT16 = ["trainer.precision=bf16-true", "run=bfloat16"]


def test_weights_in_bfloat16_are_trained_tested_and_read_back(
    trained: Path, tmp_path: Path
) -> None:
    done = run(tmp_path, "train.py", "data=ising", "model=ann", *SMALL, *BFLOAT16)
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
    done = run(tmp_path, "train.py", "model=multiscale", "tile.f=1", *SMALL, *BFLOAT16)
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
        done = run(tmp_path, "train.py", *words, "trainer.max_epochs=60", "data.batch_size=20")
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
