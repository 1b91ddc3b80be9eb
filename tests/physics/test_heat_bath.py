"""Monte Carlo with the true energy gives Kaufman's exact results; its statistics are right."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ednn.core.model import EDNN
from ednn.physics import kaufman
from ednn.physics.heat_bath import crossing, observables, resample, sample
from tests.core.test_model import ising_network

TEMPERATURES = [1.8, 2.27, 3.5]


class Bonds(nn.Module):
    """The energy per site of the bonds to the right of and below the sites of the focus; c = 1."""

    def forward(self, tiles: Tensor) -> Tensor:
        own, right, below = tiles[..., 1:-1, 1:-1], tiles[..., 1:-1, 2:], tiles[..., 2:, 1:-1]
        return -(own * (right + below)).mean((-2, -1))  # (n, 1)


@pytest.mark.parametrize(
    ("net", "L", "replicas", "sweeps"),
    [
        (ising_network(2), 4, 256, 300),
        (ising_network(2), 8, 64, 600),
        (EDNN(Bonds(), focus=4, context=1), 4, 64, 200),
        (EDNN(Bonds(), focus=4, context=1), 8, 32, 100),
    ],
)
def test_the_true_energy_gives_the_exact_energy_and_specific_heat(
    net: EDNN, L: int, replicas: int, sweeps: int
) -> None:
    moments = sample(net, (L, L), TEMPERATURES, replicas, sweeps, equilibration=100, seed=1)
    assert moments.shape == (5, replicas, len(TEMPERATURES))
    mean = observables(moments.mean(1), TEMPERATURES, L**2)
    spread = observables(resample(moments, 400, np.random.default_rng(0)), TEMPERATURES, L**2)
    for name, exact in {"energy": kaufman.energy, "specific_heat": kaufman.specific_heat}.items():
        error = spread[name].std(0)
        assert (error < 0.1).all()
        assert (abs(mean[name] - exact((L, L), TEMPERATURES)) < 4 * error).all()


@pytest.mark.parametrize("L", [4, 8])
def test_spins_mix_at_every_temperature(L: int) -> None:
    temperatures = [0.5, 1.0, 2.0, 5.0, 30.0, 1e3, 1e9]
    replicas, sweeps = 32, 400
    moments = sample(ising_network(2), (L, L), temperatures, replicas, sweeps, 100, seed=2)
    found = observables(moments.mean(1), temperatures, L**2)["energy"]
    error = moments[0].std(0, ddof=1) / L**2 / np.sqrt(replicas)
    exact = kaufman.energy((L, L), temperatures)
    assert (abs(found - exact) < 4 * error + 1e-5).all()  # at T = 0.5 excitations are rarer
    assert (error < 0.01).all()


def test_a_seed_fixes_the_simulation() -> None:
    first, again, other = (
        sample(ising_network(2), (4, 4), TEMPERATURES, 3, 5, equilibration=2, seed=seed)
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_replicas_start_ordered_up_and_down() -> None:
    moments = sample(ising_network(2), (8, 8), [1e-3], 2, sweeps=3, equilibration=0)
    energy, squared, size, *_ = moments[:, :, 0]
    assert energy.tolist() == [-128, -128]
    assert squared.tolist() == [128**2] * 2
    assert size.tolist() == [1, 1]


def test_observables_of_known_distributions() -> None:
    rng = np.random.default_rng(0)
    T, sites = np.array([1.5, 3.0]), 100
    E = rng.normal(-120, 10, size=(200_000, 2))
    m = rng.normal(0, 0.1, size=(200_000, 2))
    moments = np.stack([E, E**2, abs(m), m**2, m**4]).mean(1)  # (5, temperatures)
    found = observables(moments, T, sites)
    np.testing.assert_allclose(found["energy"], -1.2, atol=0.001)
    np.testing.assert_allclose(found["specific_heat"], 1 / T**2, rtol=0.02)
    np.testing.assert_allclose(found["magnetisation"], 0.1 * np.sqrt(2 / np.pi), rtol=0.01)
    np.testing.assert_allclose(found["binder"], 0, atol=0.02)  # no order: a Gaussian
    ordered = observables(np.ones((5, 2)), T, sites)
    np.testing.assert_allclose(ordered["binder"], 2 / 3)


def test_the_bootstrap_has_the_standard_error_of_the_mean() -> None:
    moments = np.random.default_rng(0).normal(size=(5, 400, 3))
    means = resample(moments, 2000, np.random.default_rng(1))
    assert means.shape == (5, 2000, 3)
    np.testing.assert_allclose(means.std(1), moments.std(1) / 20, rtol=0.1)


@pytest.mark.parametrize("bend", [0.0, 0.2])
def test_cumulants_cross_where_the_larger_lattice_falls_below(bend: float) -> None:
    T = np.linspace(2.1, 2.45, 8)
    x = T - 2.27
    smaller, larger = (2 / 3 - 0.055 * np.exp(L * (0.5 * x + bend * x**2)) for L in (8, 16))
    found = crossing(T, smaller, larger)
    assert found is not None
    assert abs(found - 2.27) < 1e-6
    assert crossing(T, larger, smaller) is None  # it rises above
    assert crossing(T[:4], smaller[:4], larger[:4]) is None  # beyond the temperatures
    assert crossing(T, smaller, smaller - 0.1) is None


def test_no_walker_follows_another() -> None:
    """Walkers of one temperature are independent: their energies don't vary together."""
    torch.manual_seed(0)
    moments = sample(ising_network(2), (4, 4), [2.27] * 8, 200, sweeps=1, equilibration=50)
    correlation = np.corrcoef(moments[0].T)  # (8, 8) over 200 replicas
    assert abs(correlation[~np.eye(8, dtype=bool)]).max() < 0.3
