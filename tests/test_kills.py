"""Labelling and prediction, killed at twenty random moments each, end bit for bit as unbroken ones.

That of a training stands in `tests/training/test_kills.py`.
"""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conftest import run, start

MOMENTS = np.random.default_rng(0).uniform(0, 1, 20)  # in units of an unbroken run's time
LJ = "{_target_: ase.calculators.lj.LennardJones, sigma: 1.3, rc: 3.0}"  # milliseconds a label
LABELLING = [
    *("generate.py", "data=dft", f"data.theory={LJ}", "data.count=400", "data.path=labels.h5"),
    "data.cache=cache",
]

Contents = dict[str, np.ndarray]


def contents(path: Path) -> Contents:
    """Return every dataset of an HDF5 file."""
    found: Contents = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


def unbroken(folder: Path, words: Sequence[str], output: str) -> tuple[Contents, float]:
    """Run a command to its end; returns what it wrote and the seconds that it took."""
    started = time.monotonic()
    with start(folder, *words) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err
    return contents(folder / output), time.monotonic() - started


def killed_and_resumed(folder: Path, words: Sequence[str], output: str, seconds: float) -> Contents:
    """Run a command, kill it after some seconds and run it again; returns what it wrote."""
    with start(folder, *words) as process:
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    if not (folder / output).exists():
        done = run(folder, *words)
        assert done.returncode == 0, done.stderr
    return contents(folder / output)


def assert_equal(one: Contents, other: Contents) -> None:
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(other[name], values, err_msg=name)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Contents, float]:
    return unbroken(tmp_path_factory.mktemp("labels"), LABELLING, "labels.h5")


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
def test_labelling(labelled: tuple[Contents, float], tmp_path: Path, moment: float) -> None:
    expected, seconds = labelled
    found = killed_and_resumed(tmp_path, LABELLING, "labels.h5", moment * seconds)
    assert_equal(expected, found)


@pytest.fixture(scope="module")
def predicting(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("spins") / "spins.h5"
    values = np.random.default_rng(0).choice(np.array([-1, 1], "int8"), (1, 2000, 2000))
    with h5py.File(path, "w") as file:
        file.create_dataset("fields", data=values, chunks=(1, 100, 100))
    checkpoint = f"ckpt_path={trained / 'checkpoints' / 'best.ckpt'}"
    return ["predict.py", checkpoint, f"input={path}", "output=out.h5", "memory=0.805"]


@pytest.fixture(scope="module")
def predicted(
    predicting: list[str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Contents, float]:
    return unbroken(tmp_path_factory.mktemp("whole"), predicting, "out.h5")


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
def test_prediction(
    predicting: list[str], predicted: tuple[Contents, float], tmp_path: Path, moment: float
) -> None:
    expected, seconds = predicted
    found = killed_and_resumed(tmp_path, predicting, "out.h5", moment * seconds)
    assert_equal(expected, found)
