import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy.special import ellipk

from ednn.core.errors import InputError
from ednn.physics import ising
from ednn.physics.kaufman import TC, energy, log_partition, specific_heat
from tests.physics.test_ising import DENSITY_4X4

NEAR_TC = TC * (1 + np.array([-1e-9, -1e-12, -1e-15, -3e-16, 0, 3e-16, 1e-15, 1e-12, 1e-9]))
TEMPERATURES = np.concatenate([np.geomspace(0.1, 100, 60), NEAR_TC])
DENSITY_8X8 = {-128: 2, -120: 128, -116: 256, -112: 4672, -108: 17920, -104: 145408, -100: 712960}


def broken_bonds(n: int, m: int) -> np.ndarray:
    """The number of configurations with 0, 1, …, 2nm broken bonds, exactly (2nm + 1,) uint64.

    A transfer matrix, site by site, of polynomials in the number of broken bonds: element (a, b)
    starts with row a and has b as its newest. Rotated first rows count alike: one stands for all.
    """
    columns = np.arange(m)
    bits = np.arange(2**m)[:, None] >> columns & 1  # (2^m, m)
    rotated = np.stack([(np.roll(bits, k, 1) << columns).sum(1) for k in range(m)])
    first, copies = np.unique(rotated.min(0), return_counts=True)
    ends = np.arange(len(first)), first
    states = np.zeros((len(first), 2**m, 2 * n * m + 1), dtype=np.uint64)
    states[*ends, 0] = copies
    for _ in range(n):
        for column in columns:  # the new spin is the one below, or its opposite: one broken bond
            pairs = states.reshape(len(first), -1, 2, 2**column, 2 * n * m + 1)
            states = (pairs + np.roll(pairs[:, :, ::-1], 1, axis=-1)).reshape(states.shape)
        for row, broken in enumerate((bits != np.roll(bits, 1, axis=1)).sum(1)):
            states[:, row] = np.roll(states[:, row], broken, axis=-1)
    return states[ends].sum(0)


def assert_exact(lattice: tuple[int, int], levels: ArrayLike, states: ArrayLike) -> None:
    """Compare with sums over the density of states, at all temperatures."""
    sites, T = math.prod(lattice), TEMPERATURES[:, None]
    levels, states = np.array(levels, dtype=float), np.array(states, dtype=float)
    weights = states * np.exp((levels.min() - levels) / T)
    Z = weights.sum(1)
    mean = (weights * levels).sum(1) / Z
    variance = (weights * (levels - mean[:, None]) ** 2).sum(1) / Z
    log_Z, E, C = (f(lattice, TEMPERATURES) for f in (log_partition, energy, specific_heat))
    assert log_Z.dtype == E.dtype == C.dtype == np.float64
    np.testing.assert_allclose(log_Z, np.log(Z) - levels.min() / TEMPERATURES, rtol=1e-14)
    np.testing.assert_allclose(E, mean / sites, rtol=0, atol=1e-14)
    np.testing.assert_allclose(C, variance / sites / TEMPERATURES**2, rtol=0, atol=1e-14)


def test_4x4_is_the_sum_over_its_density_of_states() -> None:
    density = DENSITY_4X4 | {-level: number for level, number in DENSITY_4X4.items()}
    assert_exact((4, 4), list(density), list(density.values()))


def test_8x8_is_the_sum_over_its_density_of_states() -> None:
    states = broken_bonds(8, 8)
    levels = 2 * np.arange(129) - 128
    density = {e: g for e, g in zip(levels.tolist(), states.tolist(), strict=True) if g}
    assert DENSITY_8X8.items() <= density.items()
    assert min(density) == -128
    assert density[0] == 2627978003957146636
    assert density == {-e: g for e, g in density.items()}
    assert sum(density.values()) == 2**64
    assert_exact((8, 8), list(density), list(density.values()))


@pytest.mark.parametrize("lattice", [(2, 2), (3, 3), (2, 3), (3, 4), (4, 3), (5, 3), (2, 7)])
def test_small_lattices_are_the_sum_over_all_configurations(lattice: tuple[int, int]) -> None:
    """Odd sides, where the bonds frustrate, and sides of 2, whose bonds count twice."""
    spins = np.array(list(itertools.product([-1, 1], repeat=math.prod(lattice))), dtype=np.int8)
    assert_exact(lattice, *np.unique(ising.energy(spins.reshape(-1, *lattice)), return_counts=True))


