"""Structures are turned by one angle all along a trajectory, which their cell alone changes."""

import numpy as np
import pytest

from ednn.physics.orientation import turned
from ednn.physics.sheets import crystal
from ednn.physics.sheets_in_cells import sheet_in_cell
from ednn.physics.structure import Structure
from ednn.physics.traits import ranges
from ednn.physics.turns import Turns, rotation_of_cell
from tests.physics.test_orientation import SEEN, grains, rigidly


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
    assert turns(own) == pytest.approx(first + 30, abs=1e-8)
    assert turns(start) == first
    turns.hold(start)
    assert turns(own) == first


def test_a_held_angle_is_that_of_the_structure_itself() -> None:
    turns = Turns(ranges([crystal()]))
    for degrees in (17.0, 18.8):
        turns.hold(turned(crystal(), degrees))
        assert turns(crystal()) == pytest.approx(-degrees)


@pytest.mark.parametrize("first", [0.0, 17.0])
def test_sheets_that_are_rotated_as_a_whole_turn_exactly(first: float) -> None:
    turns, own = Turns(SEEN), sheet_in_cell(5)
    start = turns(rigidly(own, first))
    for degrees in (0.3, 1.0, 1.9, 2.1, 61.0):
        angle = turns(rigidly(own, first + degrees))
        assert angle == pytest.approx(start - degrees, abs=1e-8)


def test_strained_cells_do_not_turn() -> None:
    """A symmetric strain has no rotation, a shear of one axis has half its angle."""
    turns, own = Turns(SEEN), sheet_in_cell(5)
    first = turns(own)
    strain = np.array([[1.02, 0.01], [0.01, 0.97]])
    assert turns(Structure(own.numbers, own.positions @ strain, own.cell @ strain)) == first
    shear = np.array([[1.0, 0.01], [0.0, 1.0]])
    sheared = Structure(own.numbers, own.positions @ shear, own.cell @ shear)
    half = np.degrees(np.arctan2(0.01, 2.0))
    assert turns(sheared) == pytest.approx(first - half, abs=1e-8)


def test_a_cell_described_otherwise_is_another() -> None:
    one, other = np.array([[1.0, 0.0], [0.5, 0.9]]), np.array([[1.0, 0.0], [-0.5, 0.9]])
    assert rotation_of_cell(one, other) is None
    assert rotation_of_cell(one, 1.3 * one) is None
    assert rotation_of_cell(one, np.zeros((2, 2))) is None
    assert rotation_of_cell(np.zeros((2, 2)), np.zeros((2, 2))) == 0.0
    ribbon = np.array([[0.0, 0.0], [0.0, 2.0]])
    assert rotation_of_cell(ribbon, ribbon @ np.array([[0.0, 1.0], [-1.0, 0.0]])) == 90.0
