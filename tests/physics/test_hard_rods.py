"""Hard rods: the derivative is that of the sum, equilibria are minima, and σ is the locality."""

import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.physics.hard_rods import derivative, equilibrium, excess_free_energy
from ednn.physics.smooth_fields import Potentials, smooth_field

LENGTHS = [(0.125, 1.0), (0.2, 1.0), (0.1, 0.1)]  # spacing, σ: even, odd and one spacing


def density(points: int = 64, count: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    fields = [smooth_field(rng, (points,), 0.125, 0.5) for _ in range(count)]
    return 0.5 * np.exp(0.2 * np.stack(fields))


@pytest.mark.parametrize(("spacing", "sigma"), LENGTHS)
def test_the_derivative_is_that_of_the_free_energy(spacing: float, sigma: float) -> None:
    rho, step = density(), 1e-5
    moves = step * np.eye(rho.shape[1])
    plus, minus = (
        np.stack([excess_free_energy(field + s * moves, spacing, sigma) for field in rho])
        for s in (1, -1)
    )
    found = (plus - minus) / (2 * step * spacing)
    np.testing.assert_allclose(found, derivative(rho, spacing, sigma), atol=1e-8)


@pytest.mark.parametrize(("spacing", "sigma"), LENGTHS)
def test_the_derivative_knows_the_density_up_to_one_length_away(
    spacing: float, sigma: float
) -> None:
    rho = density(count=1)[0]
    changed = rho.copy()
    changed[3] *= 1.1
    change = derivative(changed, spacing, sigma) - derivative(rho, spacing, sigma)
    distance = np.abs((np.flatnonzero(change) - 3 + 32) % 64 - 32)
    assert distance.max() == round(sigma / spacing)


def test_a_uniform_gas_has_the_pressure_of_tonks() -> None:
    """In the continuum: F per length −ρ ln(1 − ρσ), whose pressure with the ideal gas is Tonks'."""
    rho, sigma, spacing = 0.6, 1.2, 0.1
    gas = np.full((1, 40), rho)
    excess = excess_free_energy(gas, spacing, sigma)[0] / 4
    assert excess == pytest.approx(-rho * np.log(1 - rho * sigma), rel=1e-12)
    mu = np.log(rho) + derivative(gas, spacing, sigma)[0, 0]
    pressure = rho * mu - (rho * (np.log(rho) - 1) + excess)
    assert pressure == pytest.approx(rho / (1 - rho * sigma), rel=1e-12)


def test_few_rods_have_the_second_virial_coefficient() -> None:
    """F → ½ ∫∫ ρ ρ over pairs that overlap, by the trapezoidal rule."""
    rho = 1e-6 * density()
    weights = np.full(17, 0.125)
    weights[[0, -1]] /= 2
    pairs = sum(w * rho * np.roll(rho, j - 8, -1) for j, w in enumerate(weights)) * 0.125
    expected = pairs.sum(-1) / 2
    np.testing.assert_allclose(excess_free_energy(rho, 0.125, 1.0), expected, rtol=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_an_equilibrium_is_the_least_grand_potential(seed: int) -> None:
    v, mu = Potentials((96,), 0.125, mu=(-2, 6), depth=3, smooth=(0.25, 2)).draw(seed)
    rho = equilibrium(v, 0.125, 1.0, mu)
    np.testing.assert_allclose(np.log(rho) + v + derivative(rho, 0.125, 1.0), mu, atol=1e-9)

    def grand(rho: np.ndarray) -> float:
        ideal = rho * (np.log(rho) - 1 + v - mu)
        return float(0.125 * ideal.sum() + excess_free_energy(rho[None], 0.125, 1.0)[0])

    for other in density(96):
        assert grand(rho * (1 + 1e-3 * (other - 0.5))) > grand(rho)


def test_rods_at_a_wall_are_those_of_the_continuum() -> None:
    """Gaps between rods are independent, with density P exp(−P gap): the n-th rod is behind n + 1.

    The jumps at the wall and one rod behind it, of which the grid knows little, are left out.
    """
    pressure, sigma = 1.5, 1.0
    errors = []
    for spacing in (1 / 16, 1 / 32):
        x = spacing * np.arange(round(24 / spacing))
        mu = np.log(pressure) + pressure * sigma  # of the gas: y = ρσ / (1 − ρσ) = P σ
        wall = np.where(x < 4, 40.0, 0.0)
        rho = equilibrium(wall, spacing, sigma, mu)
        r = x - 4
        n = np.arange(4)[:, None]
        free = np.maximum(r - n * sigma, 0)
        factorials = np.array([1, 1, 2, 6])[:, None]
        terms = pressure * (pressure * free) ** n / factorials * np.exp(-pressure * free)
        exact = np.where(r >= n * sigma, terms, 0).sum(0)
        inside = (r > 0.1) & (r < 3) & (np.abs(r - 1) > 0.1) & (np.abs(r - 2) > 0.1)
        errors.append(np.abs(rho - exact)[inside].max())
    assert errors[1] < 0.06
    assert errors[1] < 0.7 * errors[0]


def test_a_repeated_line_has_the_free_energy_of_all_its_parts() -> None:
    rho = density()
    once, thrice = (excess_free_energy(f, 0.125, 1.0) for f in (rho, np.tile(rho, 3)))
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-12)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match=r"data.sigma=1.0 .*data.spacing=0.3; .* such as 0.9"):
        equilibrium(np.zeros(40), 0.3, 1.0, 0.0)
    with pytest.raises(InputError, match=r"too short for rods of 8; give data.side=16"):
        equilibrium(np.zeros(12), 0.125, 1.0, 0.0)
    deep, mu = Potentials((96,), 0.125, mu=(5, 5), depth=20, smooth=(0.125, 2)).draw(0)
    with pytest.raises(InputError, match=r"found at μ = 5 kT .*; lower data.mu or data.depth"):
        equilibrium(deep, 0.125, 1.0, mu)
    for function in (excess_free_energy, derivative):
        with pytest.raises(InputError, match=r"covers 1\.1 .*close packing"):
            function(np.full((1, 40), 1.1), 0.1, 1.0)