@pytest.mark.parametrize("lattice", [(8, 32), (5, 256), (2, 100)])
@pytest.mark.parametrize("function", [log_partition, energy, specific_heat])
def test_a_transposed_lattice_is_the_same(
    function: Callable[..., Any], lattice: tuple[int, int]
) -> None:
    found = function(lattice, TEMPERATURES)
    np.testing.assert_allclose(function(lattice[::-1], TEMPERATURES), found, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("side", [8, 32, 256])
def test_zero_and_infinite_temperature(side: int) -> None:
    lattice, sites = (side, side), side**2
    cold, hot = np.array([1e-3, 0.1]), np.array([1e4, 1e9])
    np.testing.assert_allclose(log_partition(lattice, cold), 2 * sites / cold + math.log(2))
    np.testing.assert_allclose(energy(lattice, cold), -2, rtol=1e-15)
    np.testing.assert_allclose(specific_heat(lattice, cold), 0, atol=1e-20)
    np.testing.assert_allclose(log_partition(lattice, hot), sites * math.log(2), rtol=1e-7)
    np.testing.assert_allclose(energy(lattice, hot), -2 / hot, rtol=1e-6)
    np.testing.assert_allclose(specific_heat(lattice, hot), 2 / hot**2, rtol=1e-6)


def test_large_lattices_have_the_energy_of_the_infinite_one() -> None:
    """L. Onsager, Phys. Rev. 65, 117 (1944)."""
    T = np.array([0.5, 1.0, 2.0, 2.2, 2.4, 3.0, 10.0, 100.0])
    tanh = np.tanh(2 / T)
    modulus = 2 * tanh / np.cosh(2 / T)
    onsager = -(1 + 2 / np.pi * (2 * tanh**2 - 1) * ellipk(modulus**2)) / tanh
    np.testing.assert_allclose(energy((256, 256), T), onsager, rtol=0, atol=1e-12)


@pytest.mark.parametrize("side", [16, 64, 256])
def test_critical_energy_approaches_onsagers_as_the_inverse_side(side: int) -> None:
    """-√2 - A / side; A from A. E. Ferdinand and M. E. Fisher, Phys. Rev. 185, 832 (1969)."""
    k = np.arange(-9, 10)
    theta = [np.exp(-np.pi * (k + 0.5) ** 2).sum()]
    theta += [np.exp(-np.pi * k**2).sum(), ((-1.0) ** k * np.exp(-np.pi * k**2)).sum()]
    expected = -math.sqrt(2) - 2 * math.prod(theta) / sum(theta) / side
    assert abs(energy((side, side), TC) - expected) < 1 / side**3


def test_nothing_happens_to_a_large_lattice_within_1e_9_of_the_critical_temperature() -> None:
    E, C = energy((256, 256), NEAR_TC), specific_heat((256, 256), NEAR_TC)
    np.testing.assert_allclose(E, E[4] + C[4] * (NEAR_TC - TC), rtol=0, atol=1e-14)
    np.testing.assert_allclose(C, C[4], rtol=0, atol=1e-7)


@pytest.mark.parametrize("lattice", [(9, 16), (32, 32), (256, 256)])
def test_specific_heat_integrates_to_the_energy(lattice: tuple[int, int]) -> None:
    nodes, weights = np.polynomial.legendre.leggauss(200)
    low, high = np.array([[2.1, TC], [TC, 2.4]]).T
    T = (high + low)[:, None] / 2 + (high - low)[:, None] / 2 * nodes  # (2, nodes), any shape
    heat = (specific_heat(lattice, T) @ weights) * (high - low) / 2
    gained = np.subtract(energy(lattice, high), energy(lattice, low))
    np.testing.assert_allclose(heat, gained, atol=1e-13)


@pytest.mark.parametrize("function", [log_partition, energy, specific_heat])
@pytest.mark.parametrize(
    ("lattice", "temperature", "message"),
    [
        ((8, 1), 2.0, r"\(8, 1\)"),
        ((8,), 2.0, r"\(8,\)"),
        ((4, 4, 4), 2.0, r"\(4, 4, 4\)"),
        ((8, 8), [2.0, 0.0], "temperature is 0.0"),
        ((8, 8), -1.0, "temperature is -1.0"),
        ((8, 8), math.nan, "temperature is nan"),
        ((8, 8), math.inf, "temperature is inf"),
    ],
)
def test_bad_requests_get_one_sentence(
    function: Callable[..., Any],
    lattice: tuple[int, int],
    temperature: float | list[float],
    message: str,
) -> None:
    with pytest.raises(InputError, match=message):
        function(lattice, temperature)
