"""Structures turned into the orientation of a training, and those that are left as they are."""

import numpy as np
import pytest
from ase.build import bulk

from ednn.data.structures.as_structure import spatial_structure
from ednn.physics.orientation import (
    degrees_to,
    orientation,
    trained_orientation,
    turned,
    turned_rows,
    turned_tensor,
)
from ednn.physics.sheets import crystal, sheet
from ednn.physics.sheets_in_cells import PRIMITIVE, sheet_in_cell
from ednn.physics.structure import Structure
from ednn.physics.traits import ranges, unlike
from ednn.physics.varied_sheets import varied_sheet

KNOWN = 30.0  # of all recipes: bonds along y
SEEN = ranges(sheet(seed) for seed in range(300))
ANGLES = [7, 17, 30, 45, 60, 90, -17]


def rigidly(structure: Structure, degrees: float) -> Structure:
    """Turn a structure without any tidying of its cell."""
    rows = (turned_rows(rows, degrees) for rows in (structure.positions, structure.cell))
    return Structure(structure.numbers, *rows)


def grains(degrees: float) -> Structure:
    """Return two grains at this angle and none, side by side and open."""
    one, other = crystal((2, 2)), rigidly(crystal((2, 2)), degrees)
    positions = np.concatenate([one.positions, other.positions + np.array([80.0, 0.0])])
    return Structure(np.tile(one.numbers, 2), positions, np.zeros((2, 2)))


@pytest.mark.parametrize("recipe", [sheet, sheet_in_cell, varied_sheet])
def test_the_sheets_of_a_training_are_not_touched(recipe) -> None:  # type: ignore[no-untyped-def]
    found = [recipe(seed) for seed in range(1000, 1100)]
    assert trained_orientation(ranges(found)) == KNOWN
    assert {degrees_to(own, KNOWN) or 0.0 for own in found} == {0.0}
    assert turned(found[0], 0.0) is found[0]


@pytest.mark.parametrize("degrees", ANGLES)
def test_a_sheet_in_a_rectangle_comes_back_to_the_last_digit(degrees: float) -> None:
    for own in (sheet(3), sheet(11), crystal(boron_first=True)):
        given = rigidly(own, degrees)
        angle = degrees_to(given, KNOWN)
        assert angle is not None
        assert abs(angle) == pytest.approx(abs(degrees))  # 60 and 90 either way
        after = turned(given, angle)
        assert after.is_rectangular
        np.testing.assert_allclose(after.cell, own.cell, atol=1e-12)
        assert degrees_to(after, KNOWN) == 0.0
        assert after.turned_by == angle


@pytest.mark.parametrize("degrees", ANGLES)
def test_a_sheet_in_any_cell_comes_back_modulo_60_degrees(degrees: float) -> None:
    primitive = Structure(np.array([5, 7]), np.array([[0.0, 0.0], PRIMITIVE.sum(0) / 3]), PRIMITIVE)
    for own, error in ((primitive, 1e-9), (sheet_in_cell(5), 0.3)):
        angle = degrees_to(rigidly(own, degrees), KNOWN)
        off = (degrees + (angle or 0.0) + 30) % 60 - 30
        assert off == pytest.approx(0, abs=error)
        assert -30.5 < (angle or 0.0) < 30.5


def test_a_flake_is_turned_though_its_edge_has_bonds_elsewhere() -> None:
    own = sheet(3)
    flake = Structure(own.numbers, own.positions, np.zeros((2, 2)))
    assert degrees_to(rigidly(flake, 17), KNOWN) == pytest.approx(-17, abs=0.5)


@pytest.mark.parametrize("degrees", [17, 30])
def test_two_grains_are_not_turned_and_told(degrees: float) -> None:
    assert orientation(grains(degrees)) is None
    assert "other directions" in unlike(grains(degrees), SEEN)


def test_trainings_of_several_orientations_and_in_space_turn_nothing() -> None:
    both = ranges([crystal(), rigidly(crystal(), 30)])
    skew = ranges([rigidly(crystal(), 10)])
    density_alone = ((0.3,), (0.4,))  # of structures that training turned
    solid = spatial_structure(0, bulk("Cu"), "Cu")  # type: ignore[arg-type]
    for seen in (None, both, skew, density_alone, ranges([solid])):
        assert trained_orientation(seen) is None
    assert trained_orientation(ranges([rigidly(crystal(), 90)])) == 0.0


def test_vectors_and_tensors_turn_as_the_structure_does() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1, 2))
    product = np.outer(*(turned_rows(v, 33) for v in (a, b)))
    np.testing.assert_allclose(turned_tensor(np.outer(a, b), 33), product, atol=1e-12)
    np.testing.assert_allclose(turned_rows(turned_rows(a, 33), -33), a, atol=1e-12)


@pytest.mark.parametrize("degrees", [8, 12, 15])
def test_a_training_of_several_orientations_has_none(degrees: float) -> None:
    sheets = [turned(crystal(), angle) for angle in (0, degrees, -degrees)]
    assert trained_orientation(ranges(sheets)) is None
