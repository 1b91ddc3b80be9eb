"""Alloys: fcc crystals in boxes of whole tiles, pure functions of a seed."""

import numpy as np
import pytest

from ednn.physics import alloys
from ednn.physics.alloys import TILE, alloy, sheared_alloy
from ednn.physics.labels import THEORIES, label
from ednn.physics.neighbours import nearest_distances

pytest.importorskip("ase", reason='hot alloys need `pip install -e ".[atoms]"`')


@pytest.mark.parametrize("make", [alloy, sheared_alloy])
def test_an_alloy_is_a_function_of_its_seed(make: object) -> None:
    assert callable(make)
    for seed in range(5):
        one, other = make(seed), make(seed)
        np.testing.assert_array_equal(one.numbers, other.numbers)
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.cell, other.cell)
        assert not np.array_equal(one.positions, make(seed + 1).positions[: len(one.numbers)])


def test_boxes_are_whole_tiles_with_all_kinds_of_alloys() -> None:
    seen = [alloy(seed) for seed in range(40)]
    for structure in seen:
        tiles = structure.sides / TILE
        np.testing.assert_allclose(tiles, tiles.round(), atol=1e-9)
        assert set(structure.numbers) <= {alloys.COPPER, alloys.GOLD}
        assert nearest_distances(structure, "own").min() > 1.4
    kinds = {len(set(structure.numbers)) for structure in seen}
    assert kinds == {1, 2}
    assert len({tuple(structure.sides) for structure in seen}) > 10


@pytest.mark.parametrize("name", alloys.BOXES)
def test_boxes_hold_fcc_crystals(name: str) -> None:
    edges = np.array(alloys.BOXES[name][0])
    sites, shares = alloys._sites(edges)
    volume = abs(np.linalg.det(edges)) / 8  # in cubic cells of four sites
    assert len(sites) == round(4 * volume)
    apart = shares[:, None] - shares
    distances = np.linalg.norm((apart - apart.round()) @ edges, axis=2)
    assert (np.isclose(distances, np.sqrt(2)).sum(1) == 12).all()  # nearest neighbours


def test_repeated_boxes_are_as_many_times_as_large() -> None:
    small, large = alloy(3), alloy(3, (2, 1, 2))
    assert 3.5 < len(large.numbers) / len(small.numbers) < 4.5 or len(small.numbers) < 28
    tiles = large.sides / TILE
    np.testing.assert_allclose(tiles, tiles.round(), atol=1e-9)


def test_alloys_have_labels_with_stress() -> None:
    for seed in range(4):
        for structure in (alloy(seed), sheared_alloy(seed)):
            found = label(structure, THEORIES["emt"])
            assert found.stress is not None
            assert found.forces.shape == structure.positions.shape
            np.testing.assert_allclose(found.forces.sum(0), 0, atol=1e-9)
            assert -0.1 < found.energy / len(structure.numbers) < 3  # eV per atom
