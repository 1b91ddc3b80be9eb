"""Fermions against levels and integrals that are known, and their functional against itself."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit

from ednn.core.errors import InputError
from ednn.physics import ideal_gas
from ednn.physics.fermions import sample, solve, thermal_length, volume_per_particle
from ednn.physics.smooth_fields import Potentials, smooth_field


def potential(*sides: int, seed: int = 0) -> np.ndarray:
    return 0.5 * smooth_field(np.random.default_rng(seed), sides, 0.5, 1.0)


@pytest.mark.parametrize("sides", [(32,), (33,), (8, 9)])
@pytest.mark.parametrize("kT", [0.05, 1.0])
def test_the_derivative_is_mu_less_the_potential(sides: tuple[int, ...], kT: float) -> None:
    v, direction, step = potential(*sides), potential(*sides, seed=1), 1e-4
    plus, minus = (solve(v + s * direction, 0.5, kT, 0.3) for s in (step, -step))
    change = (0.3 - v) * (plus.density - minus.density) * 0.5 ** len(sides)
    assert plus.free_energy - minus.free_energy == pytest.approx(change.sum(), rel=1e-6)


@pytest.mark.parametrize("sides", [(32,), (8, 9)])
def test_the_density_is_the_derivative_of_the_grand_potential(sides: tuple[int, ...]) -> None:
    v, direction, step = potential(*sides), potential(*sides, seed=1), 1e-4
    plus, minus = (solve(v + s * direction, 0.5, 0.1, 0.3) for s in (step, -step))
    slope = (plus.grand_potential - minus.grand_potential) / (2 * step)
    density = solve(v, 0.5, 0.1, 0.3).density
    assert slope == pytest.approx((density * direction).sum() * 0.5 ** len(sides), rel=1e-6)


def test_the_free_gas_is_the_sum_over_plane_waves() -> None:
    kT, mu, spacing, side = 0.3, 0.4, 0.5, 64
    gas = solve(np.zeros(side), spacing, kT, mu)
    f = expit((mu - (2 * np.pi * np.fft.fftfreq(side, spacing)) ** 2 / 2) / kT)
    np.testing.assert_allclose(gas.density, 2 * f.sum() / (side * spacing), rtol=1e-12)
    # Of the sum, without the grand potential: kinetic energy less T S.
    kinetic = f @ (2 * np.pi * np.fft.fftfreq(side, spacing)) ** 2
    occupied = f[(f > 0) & (f < 1)]
    entropy = -2 * (occupied * np.log(occupied) + (1 - occupied) * np.log1p(-occupied)).sum()
    assert gas.free_energy == pytest.approx(kinetic - kT * entropy, rel=1e-9)


def test_a_large_box_is_the_infinite_gas() -> None:
    kT, mu = 0.5, 0.2
    gas = solve(np.zeros(80), 0.5, kT, mu)
    n = quad(lambda k: 2 / np.pi * expit((mu - k * k / 2) / kT), 0, 12)[0]
    grand = quad(lambda k: -2 * kT / np.pi * np.logaddexp(0, (mu - k * k / 2) / kT), 0, 12)[0]
    np.testing.assert_allclose(gas.density, n, rtol=1e-8)
    assert gas.grand_potential / 40 == pytest.approx(grand, rel=1e-8)


def test_the_thermal_length_is_how_boxes_become_large() -> None:
    """The density of a periodic box is that of all images: of the first, 8 kT Im exp(ikL) / k."""
    kT, mu, spacing = 0.1, 0.3, 0.25
    k = np.sqrt(2 * (mu + 1j * np.pi * kT))
    assert 1 / k.imag == pytest.approx(thermal_length(kT, mu))
    n = quad(lambda k: 2 / np.pi * expit((mu - k * k / 2) / kT), 0, 8, epsabs=1e-13)[0]
    for side in (80, 90, 100):
        found = solve(np.zeros(side), spacing, kT, mu).density.mean() - n
        expected = 8 * kT * (np.exp(1j * k * side * spacing) / k).imag
        scale = np.exp(-side * spacing / thermal_length(kT, mu))
        assert found == pytest.approx(expected, abs=0.02 * scale)


@pytest.mark.parametrize(("sides", "copies", "rel"), [((96,), 2, 1e-9), ((22, 22), (2, 1), 1e-7)])
def test_twice_the_box_has_twice_the_free_energy(
    sides: tuple[int, ...], copies: int | tuple[int, ...], rel: float
) -> None:
    """Where it is many thermal lengths long, and kT far below the energy of the shortest waves."""
    spacing, kT, mu = {1: 0.25, 2: 0.4}[len(sides)], 1.0, -1.0
    v = potential(*sides)
    once, twice = solve(v, spacing, kT, mu), solve(np.tile(v, copies), spacing, kT, mu)
    assert twice.free_energy == pytest.approx(2 * once.free_energy, rel=rel)
    np.testing.assert_allclose(twice.density, np.tile(once.density, copies), rtol=100 * rel)


@pytest.mark.parametrize("dims", [1, 2])
def test_two_particles_fill_the_lowest_level_of_an_oscillator(dims: int) -> None:
    x = 0.5 * (np.arange(24) - 12)
    r2 = sum(np.meshgrid(*[x**2] * dims)) + np.zeros([24] * dims)
    found = solve(r2 / 2, 0.5, kT=0.01, mu=dims / 2 + 0.5)
    np.testing.assert_allclose(found.levels[:2], [dims / 2, dims / 2 + 1], rtol=1e-6)
    ground = np.exp(-r2) / np.pi ** (dims / 2)
    np.testing.assert_allclose(found.density, 2 * ground, atol=1e-6)
    energy = 2 * dims / 2  # of which half is kinetic, and there is no entropy
    assert found.free_energy == pytest.approx(energy / 2, rel=1e-6)
    assert found.density.sum() * 0.5**dims == pytest.approx(2, rel=1e-6)


def test_particles_are_those_of_the_levels_at_any_temperature() -> None:
    """Without overflow where kT is far below the levels."""
    for kT in (1e-4, 0.1, 10.0):
        found = solve(potential(40), 0.5, kT, 0.2)
        particles = 2 * expit((0.2 - found.levels) / kT).sum()
        assert found.density.sum() * 0.5 == pytest.approx(particles, rel=1e-12)
        assert found.density.min() > 0
        assert np.isfinite(found.free_energy)


def test_the_functional_knows_the_density_alone() -> None:
    """A potential and a chemical potential that are raised together change nothing."""
    v = potential(32)
    once, raised = solve(v, 0.5, 0.1, 0.2), solve(v + 3, 0.5, 0.1, 3.2)
    np.testing.assert_allclose(raised.density, once.density, rtol=1e-9)
    assert raised.free_energy == pytest.approx(once.free_energy, rel=1e-10)


def test_no_temperature_is_refused() -> None:
    with pytest.raises(InputError, match=r"data\.kT=0 "):
        solve(np.zeros(8), 0.5, 0, 0.0)


@pytest.mark.parametrize("dims", [1, 2])
def test_a_thin_gas_has_hardly_any_excess(dims: int) -> None:
    family = Potentials((12,) * dims, 0.5, mu=(-6.0, -5.0), depth=0.3, smooth=(2.0, 3.0))
    whole, excess = (sample(3, family, kT=1.0, excess=switch) for switch in (False, True))
    assert abs(excess.free_energy) < 0.01 * abs(whole.free_energy)
    assert np.abs(excess.derivative).max() < 0.05 * np.abs(whole.derivative).max()


def test_the_excess_is_the_rest_beside_an_ideal_gas() -> None:
    family = Potentials((32,), 0.5, mu=(0.0, 0.5), depth=0.3, smooth=(1.0, 2.0))
    whole, excess = (sample(3, family, kT=0.1, excess=switch) for switch in (False, True))
    density, volume = whole.density.astype(float), volume_per_particle(0.1, 1)
    assert excess.free_energy + ideal_gas.free_energy(density, 0.5, 0.1, volume) == pytest.approx(
        whole.free_energy, rel=1e-6
    )
    known = ideal_gas.derivative(density, 0.1, volume)
    np.testing.assert_allclose(excess.derivative + known, whole.derivative, atol=1e-6)
