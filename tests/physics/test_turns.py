"""Structures are turned by one angle all along a trajectory; sheets that are rotated are others."""

import numpy as np
import pytest

from ednn.physics.orientation import turned
from ednn.physics.sheets import crystal
from ednn.physics.sheets_in_cells import sheet_in_cell
from ednn.physics.structure import Structure
from ednn.physics.traits import ranges
from ednn.physics.turns import Turns, is_unstrained, rotation_of_cell
from tests.physics.test_orientation import SEEN, grains, rigidly


def vectors(structure: Structure) -> tuple[np.ndarray, np.ndarray]:
    return structure.positions, structure.cell


def test_what_has_no_orientation_is_not_turned() -> None:
    both = ranges([crystal(), rigidly(crystal(), 30)])
    assert Turns(SEEN)(grains(17)) == 0.0
    for seen in (None, both):
        assert Turns(seen)(rigidly(crystal(), 17)) == 0.0


def test_the_angle_is_one_all_along_a_trajectory() -> None:
    rng, turns, own = np.random.default_rng(0), Turns(SEEN), sheet_in_cell(5)
    start = rigidly(own, 30)
    first = turns(start)
    for _ in range(20):
        moved = start.positions + rng.normal(0, 0.1, start.positions.shape)
        assert turns(Structure(start.numbers, moved, start.cell)) == first
    assert turns(rigidly(own, 40)) != first
    assert turns(own) == 0.0
    assert turns(start) == first
    turns.hold(start)
    assert turns(own) == first


def test_a_held_angle_is_that_of_the_structure_itself() -> None:
    turns = Turns(ranges([crystal()]))
    for degrees in (17.0, 18.8):
        turns.hold(turned(crystal(), degrees))
        assert turns(crystal()) == pytest.approx(-degrees)


@pytest.mark.parametrize("first", [17.0, 23.0])
def test_sheets_that_are_rotated_are_others(first: float) -> None:
    turns, own = Turns(SEEN), sheet_in_cell(5)
    start = turns(rigidly(own, first))
    for degrees in (0.1, 1.0, 1.9, 2.1):
        angle = turns(rigidly(own, first + degrees))
        assert angle == pytest.approx(start - degrees, abs=1e-8)
    assert turns(rigidly(own, first)) == start


@pytest.mark.parametrize("by", [0.3, 60.0])
def test_what_stands_aright_is_never_turned(by: float) -> None:
    turns, own = Turns(SEEN), sheet_in_cell(5)
    assert turns(rigidly(own, by)) == 0.0
    assert turns(own) == 0.0
    assert turns(rigidly(own, 17)) != 0.0
    assert turns(own) == 0.0
    rectangle = crystal()
    assert turns(rigidly(rectangle, 60)) == pytest.approx(-60, abs=1e-6)
    strained = Structure(rectangle.numbers, *(1.01 * rows for rows in vectors(rectangle)))
    assert turns(strained) == 0.0


def test_a_cell_that_is_strained_keeps_the_angle() -> None:
    turns, own = Turns(SEEN), sheet_in_cell(5)
    start = rigidly(own, 17)
    first = turns(start)
    for strain in ([[1.02, 0.01], [0.01, 0.97]], [[1.0, 0.02], [0.0, 1.0]]):
        rows = (row @ np.array(strain) for row in vectors(start))
        assert turns(Structure(start.numbers, *rows)) == first


def test_other_vectors_of_one_lattice_change_nothing() -> None:
    turns = Turns(SEEN)
    large = crystal((3, 3))
    other = large.cell + np.array([[0.0, 0.0], [large.cell[0, 0] / 3, 0.0]])
    for degrees in (0.0, 17.0):
        first = turns(rigidly(large, degrees))
        assert turns(rigidly(Structure(large.numbers, large.positions, other), degrees)) == first


def test_a_flake_that_loses_its_order_keeps_its_last_angle() -> None:
    turns, own = Turns(SEEN), crystal()
    flake = Structure(own.numbers, own.positions, np.zeros((2, 2)))
    for degrees in (5, 10, 15):
        last = turns(rigidly(flake, degrees))
    assert last == pytest.approx(-15, abs=1e-6)
    rng = np.random.default_rng(0)
    anyhow = rng.uniform(0, 12, flake.positions.shape)
    assert turns(Structure(flake.numbers, anyhow, flake.cell)) == last


def test_ribbons_are_rotated_along_their_one_vector() -> None:
    ribbon, quarter = np.array([[0.0, 0.0], [0.0, 2.0]]), np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert rotation_of_cell(ribbon, ribbon @ quarter) == pytest.approx(90)
    assert is_unstrained(ribbon, ribbon @ quarter)
    assert not is_unstrained(ribbon, 1.1 * ribbon)
    assert rotation_of_cell(np.zeros((2, 2)), np.zeros((2, 2))) == 0.0


def test_trajectories_side_by_side_keep_their_angles() -> None:
    """Strained a little, each is taken for the one with the nearest cell."""
    turns, own = Turns(SEEN), sheet_in_cell(5)
    starts = [rigidly(own, degrees) for degrees in (17.0, 18.9)]
    angles = [turns(start) for start in starts]
    assert angles[1] == pytest.approx(angles[0] - 1.9, abs=1e-8)
    for strain in (1e-5, 1e-3, -1e-3):
        for start, angle in zip(starts, angles, strict=True):
            rows = (row * (1 + strain) for row in vectors(start))
            assert turns(Structure(start.numbers, *rows)) == angle


def test_cells_of_four_decimals_are_told_apart() -> None:
    turns, own = Turns(SEEN), sheet_in_cell(5)
    found = []
    for degrees in (17.0, 18.5):
        start = rigidly(own, degrees)
        found.append(turns(Structure(start.numbers, *(row.round(4) for row in vectors(start)))))
    assert found[1] == pytest.approx(found[0] - 1.5, abs=1e-3)


def test_a_rectangle_that_is_sheared_keeps_its_equivalent_angle() -> None:
    turns, own = Turns(SEEN), crystal()
    first = turns(rigidly(own, 60))
    for shear in (0.0019, 0.0021, 0.01):
        change = np.array([[1.0, shear], [0.0, 1.0]])
        start = rigidly(own, 60)
        assert turns(Structure(start.numbers, *(row @ change for row in vectors(start)))) == first
