"""Turned sheets through predict.py, evaluate.py, relax.py and md.py, with all they predict."""

import json
from dataclasses import replace
from pathlib import Path

import ase
import ase.io
import h5py
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import Trajectory

from ednn.calculator import EDNNCalculator
from ednn.core.atomistic import AtomisticEDNN
from ednn.core.errors import InputError
from ednn.core.loading import load_structure_model
from ednn.core.model import EDNN
from ednn.core.subnets import ANN
from ednn.data.structures.file import part, read
from ednn.data.structures.turned_labels import turned_labels
from ednn.inference import structure_job as module
from ednn.inference.pieces import BY_GRADIENT
from ednn.inference.reading import read_structures
from ednn.inference.structure_job import StructureJob
from ednn.physics.orientation import turned as turned_structure
from ednn.physics.sheets import sheet
from ednn.physics.traits import ranges
from tests.conftest import run
from tests.inference.test_structures import forces_and_shares
from tests.simulation.conftest import done, hexagonal, rectangular

NETWORK = "ckpt_path=pretrained/graphene-hbn-gfn1"
DEGREES = 17
TURN = np.array(
    [
        [np.cos(np.deg2rad(DEGREES)), np.sin(np.deg2rad(DEGREES))],
        [-np.sin(np.deg2rad(DEGREES)), np.cos(np.deg2rad(DEGREES))],
    ]
)


def turned(atoms: ase.Atoms) -> ase.Atoms:
    after = atoms.copy()
    after.rotate(DEGREES, "z", rotate_cell=True)
    return after


def displaced() -> ase.Atoms:
    atoms = rectangular()
    atoms.positions[:, :2] += np.random.default_rng(0).normal(0, 0.05, (len(atoms), 2))
    return atoms


def test_predictions_turn_with_the_sheets(tmp_path: Path) -> None:
    frames = [displaced(), turned(displaced()), hexagonal(cells=4), turned(hexagonal(cells=4))]
    ase.io.write(tmp_path / "in.extxyz", frames)
    words = [NETWORK, "input=in.extxyz", "output=out.extxyz", "forces=true", "stress=true"]
    ended = run(tmp_path, "predict.py", *words)
    assert ended.returncode == 0, ended.stderr
    assert "Warning" not in ended.stderr
    said = "2 of 4 structures were turned by up to 17° into the orientation of the training."
    assert said in ended.stdout
    after = [*ase.io.iread(tmp_path / "out.extxyz")]
    for frame, before in zip(after, frames, strict=True):
        np.testing.assert_allclose(frame.positions, before.positions, atol=1e-7)  # as they were
        np.testing.assert_allclose(frame.cell, before.cell, atol=1e-7)
    name = "predicted_gfn1_energy"
    with h5py.File(tmp_path / "out.h5") as file:
        angles = [file[f"contributions/{i}"].attrs["turned_by"] for i in range(4)]
        assert angles == pytest.approx([0, -DEGREES, 0, -DEGREES], abs=0.1)
        for i in (0, 2):
            one, other = after[i], after[i + 1]
            assert other.info[name] == pytest.approx(one.info[name], abs=1e-3 * len(one))
            forces, stress = file[f"forces/{i}"][()] @ TURN, TURN.T @ file[f"stress/{i}"] @ TURN
            np.testing.assert_allclose(file[f"forces/{i + 1}"], forces, atol=0.01)
            np.testing.assert_allclose(other.arrays[f"{name}_forces"][:, :2], forces, atol=0.01)
            np.testing.assert_allclose(file[f"stress/{i + 1}"], stress, atol=3e-3)


def test_a_turned_rectangle_fits_a_network_of_whole_tiles(tmp_path: Path) -> None:
    model = AtomisticEDNN(EDNN(ANN, 8, 4), [5, 7], pixel=[12.5 / 32, 12.99 / 32], gamma=0.4)
    ase.io.write(tmp_path / "in.extxyz", turned(rectangular()))
    with pytest.raises(InputError, match="rectangular cells of whole tiles alone"):
        read_structures(model, tmp_path / "in.extxyz")
    model.info = replace(model.info, traits=ranges(map(sheet, range(30))))
    _, (found,) = read_structures(model, tmp_path / "in.extxyz")
    assert found.turned_by == pytest.approx(-DEGREES, abs=0.1)


