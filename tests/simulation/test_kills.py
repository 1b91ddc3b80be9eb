"""Dynamics and relaxation, killed at random moments again and again, end as unbroken ones do."""

import time
from collections.abc import Sequence
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from ase.io import Trajectory

from tests.conftest import start
from tests.simulation.conftest import NETWORK, hexagonal

MD = ["md.py", NETWORK, "input=start.extxyz", "output=out.traj", "steps=120", "every=2"]
RELAX = ["relax.py", NETWORK, "input=start.extxyz", "output=out.extxyz", "cell=true", "fmax=0.02"]
COMMANDS = {
    "nve": MD,
    "nvt": [*MD, "thermostat=langevin"],
    "relax": RELAX,
}


def run_to_the_end(folder: Path, words: Sequence[str]) -> None:
    with start(folder, *words) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err


def kill_at(folder: Path, words: Sequence[str], size: float) -> None:
    """Run a command, and kill it when its trajectory has so many bytes."""
    path = folder / "out.traj"
    with start(folder, *words) as process:
        while process.poll() is None and not (path.exists() and path.stat().st_size >= size):
            time.sleep(0.005)
        assert process.poll() is None, "it came to its end before"
        process.kill()


def frames(path: Path) -> list[ase.Atoms]:
    with Trajectory(path) as trajectory:
        return list(trajectory)


@pytest.mark.long
@pytest.mark.parametrize("name", COMMANDS)
def test_kills(tmp_path: Path, name: str) -> None:
    words, whole = COMMANDS[name], tmp_path / "whole"
    whole.mkdir()
    for folder in (tmp_path, whole):
        ase.io.write(folder / "start.extxyz", hexagonal(rattled=0.05))
    run_to_the_end(whole, words)
    size = (whole / "out.traj").stat().st_size
    for share in np.sort(np.random.default_rng(0).uniform(0.1, 0.9, 4)):
        kill_at(tmp_path, words, share * size)
    run_to_the_end(tmp_path, words)
    expected, found = frames(whole / "out.traj"), frames(tmp_path / "out.traj")
    assert len(found) == len(expected)
    for one, other in zip(expected, found, strict=True):
        assert one.info == other.info
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.cell.array, other.cell.array)
        np.testing.assert_array_equal(one.get_momenta(), other.get_momenta())
