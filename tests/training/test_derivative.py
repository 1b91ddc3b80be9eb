"""The derivative by the field in trainings: loss, errors, pictures, prediction."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from ednn import EDNN
from ednn.core.subnets import FCN
from ednn.data.fields.hdf5 import HDF5Data
from ednn.training.loss import LossOfSlopes
from tests.conftest import TINY, run

SPACING = 0.5
DATA = ["data=hdf5", "data.path=own.h5", "data.x=density", "data.y=energy", "data.dims=1"]
DERIVATIVE = ["data.derivative=slope", f"data.spacing={SPACING}", "task.derivative_weight=1"]
NET = ["model=fcn", "model.subnet.widths=[8,8]", "tile.f=4", "tile.c=2", "data.batch_size=10"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with densities n, energies ∫ n² dx + ½ ∫ n'² dx, and exact derivatives."""
    folder = tmp_path_factory.mktemp("derivative")
    n = np.random.default_rng(0).normal(size=(100, 16))
    step = np.roll(n, -1, 1) - n
    with h5py.File(folder / "own.h5", "w") as file:
        file["density"] = n
        file["energy"] = ((n**2).sum(1) + (step**2).sum(1) / (2 * SPACING**2)) * SPACING
        file["slope"] = 2 * n + (np.roll(step, 1, 1) - step) / SPACING**2
        file["short"] = n[:, :8]
    return folder


def test_the_loss_weighs_derivatives_by_their_spread(folder: Path) -> None:
    told: dict[str, Any] = {"x": "density", "y": "energy", "dims": 1, "channels_first": None}
    told |= {"unit": "eV", "site": "point", "derivative": "slope", "spacing": SPACING}
    shared: dict[str, Any] = {"val": 0.1, "test": 0.1, "batch_size": 10, "workers": 0, "seed": 0}
    data = HDF5Data(str(folder / "own.h5"), **told, **shared)
    data.setup()
    model, loss = EDNN(FCN, 4, 2, dims=1), LossOfSlopes({"derivative": 2.0})
    model.info = data.info
    loss.prepare(model, data)
    batch = data.dataset.__getitems__(data.splits["train"].tolist())
    truth = batch.slopes["derivative"]
    assert truth.shape == batch.inputs.shape
    found = loss([truth + truth.std()], batch)  # off by the spread
    assert found.item() == pytest.approx(2 * batch.target.var().item(), rel=0.03)


def test_a_network_learns_and_predicts_a_derivative(folder: Path) -> None:
    words = [*DATA, *DERIVATIVE, *NET, "trainer.max_epochs=60", "task=muon", "run=a"]
    done = run(folder, "train.py", *words)
    assert done.returncode == 0, done.stderr
    assert "test relative error of derivative" in done.stdout
    trained = folder / "outputs/runs/a"
    summary = json.loads((trained / "summary.json").read_text())
    assert 0 < summary["test/relative_error_of_derivative"] < 0.3
    assert (trained / "derivative.png").is_file()
    assert (trained / "parity_derivative.png").is_file()
    checkpoint = f"ckpt_path={trained / 'checkpoints/best.ckpt'}"
    words = [checkpoint, "input=own.h5", "input_key=density", "output=out.h5", "derivative=true"]
    done = run(folder, "predict.py", *words)
    assert done.returncode == 0, done.stderr
    with h5py.File(folder / "out.h5") as out, h5py.File(folder / "own.h5") as file:
        found, true = out["derivative"][:, 0], file["slope"][()]
    assert np.sqrt(((found - true) ** 2).mean()) < 0.3 * true.std()
    refused = run(folder, "predict.py", *words, "output=out.csv")
    assert refused.returncode != 0
    assert "derivative=true has a value at every site, and output=out.csv is" in refused.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["task.derivative_weight=1"], "task.derivative_weight=1 needs derivatives (data.deri"),
        (["data.derivative=short"], "short has shape (100, 8), but derivatives by the fields"),
        (["data.spacing=0"], "data.spacing=0 is not possible; give the distance of neighbouring"),
        (["task.derivative_weight=-1"], "task.derivative_weight=-1 is not possible; give a num"),
        (["data.y=[energy,energy2]", *DERIVATIVE], "it has 2 outputs, and a derivative is one of"),
    ],
)
def test_bad_input_is_one_sentence(folder: Path, words: list[str], sentence: str) -> None:
    with h5py.File(folder / "own.h5", "a") as file:
        file.require_dataset("energy2", data=file["energy"][()], shape=(100,), dtype=float)
    done = run(folder, "train.py", *DATA, *NET, *words)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_spins_have_no_derivative(tmp_path: Path) -> None:
    torch.manual_seed(0)
    done = run(tmp_path, "train.py", *TINY, "tile.f=2", "task.derivative_weight=1")
    assert done.returncode == 1
    assert "can't predict derivative: its fields have single values, like spins" in done.stderr