def test_turned_sheets_go_in_blocks_as_unturned_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "DENSE", 0)
    model = load_structure_model("pretrained/graphene-hbn-gfn1").double()
    ase.io.write(tmp_path / "in.traj", [displaced(), turned(displaced())])
    _, structures = read_structures(model, tmp_path / "in.traj")
    jobs = [StructureJob(model, [own], 2500 * BY_GRADIENT, forces=True) for own in structures]
    assert min(len(job.pieces) for job in jobs) > 1
    (one, shares), (other, turned_shares) = (forces_and_shares(job) for job in jobs)
    np.testing.assert_allclose(other, one, atol=1e-8)
    np.testing.assert_allclose(turned_shares, shares, atol=1e-8)


def test_labels_turn_with_their_sheets_in_a_test(tmp_path: Path) -> None:
    atoms = displaced()
    atoms.calc = EDNNCalculator("pretrained/graphene-hbn-gfn1")
    given = turned(atoms)
    forces = atoms.get_forces()
    forces[:, :2] = forces[:, :2] @ TURN
    given.calc = SinglePointCalculator(given, energy=atoms.get_potential_energy(), forces=forces)
    ase.io.write(tmp_path / "turned.extxyz", [given, given])
    words = ["data=atoms", "data.path=turned.extxyz", "data.grid=32", "run=turned"]
    ended = run(tmp_path, "evaluate.py", NETWORK, *words)
    assert ended.returncode == 0, ended.stderr
    assert "2 of 2 structures were turned by up to 17°" in ended.stdout
    assert "other directions" not in ended.stderr
    (path,) = tmp_path.glob("outputs/**/turned/summary.json")
    summary = json.loads(path.read_text())
    assert summary["test/mean_absolute_error_per_site"] < 0.1  # meV per atom
    assert summary["test/mean_absolute_error_of_forces"] < 1e-3 < abs(forces).mean()


@pytest.mark.parametrize("path", ["data/dft/gfn1_cells.h5", "data/dft/gfn1_120.h5"])
def test_turned_labels_are_those_of_unturned_ones(path: str) -> None:
    labels = part(read(path), np.arange(3))
    structures = [turned_structure(own, DEGREES) for own in labels.structures]
    given = replace(
        labels,
        positions=np.concatenate([own.positions for own in structures]),
        cell=np.array([own.cell for own in structures]),
        forces=(labels.forces @ TURN).astype(np.float32),
        stress=TURN.T @ labels.stress @ TURN,
    )
    found, after = turned_labels(given, [0, 2], known=30.0)
    assert [own.turned_by for own in after] == pytest.approx([-DEGREES] * 2, abs=0.3)
    rows = [*range(labels.offsets[1]), *range(labels.offsets[2], labels.offsets[3])]
    np.testing.assert_allclose(found.forces[rows], labels.forces[rows], atol=0.02)
    if len(labels.stress):
        np.testing.assert_allclose(found.stress[[0, 2]], labels.stress[[0, 2]], atol=0.02)
    np.testing.assert_allclose(found.cell[[0, 2]], labels.cell[[0, 2]], atol=0.05)
    middle = labels.atoms(1)
    np.testing.assert_array_equal(found.positions[middle], given.positions[middle])


def test_a_turned_sheet_is_relaxed_and_moved_as_an_unturned_one(tmp_path: Path) -> None:
    for name, frame in (("plain", displaced()), ("turned", turned(displaced()))):
        ase.io.write(tmp_path / f"{name}.traj", frame)
        words = [NETWORK, f"input={name}.traj", "float64=true", "steps=4"]
        said = done(tmp_path, "relax.py", *words, f"output={name}_relaxed.extxyz")
        assert ("1 of 1 structures were turned by up to 17°" in said) == (name == "turned")
    ends = []
    for name in ("plain", "turned"):
        with Trajectory(tmp_path / f"{name}_relaxed.traj") as frames:
            ends.append(frames[-1])
    np.testing.assert_allclose(ends[1].positions[:, :2], ends[0].positions[:, :2] @ TURN, atol=1e-6)
    words = ["md.py", NETWORK, "input=turned.traj", "every=2"]
    done(tmp_path, *words, "output=whole.traj", "steps=6")
    done(tmp_path, *words, "output=parts.traj", "steps=2")
    done(tmp_path, *words, "output=parts.traj", "steps=6")
    with Trajectory(tmp_path / "whole.traj") as whole, Trajectory(tmp_path / "parts.traj") as parts:
        for one, other in zip(whole, parts, strict=True):
            np.testing.assert_array_equal(one.positions, other.positions)
