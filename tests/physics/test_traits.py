"""Structures unlike those of a training: strained, turned, mirrored, of other sizes and cells."""

import numpy as np
import pytest
from ase.build import bulk

from ednn.data.structures.as_structure import spatial_structure
from ednn.physics.neighbours import bonds
from ednn.physics.sheets import crystal, sheet
from ednn.physics.sheets_in_cells import PRIMITIVE
from ednn.physics.structure import Structure
from ednn.physics.traits import ranges, traits, unlike

SEEN = ranges(sheet(seed) for seed in range(300))
OTHERS = range(1000, 1100)


def transformed(structure: Structure, matrix: np.ndarray) -> Structure:
    return Structure(structure.numbers, structure.positions @ matrix, structure.cell @ matrix)


def rotation(degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def test_sheets_of_the_same_kind_are_alike_whatever_their_size() -> None:
    assert sum(bool(unlike(sheet(seed), SEEN)) for seed in OTHERS) <= 1
    assert not unlike(sheet(0, (2, 2)), SEEN)
    assert not unlike(crystal(), SEEN)


@pytest.mark.parametrize("degrees", [5, 7, 15, 30, 90])
def test_turned_sheets_are_not(degrees: float) -> None:
    turned = [unlike(transformed(sheet(seed), rotation(degrees)), SEEN) for seed in OTHERS]
    assert sum("other directions" in words for words in turned) >= 95


def test_mirrored_and_moved_sheets_are_alike() -> None:
    for seed in range(1000, 1010):
        own = sheet(seed)
        mirrored = transformed(own, np.diag([-1.0, 1.0]))
        np.testing.assert_allclose(traits(mirrored), traits(own), atol=1e-12)
        moved = Structure(own.numbers, own.positions + 3.3, own.cell)
        np.testing.assert_allclose(traits(moved), traits(own), atol=1e-12)


@pytest.mark.parametrize("strain", [-0.04, 0.04])
def test_strained_sheets_are_not(strain: float) -> None:
    words = unlike(transformed(crystal(), np.eye(2) * (1 + strain)), SEEN)
    density = 60 / np.linalg.det(crystal().cell) / (1 + strain) ** 2
    assert words.startswith(f"it has {density:.3g} atoms per Å² (of those 0.357 to 0.3")


def test_the_same_crystal_in_its_smallest_cell_has_the_same_traits() -> None:
    primitive = Structure(np.array([6, 6]), np.array([[0.0, 0.0], PRIMITIVE.sum(0) / 3]), PRIMITIVE)
    np.testing.assert_allclose(traits(primitive), traits(crystal()), atol=1e-9)
    cubic, skewed = (
        spatial_structure(0, bulk("Si", cubic=is_cubic), "Si")  # type: ignore[arg-type]
        for is_cubic in (True, False)
    )
    np.testing.assert_allclose(np.linalg.norm(bonds(cubic, 4), axis=1), 2.3513, atol=1e-3)
    np.testing.assert_allclose(traits(skewed)[0], traits(cubic)[0])


def test_a_molecule_has_no_density_and_an_atom_no_directions() -> None:
    atom = Structure(np.array([6]), np.zeros((1, 2)), np.zeros((2, 2)))
    assert np.isnan(traits(atom)).all()
    assert not unlike(atom, SEEN)
