"""Sheets in hexagonal, oblique and strained cells."""

import numpy as np
import pytest

from ednn.physics.neighbours import nearest_distances
from ednn.physics.sheets import LATTICE
from ednn.physics.sheets_in_cells import SIDE, sheet_in_cell
from ednn.physics.structure import Structure

SEEDS = range(200)


@pytest.fixture(scope="module")
def sheets() -> list[Structure]:
    return [sheet_in_cell(seed) for seed in SEEDS]


def sites(structure: Structure) -> float:
    return abs(np.linalg.det(structure.cell)) / (LATTICE**2 * np.sqrt(0.75)) * 2


def test_cells_are_full_but_for_two_vacancies_and_hold_whole_crystals(
    sheets: list[Structure],
) -> None:
    for sheet in sheets:
        full = round(sites(sheet) / 2) * 2
        if abs(sites(sheet) - full) < 1e-6:  # not strained
            assert full - 2 <= len(sheet.numbers) <= full
        assert 2 * SIDE[0] ** 2 - 2 <= len(sheet.numbers) <= 2 * SIDE[1] ** 2
        assert set(sheet.numbers) in ({6}, {5, 7})
        distances = nearest_distances(sheet, "sheet")
        assert distances.min() > 0.8
        assert distances.max() < 1.8


def test_there_are_cells_of_each_kind(sheets: list[Structure]) -> None:
    lengths = np.array([np.linalg.norm(sheet.cell, axis=1) for sheet in sheets])
    cosine = np.array([sheet.cell[0] @ sheet.cell[1] for sheet in sheets]) / lengths.prod(1)
    hexagonal = np.isclose(lengths[:, 0], lengths[:, 1]) & np.isclose(cosine, 0.5)
    unstrained = np.array([abs(sites(s) - round(sites(s))) < 1e-6 for s in sheets])
    assert 0.15 < hexagonal.mean() < 0.5
    assert 0.3 < unstrained.mean() < 0.7
    assert len({len(s.numbers) for s in sheets}) > 6


def test_a_sheet_is_a_function_of_its_seed_and_size() -> None:
    one, again, larger = sheet_in_cell(3), sheet_in_cell(3), sheet_in_cell(3, (2, 2))
    np.testing.assert_array_equal(one.positions, again.positions)
    assert len(larger.numbers) > 180
