"""The response to far perturbations is that of the interaction, and l what windows need."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.physics.images import random_image
from ednn.physics.ising import energy, magnetisation
from ednn.physics.laplacian import laplacian_sum
from ednn.physics.locality import locality_length, reach, response


def bonds(x: np.ndarray) -> np.ndarray:
    return energy(x)


def spins(lattice: tuple[int, ...], count: int = 20) -> np.ndarray:
    return np.random.default_rng(0).choice([-1.0, 1.0], (count, *lattice))


@pytest.mark.parametrize(
    ("function", "lattice", "expected"),
    [(energy, (8, 8), 1), (energy, (9,), 1), (energy, (6, 7, 6), 1), (magnetisation, (8, 8), 0)],
)
def test_reach_of_spins(
    function: Callable[..., Any], lattice: tuple[int, ...], expected: int
) -> None:
    x = spins(lattice)
    found = response(function, x, -x, 3, np.random.default_rng(1))
    assert (found[:expected] > 0.1).all()
    assert (found[expected:] == 0).all()  # exactly: energies are whole numbers
    assert (reach(found), locality_length(reach(found))) == (expected, expected)


@pytest.mark.parametrize(
    ("stencil", "expected"), [("5-point", 2), ("4th-order", 4), ("central-twice", 4)]
)
def test_reach_of_the_laplacian_is_twice_its_stencil(stencil: str, expected: int) -> None:
    images = np.stack([random_image(seed, side=50) for seed in range(10)])
    rng = np.random.default_rng(1)
    changed = images + images.std() * rng.standard_normal(images.shape)
    found = response(partial(laplacian_sum, stencil=stencil), images, changed, 6, rng)
    assert (found[expected:] < 1e-12).all()
    assert (reach(found), locality_length(reach(found))) == (expected, expected // 2)


def test_response_of_the_ising_energy_is_that_of_its_bonds() -> None:
    x = spins((8, 8), count=2000)
    (found,) = response(bonds, x, -x, 1, np.random.default_rng(1))
    # of 8 neighbours 4 have a bond: ΔΔE = ±4 J; a flip of random spins: <(ΔE)²> = 16 J²
    np.testing.assert_allclose(found, np.sqrt(0.5 * 16 / 16), rtol=0.05)


@pytest.mark.parametrize(("f", "l"), [(1, 1), (2, 1), (3, 2), (4, 3)])
def test_l_is_the_least_context_with_every_pair_in_a_window(f: int, l: int) -> None:  # noqa: E741
    for far, c in product((2 * l - 1, 2 * l), (l - 1, l)):
        windows = [set(range(k * f - c, k * f + f + c)) for k in range(-10, 20)]
        pairs = [{i, i + far} for i in range(f)]
        assert all(any(pair <= window for window in windows) for pair in pairs) == (c == l)
        assert locality_length(far) == l


def test_a_distance_that_wraps_is_refused() -> None:
    x = spins((8, 8))
    with pytest.raises(InputError, match="no further than 4"):
        response(bonds, x, -x, 5, np.random.default_rng(1))
