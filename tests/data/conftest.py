"""Real trainings on few structures, which many tests share."""

from pathlib import Path

import numpy as np
import pytest

from ednn.data.structures.file import write
from tests.conftest import run
from tests.data.structures.sheets import SMALL, some


@pytest.fixture(scope="session")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small labelled sets, as the repository has large ones."""
    sheets = tmp_path_factory.mktemp("dft")
    (sheets / "data" / "dft").mkdir(parents=True)
    write(sheets / "data" / "dft" / "gfn1.h5", some(range(120)))
    other = some(range(200, 260), theory="pbe")
    atoms = [other.numbers[other.atoms(i)] for i in range(len(other))]
    counts = np.array([[np.count_nonzero(own == z) for z in (5, 6, 7)] for own in atoms])
    other.energy[:] += counts @ [3.0, -1.0, 2.0]
    write(sheets / "data" / "dft" / "pbe.h5", other)
    return sheets


@pytest.fixture(scope="session")
def trained_on_sheets(sheets: Path) -> Path:
    done = run(sheets, "train.py", "data=dft", *SMALL, "trainer.max_epochs=2", "run=first")
    assert done.returncode == 0, done.stderr
    assert "meV per atom" in done.stdout
    return sheets / "outputs" / "runs" / "first"
