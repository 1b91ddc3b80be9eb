"""A trajectory has all frames that were written, whatever ended the run."""

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

from ednn.core.errors import InputError
from ednn.simulation.trajectory import KeptTrajectory


def frame(step: int) -> ase.Atoms:
    rng = np.random.default_rng(step)
    atoms = ase.Atoms("BNC", rng.normal(size=(3, 3)), cell=[9, 8, 7], pbc=True)
    atoms.set_momenta(rng.normal(size=(3, 3)))
    forces = rng.normal(size=(3, 3))
    atoms.calc = SinglePointCalculator(atoms, energy=float(step), forces=forces)
    return atoms


def fill(path: Path, first: int, stop: int) -> None:
    with KeptTrajectory(path, {"seed": 7}, overwrite=False) as trajectory:
        for step in range(first, stop):
            trajectory.write(frame(step), step=step)


def assert_frames(path: Path, count: int) -> None:
    with Trajectory(path) as frames:
        assert len(frames) == count
        for step, found in enumerate(frames):
            expected = frame(step)
            assert found.info == {"step": step, "settings": {"seed": 7}}
            np.testing.assert_array_equal(found.positions, expected.positions)
            np.testing.assert_array_equal(found.get_momenta(), expected.get_momenta())
            np.testing.assert_array_equal(found.get_forces(), expected.get_forces())


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


def test_a_file_that_lost_its_end_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.traj"
    fill(path, 0, 3)
    for data in (path.read_bytes()[:-9], b"", b"text"):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"own.traj can't be read .* overwrite=true"):
            KeptTrajectory(path, {"seed": 7}, overwrite=False)
        assert path.read_bytes() == data


ENDLESS = """
import sys
from pathlib import Path
from ase.io import Trajectory
from ednn.simulation.trajectory import KeptTrajectory
from tests.simulation.test_trajectory import frame
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
        with Trajectory(path) as frames:
            count = len(frames)
        assert count in (written, written + 1)
        written = count
    assert_frames(path, written)


def test_settings_that_no_longer_matter_keep_no_run_from_going_on(tmp_path: Path) -> None:
    path = tmp_path / "own.traj"
    with KeptTrajectory(path, {"seed": 7, "fmax": 0.01}, overwrite=False) as trajectory:
        trajectory.write(frame(0), step=0)
    with KeptTrajectory(path, {"seed": 7}, overwrite=False) as trajectory:
        trajectory.write(frame(1), step=1)
        assert [own.info["step"] for own in trajectory] == [0, 1]
    with pytest.raises(InputError, match="was made with seed=7"):
        KeptTrajectory(path, {"seed": 8}, overwrite=False)
