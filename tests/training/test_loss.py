"""The loss of the totals, and the width of Huber's in a real training."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from ednn import load_model
from ednn.training.loss import loss_of_totals
from tests.conftest import run


def test_a_wide_huber_is_the_squared_error_and_a_narrow_one_the_absolute() -> None:
    torch.manual_seed(0)
    target = 100 * torch.randn(50, 2, dtype=torch.float64)
    prediction = target + torch.randn(50, 2)
    square = (prediction - target).square().mean()
    absolute = (prediction - target).abs()
    torch.testing.assert_close(loss_of_totals(prediction, target), square)
    wide = torch.tensor([1e3, 1e4]).double()
    torch.testing.assert_close(loss_of_totals(prediction, target, wide), square)
    narrow = torch.tensor([1e-6, 2e-6]).double()
    expected = (2 * narrow * absolute).mean()
    torch.testing.assert_close(
        loss_of_totals(prediction, target, narrow), expected, rtol=1e-4, atol=0
    )


def test_a_far_sample_pulls_no_harder_than_one_at_the_width() -> None:
    prediction = torch.tensor([[1e6], [0.5], [0.1]], requires_grad=True)
    loss_of_totals(prediction, torch.zeros(3, 1), torch.tensor([0.5])).backward()
    assert prediction.grad is not None
    torch.testing.assert_close(prediction.grad[:, 0], torch.tensor([1.0, 1.0, 0.2]) / 3)


def test_the_width_is_a_share_of_the_spread_of_each_output(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 8, 8))
    sums = (x**2).sum((1, 2))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"], file["a"], file["b"] = x, sums - 5e4, np.repeat(3.0, 200) + 30 * x[:, 0, 0]
    words = ["data=hdf5", "data.path=a.h5", "data.y=[a,b]", "data.batch_size=40", "task=adamw"]
    words += ["model=fcn", "tile.f=4", "tile.c=2", "task.huber_delta=0.3", "trainer.max_epochs=3"]
    done = run(tmp_path, "train.py", *words, "run=huber")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "runs" / "huber"
    splits = np.load(folder / "splits.npz")
    labels = np.stack([sums - 5e4, 3 + 30 * x[:, 0, 0]], 1)
    model = load_model(folder / "checkpoints" / "last.ckpt")
    with torch.no_grad():
        predicted = model(torch.from_numpy(x[splits["val"], None]).float()).numpy()
    error = np.abs(predicted - labels[splits["val"]])
    width = 0.3 * labels[splits["train"]].std(0)
    assert (error > width).any()
    assert (error < width).any()
    huber = np.where(error < width, error**2, width * (2 * error - width)).mean()
    losses = pd.read_csv(folder / "metrics.csv")["val/loss"].dropna()
    assert losses.iloc[-1] == pytest.approx(huber, rel=1e-4)
    assert json.loads((folder / "summary.json").read_text())["val/loss"] == losses.min()
