"""relax.py: what it finds, what it writes, how it goes on, and what it refuses."""

from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from ase.io import Trajectory

from ednn.calculator import EDNNCalculator
from ednn.physics.sheets import LATTICE
from tests.conftest import run
from tests.simulation.conftest import NETWORK, done, hexagonal, refused

pytestmark = pytest.mark.filterwarnings("ignore:.*unlike those of the training")
WORDS = ["relax.py", NETWORK, "input=two.extxyz", "output=out.extxyz"]


def steps(path: Path) -> list[tuple[int, int]]:
    with Trajectory(path) as trajectory:
        return [(frame.info["structure"], frame.info["step"]) for frame in trajectory]


def test_atoms_are_relaxed_to_the_force_that_was_asked_for(two: Path) -> None:
    said = done(two, *WORDS, "fmax=0.05")
    assert "not converged" not in said
    sheet, defect = ase.io.read(two / "out.extxyz", ":")
    start = ase.io.read(two / "two.extxyz", ":")
    calculator = EDNNCalculator("pretrained/graphene-hbn-gfn1")
    for i, (relaxed, before) in enumerate(zip((sheet, defect), start, strict=True)):
        assert np.linalg.norm(relaxed.get_forces(), axis=1).max() < 0.05
        np.testing.assert_array_equal(relaxed.cell, before.cell)
        np.testing.assert_array_equal(relaxed.positions[:, 2], 5)
        assert relaxed.info["structure"] == i
        assert relaxed.info["converged"]
        energy, stress = relaxed.get_potential_energy(), relaxed.get_stress()
        relaxed.calc = calculator
        assert energy == pytest.approx(relaxed.get_potential_energy(), abs=1e-3)
        np.testing.assert_allclose(stress, relaxed.get_stress(), atol=1e-4)
        before.calc = calculator
        assert energy < before.get_potential_energy() - 0.1
    assert [step for number, step in steps(two / "out.traj") if number == 1] == [
        *range(defect.info["step"] + 1)
    ]


def test_a_relaxation_in_parts_is_that_in_one(two: Path) -> None:
    words = [*WORDS, "cell=true", "fmax=0.02"]
    done(two, *words, "steps=12")
    whole = (two / "out.extxyz").read_bytes()
    (two / "out.extxyz").unlink()
    path = two / "out.traj"
    path.rename(two / "whole.traj")
    said = done(two, *words, "steps=3")
    assert "2 of 2 structures are not converged (largest force left:" in said
    assert [frame.info["step"] for frame in ase.io.read(two / "out.extxyz", ":")] == [3, 3]
    ended = run(two, *words, "steps=12")
    assert ended.returncode == 0, ended.stderr
    assert (two / "out.extxyz").read_bytes() == whole
    assert sorted(steps(path)) == sorted(steps(two / "whole.traj"))
    before = path.read_bytes()
    done(two, *words, "steps=12")
    assert path.read_bytes() == before
    assert "out.traj was made with cell=true" in refused(two, *WORDS)
    assert path.read_bytes() == before
    ase.io.write(two / "two.extxyz", hexagonal())
    assert "out.traj was made with another input" in refused(two, *words)
    assert path.read_bytes() == before


def test_a_smaller_force_goes_on_with_a_relaxation(two: Path) -> None:
    done(two, *WORDS, "fmax=0.2")
    some = steps(two / "out.traj")
    ended = run(two, *WORDS, "fmax=0.05")
    assert ended.returncode == 0, ended.stderr
    assert steps(two / "out.traj")[: len(some)] == some
    for relaxed in ase.io.read(two / "out.extxyz", ":"):
        assert np.linalg.norm(relaxed.get_forces(), axis=1).max() < 0.05
        assert relaxed.info["converged"]


def test_the_cell_is_relaxed_in_its_plane(tmp_path: Path) -> None:
    start = hexagonal(rattled=0)
    start.set_cell(start.cell * [1.02, 1.02, 1], scale_atoms=True)
    ase.io.write(tmp_path / "two.extxyz", start)
    done(tmp_path, *WORDS, "cell=true")
    relaxed = ase.io.read(tmp_path / "out.extxyz")
    assert isinstance(relaxed, ase.Atoms)
    assert np.abs(relaxed.get_stress()).max() < 1e-3
    assert relaxed.cell.lengths()[:2] / 3 == pytest.approx([LATTICE] * 2, rel=0.01)
    np.testing.assert_array_equal(relaxed.cell[2], start.cell[2])


def test_a_flake_is_relaxed(tmp_path: Path) -> None:
    flake = hexagonal("C2")
    flake.pbc = False
    ase.io.write(tmp_path / "two.extxyz", flake)
    done(tmp_path, *WORDS, "steps=2")
    relaxed = ase.io.read(tmp_path / "out.extxyz")
    assert isinstance(relaxed, ase.Atoms)
    assert "stress" not in relaxed.calc.results
    said = refused(tmp_path, *WORDS, "output=other.extxyz", "cell=true")
    assert "two.extxyz: structure 0 doesn't repeat in all directions, which" in said
    flake.pbc = [True, True, False]
    flake.cell[2] = 0
    ase.io.write(tmp_path / "two.extxyz", flake)
    said = refused(tmp_path, *WORDS, "output=other.extxyz", "cell=true")
    assert "two.extxyz: structure 0 has a cell without height, which cell=true needs" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fmax=0"], "fmax=0 is not possible; give a number above 0 (eV/Å)."),
        (["steps=0"], "steps=0 is not possible; give a whole number of at least 1."),
        (["cell=2"], "cell=2 is not possible; give true or false."),
        (["output=out.traj"], "output=out.traj has no known ending; use .extxyz."),
        (["output=two.extxyz"], "would overwrite two.extxyz, which is the input"),
        (["output=mine.extxyz"], "output=mine.extxyz would overwrite mine.extxyz"),
    ],
)
def test_bad_input_is_told(two: Path, words: list[str], said: str) -> None:
    (two / "mine.extxyz").write_text("mine")
    before = {path: path.read_bytes() for path in two.iterdir()}
    assert said in refused(two, *WORDS, *words)
    assert {path: path.read_bytes() for path in two.iterdir()} == before


def test_progress_names_structure_energy_and_force(two: Path) -> None:
    ended = run(two, *WORDS, "steps=1")
    for words in ("Relaxing", "step", "structure=1", "energy=", "largest force="):
        assert words in ended.stderr


def test_what_is_unlike_the_training_is_told_once(tmp_path: Path) -> None:
    strained = hexagonal(rattled=0)
    strained.set_cell(strained.cell * [1.08, 1.08, 1], scale_atoms=True)
    ase.io.write(tmp_path / "two.extxyz", strained)
    ended = run(tmp_path, *WORDS, "steps=2")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("atoms per Å²") == 1
