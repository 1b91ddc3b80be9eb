"""Trainings whose weights are not numbers of single precision."""

import json
from pathlib import Path

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
