"""Stress in the loss and in the errors, of sheets in cells of every shape."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ednn.core.atomistic import AtomisticEDNN
from ednn.core.model import EDNN
from ednn.core.subnets import FCN
from ednn.data.structures.file import part, read, write
from ednn.data.structures.samples import StructureDataset
from ednn.training.loss import LossOfSlopes
from tests.conftest import REPOSITORY, run
from tests.data.structures.sheets import SMALL

CELLS = REPOSITORY / "data/dft/gfn1_cells.h5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stress")
    write(folder / "cells.h5", part(read(CELLS), np.arange(20)))
    return folder


def test_a_network_learns_stress_alone() -> None:
    torch.manual_seed(0)
    net = AtomisticEDNN(EDNN(FCN, 8, 4), [5, 6, 7], [0.4, 0.4], gamma=0.4)
    batch = StructureDataset(part(read(CELLS), np.arange(3))).__getitems__([0, 1, 2])
    loss, losses = LossOfSlopes({"stress": 1.0}), []
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(25):
        _, *found = net.with_slopes(batch.inputs, loss.wanted, create_graph=True)
        losses.append(loss(found, batch))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.7 * losses[0]


def test_errors_of_the_stress_are_reported(folder: Path) -> None:
    words = ["data=dft", "data.path=cells.h5", *SMALL, "data.val=0.1", "model.subnet.widths=[8,8]"]
    done = run(folder, "train.py", *words, "task.stress_weight=1", "trainer.max_epochs=2", "run=a")
    assert done.returncode == 0, done.stderr
    assert "test mean absolute error of stress (eV/Å²)" in done.stdout
    summary = json.loads((folder / "outputs/runs/a/summary.json").read_text())
    assert 0 < summary["test/mean_absolute_error_of_stress"] < 1


def test_data_without_stress_is_refused(folder: Path) -> None:
    path = REPOSITORY / "data/dft/gfn1_120.h5"
    words = ["data=dft", *SMALL, f"data.path={path}", "data.grid=64", "task.stress_weight=1"]
    done = run(folder, "train.py", *words)
    assert done.returncode == 1
    assert "task.stress_weight=1 needs stress, which this data set has not" in done.stderr
