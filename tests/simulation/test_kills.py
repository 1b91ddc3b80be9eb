"""Dynamics and relaxation, killed at random moments again and again, end as unbroken ones do."""

import subprocess
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

MD = ["md.py", NETWORK, "input=start.extxyz", "output=out.traj", "steps=300", "every=3"]
RELAX = ["relax.py", NETWORK, "input=start.extxyz", "output=out.extxyz", "cell=true", "fmax=0.02"]
COMMANDS = {
    "nve": MD,
    "nvt": [*MD, "thermostat=langevin"],
    "relax": RELAX,
}


def run_to_the_end(folder: Path, words: Sequence[str]) -> float:
    """Run a command; returns the seconds that it took."""
    started = time.monotonic()
    with start(folder, *words) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err
    return time.monotonic() - started


def frames(path: Path) -> list[ase.Atoms]:
    with Trajectory(path) as trajectory:
        return list(trajectory)


@pytest.mark.long
@pytest.mark.parametrize("name", COMMANDS)
def test_kills(tmp_path: Path, name: str) -> None:
    words, whole = COMMANDS[name], tmp_path / "whole"
    whole.mkdir()
    for folder in (tmp_path, whole):
        ase.io.write(folder / "start.extxyz", hexagonal(cells=4, rattled=0.05))
    seconds = run_to_the_end(whole, words)
    kills = 0
    for moment in np.random.default_rng(0).uniform(0.3, 0.9, 5):
        with start(tmp_path, *words) as process:
            try:
                process.communicate(timeout=moment * seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
    assert kills
    run_to_the_end(tmp_path, words)
    expected, found = frames(whole / "out.traj"), frames(tmp_path / "out.traj")
    assert len(found) == len(expected)
    for one, other in zip(expected, found, strict=True):
        assert one.info == other.info
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.cell.array, other.cell.array)
        np.testing.assert_array_equal(one.get_momenta(), other.get_momenta())
