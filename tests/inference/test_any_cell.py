"""The packaged network on structures whose cells are not those of its training, by predict.py."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import graphene

from ednn.core.loading import load_structure_model
from ednn.inference.places import batch
from ednn.physics.sheets import LATTICE, crystal
from tests.conftest import run

NETWORK = "ckpt_path=pretrained/graphene-hbn-gfn1"


def hexagonal(cells: int) -> ase.Atoms:
    """hBN in a hexagonal cell, in the orientation of the training."""
    sheet = graphene("BN", a=LATTICE, vacuum=7.5).repeat((cells, cells, 1))
    sheet.pbc = True
    return sheet


def ribbon() -> ase.Atoms:
    sheet = crystal((1, 2), boron_first=True)
    positions = np.pad(sheet.positions, ((0, 0), (0, 1)))
    return ase.Atoms(sheet.numbers, positions, cell=[sheet.sides[0], 0, 0], pbc=[1, 0, 0])


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[ase.Atoms], str]:
    folder = tmp_path_factory.mktemp("cells")
    turned = hexagonal(6)
    turned.set_cell([turned.cell[0] + turned.cell[1], turned.cell[1], turned.cell[2]])
    primitive, molecule = hexagonal(1), hexagonal(3)
    molecule.pbc = False
    frames = [hexagonal(6), turned, primitive, ribbon(), molecule]
    ase.io.write(folder / "cells.extxyz", frames, format="extxyz")
    words = [NETWORK, "input=cells.extxyz", "output=out.extxyz", "forces=true", "shifts=8"]
    done = run(folder, "predict.py", *words)
    assert done.returncode == 0, done.stderr
    return list(ase.io.iread(Path(folder, "out.extxyz"))), done.stdout + done.stderr


def per_atom(frame: ase.Atoms) -> float:
    (name,) = [key for key in frame.info if key.endswith("energy_per_atom")]
    return float(frame.info[name])


def test_cells_of_one_crystal_have_one_energy(predicted: tuple[list[ase.Atoms], str]) -> None:
    model = load_structure_model("pretrained/graphene-hbn-gfn1")
    sheet = crystal(boron_first=True)
    expected = model(batch(sheet, model)).item() / 60
    for frame in predicted[0][:3]:  # the last has but two atoms; within the translation error
        assert per_atom(frame) == pytest.approx(expected, abs=1.3e-3)


def test_forces_keep_the_symmetry_of_the_crystal(predicted: tuple[list[ase.Atoms], str]) -> None:
    for frame in predicted[0][:3]:
        (name,) = [key for key in frame.arrays if key.endswith("forces")]
        assert np.abs(frame.arrays[name]).max() < 0.3  # eV/Å; zero but for the pixels


def test_edges_that_were_never_trained_are_warned_of(
    predicted: tuple[list[ase.Atoms], str],
) -> None:
    assert "2 of 5 structures don't repeat in both directions" in predicted[1]
    assert "2 of 5 samples are unlike those of the training: number 4 is" in predicted[1]
