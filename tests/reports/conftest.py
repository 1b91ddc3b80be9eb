"""Small runs of each kind that a report is of."""

import shutil
from pathlib import Path

import pytest

from ednn.data.structures.file import write
from tests.conftest import SHARED, SMALL, run
from tests.data.structures.sheets import SMALL as SMALL_SHEETS
from tests.data.structures.sheets import some


@pytest.fixture
def ising(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a run on spins; its data are in the working folder."""
    monkeypatch.chdir(trained.parents[2])
    shutil.copytree(trained, tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture(scope="session")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on sheets with forces; its working folder is three levels up."""
    folder = tmp_path_factory.mktemp("sheets")
    write(folder / "own.h5", some(range(40)))
    words = ["data=dft", "data.path=own.h5", *SMALL_SHEETS, "model.subnet.widths=[8,8]"]
    words += ["task=muon", "task.force_weight=0.1", "trainer.max_epochs=2", "run=sheets"]
    done = run(folder, "train.py", *words)
    assert done.returncode == 0, done.stderr
    return folder / "outputs" / "runs" / "sheets"


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep over focus and context; its working folder is three levels up."""
    folder = tmp_path_factory.mktemp("sweep")
    done = run(folder, "train.py", "-m", "tile.f=2", "tile.c=0,1", "run=sweep", *SMALL, SHARED)
    assert done.returncode == 0, done.stderr
    return folder / "outputs" / "sweeps" / "sweep"
