"""Stress in the loss and in the errors, of sheets in cells of every shape."""

import json
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, run
from tests.data.structures.sheets import SMALL

LJ = "{_target_: ase.calculators.lj.LennardJones, sigma: 1.3, rc: 3.0}"  # milliseconds a label
DATA = ["data=dft", "data.recipe=cells", f"data.theory={LJ}", "data.path=cells.h5"]
TRAINING = [
    *DATA,
    *SMALL,
    "data.val=0.1",
    "trainer.max_epochs=20",
    "model.subnet.widths=[8,8]",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stress")
    done = run(folder, "generate.py", *DATA, "data.count=30")
    assert done.returncode == 0, done.stderr
    return folder


def test_stress_is_trained_and_its_error_is_reported(folder: Path) -> None:
    errors = []
    for weight in ("0", "1"):
        words = [f"task.stress_weight={weight}", "task.force_weight=0.1", f"run=weight_{weight}"]
        done = run(folder, "train.py", *TRAINING, *words)
        assert done.returncode == 0, done.stderr
        assert "test mean absolute error of stress (eV/Å²)" in done.stdout
        summary = json.loads((folder / f"outputs/runs/weight_{weight}/summary.json").read_text())
        errors.append(summary["test/mean_absolute_error_of_stress"])
    assert errors[1] < errors[0]


def test_data_without_stress_is_refused(folder: Path) -> None:
    path = REPOSITORY / "data/dft/gfn1_120.h5"
    done = run(
        folder,
        "train.py",
        "data=dft",
        *SMALL,
        f"data.path={path}",
        "data.grid=64",
        "task.stress_weight=1",
    )
    assert done.returncode == 1
    assert "task.stress_weight=1 needs stress, which this data set has not" in done.stderr
