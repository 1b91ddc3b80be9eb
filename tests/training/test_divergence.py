"""A training that diverges ends there, says what to change, and keeps its last good checkpoint."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from tests.conftest import SHARED, run

SPINS = [*(f"data.n_{split}=200" for split in ("train", "val", "test"))]
SPINS += ["data.batch_size=50", SHARED]
SGD = "task.optimizer={_target_: torch.optim.SGD, _partial_: true, lr: 1e-4}"  # explodes at once


def refused(folder: Path, *words: str) -> str:
    done = run(folder, "train.py", "run=mine", *words)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return sentence


@pytest.mark.parametrize("trainer", ["cpu", pytest.param("ddp_sim", marks=pytest.mark.long)])
def test_an_exploding_training(tmp_path: Path, trainer: str) -> None:
    sentence = refused(tmp_path, *SPINS, SGD, f"trainer={trainer}")
    assert "diverged in epoch 2: " in sentence
    assert "task.optimizer.lr (the rate is 0.0001 here)" in sentence
    assert "trainer.gradient_clip_val" in sentence
    assert "last.ckpt holds epoch 1" in sentence
    kept = tmp_path / "outputs" / "runs" / "mine"
    for name in ("best", "last"):
        checkpoint = torch.load(kept / "checkpoints" / f"{name}.ckpt", weights_only=True)
        assert checkpoint["epoch"] == 0
        assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())
    assert not (kept / "summary.json").exists()


def test_no_checkpoint_is_named_that_was_not_kept(tmp_path: Path) -> None:
    sentence = refused(tmp_path, *SPINS, SGD, "callbacks.last=null")
    assert "diverged in epoch 2: " in sentence
    assert "last.ckpt" not in sentence


def test_a_label_that_is_out_of_range(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    fields = rng.normal(size=(200, 8, 8))
    labels = (fields**2).sum((1, 2))
    labels[5] = 1e30
    with h5py.File(tmp_path / "fields.h5", "w") as file:
        file["images"], file["labels"] = fields, labels
        file["splits/train"], file["splits/test"] = np.arange(100), np.arange(100, 150)
        file["splits/val"] = np.arange(150, 200)
    sentence = refused(tmp_path, "data=hdf5", "data.path=fields.h5", "data.batch_size=20")
    assert "diverged in epoch 1: " in sentence
    assert "the largest of which is 1e+30" in sentence
    assert not list(tmp_path.rglob("*.ckpt"))
