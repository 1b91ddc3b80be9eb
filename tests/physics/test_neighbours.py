"""Nearest neighbours, against all pairs and their images, and what gives itself away by them."""

import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.physics.neighbours import FAR, nearest_distances, require_seen, span
from ednn.physics.sheets import LATTICE, crystal, sheet
from ednn.physics.structure import Structure


def by_hand(structure: Structure) -> np.ndarray:
    shifts = (np.indices((3, 3)).reshape(2, -1).T - 1) @ structure.cell  # (9, 2)
    apart = structure.positions[:, None, None] - structure.positions[:, None] - shifts
    lengths = np.linalg.norm(apart, axis=-1)  # (N, N, 9)
    lengths[lengths == 0] = np.inf
    return lengths.min((1, 2))


@pytest.mark.parametrize("seed", [0, 5])
def test_distances_are_those_of_all_pairs_and_images(seed: int) -> None:
    structure = sheet(seed)
    np.testing.assert_allclose(nearest_distances(structure, "it"), by_hand(structure), rtol=1e-12)


@pytest.mark.parametrize("vectors", [[[0, 0], [0, 0]], [[12.5, 0], [0, 0]], [[12.5, 1], [-6, 11]]])
def test_distances_in_any_cell(vectors: list[list[float]]) -> None:
    plain = sheet(5)
    structure = Structure(plain.numbers, plain.positions, np.array(vectors, float))
    inside = np.minimum(by_hand(structure), FAR)
    if np.linalg.det(vectors):
        structure = Structure(plain.numbers, plain.positions - 20, np.array(vectors, float))
    kept = inside > 0.5  # skewing puts some atoms on others
    if kept.all():
        np.testing.assert_allclose(nearest_distances(structure, "it"), inside, rtol=1e-12)
    else:
        with pytest.raises(InputError, match=r"expected at least 0\.5"):
            nearest_distances(structure, "it")


def test_a_primitive_cell_of_graphene() -> None:
    cell = LATTICE * np.array([[1, 0], [-0.5, np.sqrt(0.75)]])
    two = Structure(np.array([6, 6]), np.array([[0, 0], [0, LATTICE / np.sqrt(3)]]), cell)
    np.testing.assert_allclose(nearest_distances(two, "it"), LATTICE / np.sqrt(3), rtol=1e-12)


def test_in_a_crystal_all_are_a_bond_apart() -> None:
    bond = LATTICE / np.sqrt(3)
    assert span([nearest_distances(crystal(), "it")]) == pytest.approx((bond, bond))


def test_a_lone_atom_is_nearest_to_its_own_image() -> None:
    alone = Structure(np.array([6]), np.array([[1.0, 2.0]]), np.diag([3.0, 4.0]))
    assert nearest_distances(alone, "it").tolist() == [3.0]


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        ([[1, 1], [3, 1], [1.2, 1]], r"it: atoms 0 and 2 are 0\.2 Å apart.*in Å, and each atom"),
        ([[1, 1], [1, 8.9], [1, 0.1]], r"atoms 1 and 2 are 0\.2 Å apart"),
        ([[1, 3], [3, 1], [3, 1]], "atoms 1 and 2 are 0 Å apart"),
        ([[0.1, 0.2], [0.4, 0.3]], "look like fractional coordinates: multiply them"),
    ],
)
def test_atoms_that_are_too_near_are_named(positions: list[list[float]], words: str) -> None:
    where = np.array(positions, float)
    near = Structure(np.full(len(where), 6), where, np.eye(2) * 9.0)
    with pytest.raises(InputError, match=words):
        nearest_distances(near, "it")


@pytest.mark.parametrize("unit", [0.529177, 10.0])
def test_other_units_are_unlike_what_was_seen(unit: float) -> None:
    """Half of the atoms decide: a defect is no reason to refuse."""
    seen = span([nearest_distances(sheet(i), "it") for i in range(20)])
    other = nearest_distances(sheet(30), "it")
    require_seen(other, seen, "it")
    require_seen(other / unit, None, "it")
    with pytest.raises(InputError, match=r"it: the nearest neighbours are .* positions and cell"):
        require_seen(other / unit, seen, "it")
    require_seen(np.r_[other, 3 * other[: len(other) // 2]], seen, "it")
