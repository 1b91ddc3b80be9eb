import numpy as np
import pytest

from ednn.physics.sheets import BORON, CARBON, NITROGEN, RESOLUTION, crystal, sheet
from ednn.physics.structure import Structure

BOND = 2.5 / np.sqrt(3)


def distances(structure: Structure) -> np.ndarray:
    """Nearest periodic image distances, (N, N), with infinity on the diagonal."""
    d = structure.positions[:, None] - structure.positions
    d -= structure.sides * np.round(d / structure.sides)
    return np.linalg.norm(d, axis=-1) + np.diag(np.full(len(d), np.inf))


@pytest.mark.parametrize("repeat", [(1, 1), (2, 1), (1, 2)])
def test_every_site_of_the_crystal_has_three_neighbours_at_one_bond_length(
    repeat: tuple[int, int],
) -> None:
    structure = crystal(repeat)
    bonds = distances(structure)

    assert len(structure.numbers) == 60 * repeat[0] * repeat[1]
    np.testing.assert_allclose(structure.sides, [12.5 * repeat[0], 9 * BOND * repeat[1]])
    np.testing.assert_allclose(np.sort(bonds)[:, :3], BOND)
    assert np.sort(bonds)[:, 3].min() > 2.4


@pytest.mark.parametrize("boron_first", [True, False])
def test_hbn_bonds_only_boron_to_nitrogen(boron_first: bool) -> None:
    structure = crystal(boron_first=boron_first)
    i, j = np.nonzero(distances(structure) < 1.1 * BOND)

    assert structure.numbers[0] == (BORON if boron_first else NITROGEN)
    assert set(structure.numbers[i] + structure.numbers[j]) == {BORON + NITROGEN}


def test_pairs_of_sites_are_bonded() -> None:
    pairs = crystal().positions.reshape(-1, 2, 2)
    np.testing.assert_allclose(np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1), BOND)


def test_a_sheet_is_a_pure_function_of_its_seed() -> None:
    for seed in range(20):
        first, again = sheet(seed), sheet(seed)
        np.testing.assert_array_equal(first.positions, again.positions)
        np.testing.assert_array_equal(first.numbers, again.numbers)
    assert not np.array_equal(sheet(0).positions[:50], sheet(1).positions[:50])


def test_sheets_cover_all_kinds_and_vacancies_and_keep_atoms_apart_inside_the_cell() -> None:
    sheets = [sheet(seed) for seed in range(300)]
    kinds = {frozenset(s.numbers.tolist()) for s in sheets}
    vacancies = np.bincount([60 - len(s.numbers) for s in sheets])

    assert kinds == {
        frozenset({CARBON}),
        frozenset({BORON, NITROGEN}),
        frozenset({BORON, CARBON, NITROGEN}),
    }
    assert len(vacancies) == 3
    assert vacancies.min() > 60  # 100 expected of each, with a spread of 8
    for s in sheets:
        assert ((s.positions >= 0) & (s.positions < s.sides)).all()
        assert 0.6 < distances(s).min() < BOND + 0.01


def test_boron_and_nitrogen_balance_but_for_the_vacancies() -> None:
    for seed in range(100):
        numbers = sheet(seed).numbers
        excess = abs((numbers == BORON).sum() - (numbers == NITROGEN).sum())
        assert excess <= 60 - len(numbers)


def test_displacements_have_the_spread_that_was_asked_for() -> None:
    # Of bonds between two displaced atoms, along the bond: σ√2, with σ uniform up to 0.10 Å.
    spread = []
    for seed in range(300):
        bonds = distances(sheet(seed))
        spread.append(bonds[bonds < 1.2 * BOND].std())
    assert 0.10 < max(spread) < 0.16
    assert np.mean(spread) == pytest.approx(np.sqrt(2) * 0.05, rel=0.15)


def test_positions_are_exact_in_float32() -> None:
    for seed, repeat in [(0, (1, 1)), (1, (3, 3))]:
        positions = sheet(seed, repeat).positions
        np.testing.assert_array_equal(positions.astype(np.float32), positions)
        np.testing.assert_array_equal(positions % RESOLUTION, 0)


def test_larger_sheets_have_proportionally_many_sites_and_vacancies() -> None:
    small = [60 - len(sheet(seed).numbers) for seed in range(200)]
    large = [240 - len(sheet(seed, (2, 2)).numbers) for seed in range(200)]

    np.testing.assert_allclose(sheet(0, (2, 2)).cell, 2 * sheet(0).cell)
    assert np.mean(large) == pytest.approx(4 * np.mean(small), rel=0.1)
    assert max(large) <= 8


def test_the_islands_of_a_heterostructure_are_connected_regions_not_noise() -> None:
    # Pairs mixed at random would have 29 % of all bonds between the two materials.
    mixed = []
    for seed in range(200):
        s = sheet(seed)
        if set(s.numbers.tolist()) != {BORON, CARBON, NITROGEN}:
            continue
        i, j = np.nonzero(distances(s) < 1.25 * BOND)
        carbon = s.numbers == CARBON
        mixed.append((carbon[i] != carbon[j]).mean())
    assert 0.05 < np.mean(mixed) < 0.22
