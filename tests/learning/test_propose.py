"""Candidates: what is kept of a labelled structure, what changes, and what is refused."""

from collections.abc import Iterator

import numpy as np
import pytest

from ednn.calculator import EDNNCalculator
from ednn.core.loading import load_structure_model
from ednn.learning.dynamics import EVERY, Dynamics
from ednn.learning.pool import features_of
from ednn.learning.propose import MOST_TRIALS, Mover, is_physical, propose
from ednn.physics.labels import resolve
from ednn.physics.neighbours import nearest_distances
from ednn.physics.orientation import turned
from ednn.physics.sheets import crystal, sheet
from ednn.physics.structure import Structure

SEEN = (1.3, 1.6)  # Å


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_displacements_are_as_large_as_they_may_be_and_no_larger() -> None:
    spreads = []
    for seed in range(40):
        (moved,) = Mover(displacement=0.1, strain=0).moved(crystal((2, 2)), rng(seed))
        np.testing.assert_array_equal(moved.numbers, crystal((2, 2)).numbers)
        np.testing.assert_array_equal(moved.cell, crystal((2, 2)).cell)
        spreads.append((moved.positions - crystal((2, 2)).positions).std())
    assert 0.08 < max(spreads) < 0.11
    assert min(spreads) < 0.02


def test_half_of_the_cells_are_strained_with_their_atoms() -> None:
    strained = 0
    for seed in range(60):
        (moved,) = Mover(displacement=0, strain=0.03).moved(crystal(), rng(seed))
        stretch = np.linalg.inv(crystal().cell) @ moved.cell
        np.testing.assert_allclose(crystal().positions @ stretch, moved.positions, atol=1e-12)
        np.testing.assert_allclose(stretch, stretch.T, atol=1e-12)
        assert abs(stretch - np.eye(2)).max() <= 0.03
        strained += bool(abs(stretch - np.eye(2)).max() > 0)
    assert 15 < strained < 45


@pytest.mark.parametrize("seed", range(4))
def test_a_larger_cell_is_the_same_crystal_until_its_atoms_move(seed: int) -> None:
    one = sheet(7)
    (two,) = Mover(displacement=0, strain=0).larger(one, rng(seed))
    assert np.linalg.det(two.cell) == pytest.approx(2 * np.linalg.det(one.cell))
    near = nearest_distances(one, "one")
    np.testing.assert_allclose(nearest_distances(two, "two"), np.tile(near, 2), atol=1e-9)
    (moved,) = Mover(displacement=0.1, strain=0).larger(one, rng(seed))
    halves = np.split(moved.positions - two.positions, 2)
    assert abs(halves[0] - halves[1]).max() > 0.01


def test_a_molecule_has_no_larger_cell() -> None:
    molecule = Structure(np.array([6, 6]), np.array([[0.0, 0.0], [1.4, 0.0]]), np.zeros((2, 2)))
    assert list(Mover(displacement=0.1, strain=0).larger(molecule, rng())) == []


@pytest.mark.parametrize(
    ("distance", "physical"),
    [(0.3, False), (0.9, False), (1.1, True), (1.4, True), (2.0, True), (2.2, False)],
)
def test_atoms_that_are_too_near_or_too_far_are_refused(distance: float, physical: bool) -> None:
    positions = np.array([[1.0, 1.0], [1.0 + distance, 1.0]])
    assert is_physical(Structure(np.array([6, 6]), positions, np.eye(2) * 9), SEEN) == physical


def test_positions_that_are_no_numbers_are_refused() -> None:
    gone = np.array([[1.0, 1.0], [np.nan, 1.0]])
    assert not is_physical(Structure(np.array([6, 6]), gone, np.eye(2) * 9), SEEN)


def test_what_is_refused_is_tried_again_and_not_for_ever() -> None:
    tried: list[int] = []

    def change(structure: Structure, own: np.random.Generator) -> Iterator[Structure]:
        tried.append(len(tried))
        yield structure

    third = propose([crystal()], "third", change, 4, lambda _: len(tried) % 3 == 0, rng())
    assert len(third) == 4
    assert len(tried) == 12
    tried.clear()
    assert propose([crystal()], "none", change, 4, lambda _: False, rng()) == []
    assert len(tried) == 4 * MOST_TRIALS


def test_a_dynamics_is_repeatable_stays_in_its_plane_and_ends_where_it_is_unphysical() -> None:
    calculator, start = EDNNCalculator("pretrained/graphene-hbn-gfn1"), sheet(3)
    hot = Dynamics(calculator, resolve("gfn1"), 600, 2 * EVERY, lambda _: True)
    one, other = ([*hot.frames(start, rng())] for _ in range(2))
    assert [frame.positions.shape for frame in one] == 2 * [start.positions.shape]
    for mine, same in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine.positions, same.positions)
        np.testing.assert_array_equal(mine.cell, start.cell)
    moved = [abs(frame.positions - start.positions).max() for frame in one]
    assert all(0.05 < largest < 1.5 for largest in moved)
    never = Dynamics(calculator, resolve("gfn1"), 600, EVERY, lambda _: False)
    assert list(never.frames(start, rng())) == []


def test_features_are_those_of_sheets_as_the_training_has_them() -> None:
    network, own = load_structure_model("pretrained/graphene-hbn-gfn1"), sheet(3)
    features, sites = features_of(network, [own, turned(own, 17)])
    assert sites.tolist() == [own.count] * 2
    off = (features[1] - features[0]).norm() / features[0].norm()
    assert off < 1e-3  # 2.3 as it stands
