"""A trajectory that lost its end has all its whole frames, and is gone on with."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import Trajectory

from ednn.simulation.mending import mend
from ednn.simulation.trajectory import KeptTrajectory

FRAMES = 45  # ASE's table of frames is written anew behind the second and the 43rd


def frame(step: int) -> ase.Atoms:
    rng = np.random.default_rng(step)
    atoms = ase.Atoms("BNC", rng.normal(size=(3, 3)), cell=[9, 8, 7], pbc=True)
    atoms.set_momenta(rng.normal(size=(3, 3)))
    forces = rng.normal(size=(3, 3))
    atoms.calc = SinglePointCalculator(atoms, energy=float(step), forces=forces)
    return atoms


def fill(path: Path, first: int, stop: int) -> list[int]:
    """Append frames; returns where the file ends after each."""
    ends = []
    with KeptTrajectory(path, {"seed": 7}, overwrite=False) as trajectory:
        for step in range(first, stop):
            trajectory.write(frame(step), step=step)
            ends.append(path.stat().st_size)
    return ends


def assert_frames(path: Path, count: int) -> None:
    with Trajectory(path) as frames:
        assert len(frames) == count
        for step, found in enumerate(frames):
            expected = frame(step)
            assert found.info == {"step": step, "settings": {"seed": 7}}
            np.testing.assert_array_equal(found.positions, expected.positions)
            np.testing.assert_array_equal(found.get_momenta(), expected.get_momenta())
            np.testing.assert_array_equal(found.get_forces(), expected.get_forces())


def test_what_is_cut_off_costs_that_frame_alone(tmp_path: Path) -> None:
    path, part = tmp_path / "whole.traj", tmp_path / "part.traj"
    ends = fill(path, 0, FRAMES)
    data = path.read_bytes()
    cuts = {*range(ends[0], len(data), 403), *ends, *(end - 1 for end in ends[1:])}
    lost = 0
    for cut in sorted(cuts):
        part.write_bytes(data[:cut])
        mend(part)
        # a table of frames may stand behind a frame, which is whole without it
        least = sum(end <= cut for end in ends)
        with Trajectory(part) as frames:
            count = len(frames)
        assert least <= count <= least + 1
        lost += least == count
        if cut % 10 == 0:
            assert_frames(part, count)
    assert lost > len(cuts) / 2


@pytest.mark.parametrize("kept", [1, 2, 3, 41, 42, 43, 44])
def test_a_mended_file_is_gone_on_with(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "own.traj"
    ends = fill(path, 0, FRAMES)
    path.write_bytes(path.read_bytes()[: ends[kept] - 9 if kept not in (1, 42) else ends[kept - 1]])
    mend(path)
    with Trajectory(path) as frames:
        first = len(frames)
    assert first == kept
    fill(path, first, FRAMES)
    assert_frames(path, FRAMES)


def test_an_error_in_the_middle_of_a_frame_leaves_no_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "own.traj"
    fill(path, 0, 2)

    class Failing(SinglePointCalculator):
        def get_property(self, *_: object, **__: object) -> None:
            raise KeyboardInterrupt

    broken = frame(2)
    broken.calc = Failing(broken)
    with pytest.raises(KeyboardInterrupt), KeptTrajectory(path, {"seed": 7}, False) as trajectory:
        trajectory.write(broken, step=2)
    assert_frames(path, 2)
    fill(path, 2, 4)
    assert_frames(path, 4)


def test_what_is_no_trajectory_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.traj"
    for data in (b"", b"- of Ulm", b"text"):
        path.write_bytes(data)
        mend(path)
        assert path.read_bytes() == data


ENDLESS = """
import sys
from pathlib import Path
from ase.io import Trajectory
from ednn.simulation.trajectory import KeptTrajectory
from tests.simulation.test_mending import frame
path = Path(sys.argv[1])
with KeptTrajectory(path, {"seed": 7}, overwrite=False) as trajectory:
    step = sum(1 for _ in trajectory)
    print("begun", flush=True)
    while True:
        trajectory.write(frame(step), step=step)
        step += 1
        print(step, flush=True)
"""


def test_kills_lose_no_frame_that_was_written(tmp_path: Path) -> None:
    path, written = tmp_path / "own.traj", 0
    for seconds in np.random.default_rng(0).uniform(0.01, 0.1, 2):
        process = subprocess.Popen(
            [sys.executable, "-c", ENDLESS, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        written = max([written, *map(int, out.rpartition("\n")[0].split())])
        mend(path)
        with Trajectory(path) as frames:
            count = len(frames)
        assert count in (written, written + 1)
        written = count
    assert_frames(path, written)
