"""Minimisation of functionals, where the minimum is known: local functionals and hard rods."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import wrightomega
from torch import Tensor

from ednn import EDNN
from ednn.core.ensemble import ensemble
from ednn.core.errors import InputError
from ednn.core.info import Output
from ednn.core.seen import SeenValues
from ednn.core.subnets import SiteWise
from ednn.functionals import minimise
from ednn.physics import hard_rods
from ednn.physics.ideal_gas import EXCESS, IdealGas

SPACING, STRENGTH, ROD = 0.25, 0.7, 4  # the last one in sites
GAS = IdealGas(kT=0.4, volume=1.5)
V = np.cos(np.arange(24) * np.pi / 6)


class Square(SiteWise):
    """The energy of a site, F = ∫ a n²."""

    def __init__(self, volume: float, strength: float = STRENGTH) -> None:
        super().__init__()
        self.factor = volume * strength

    def sites(self, padded: Tensor) -> Tensor:
        return self.factor * padded.square().sum(1, keepdim=True)


class Rods(SiteWise):
    """The excess free energy of hard rods, −Σ n₀ ln(1 − n₁) Δx."""

    def sites(self, padded: Tensor) -> Tensor:
        windows = padded.unfold(2, ROD + 1, 1)  # (B, 1, L, points of a rod)
        ends = (windows[..., 0] + windows[..., -1]) / 2
        inside = SPACING * (windows.sum(-1) - ends)
        return -SPACING * ends * torch.log(1 - inside)


def model_of(subnet: SiteWise, focus: int = 4, context: int = 0, dims: int = 1) -> EDNN:
    model = EDNN(subnet, focus, context, dims=dims).double()
    model.info = replace(model.info, spacing=(SPACING,) * dims)
    return model


def quadratic(dims: int = 1, strength: float = STRENGTH) -> EDNN:
    return model_of(Square(SPACING**dims, strength), dims=dims)


def exact(v: np.ndarray, mu: float) -> np.ndarray:
    """Solve kT ln nΛ + 2 a n + v = μ."""
    rate = 2 * STRENGTH / GAS.kT
    return wrightomega((mu - v) / GAS.kT - np.log(GAS.volume) + np.log(rate)) / rate


@pytest.mark.parametrize("mu", [-1.0, 0.0, 3.0])
def test_a_local_functional_has_the_density_that_solves_its_equation(mu: float) -> None:
    found = minimise(quadratic(), V, mu=mu, ideal=GAS, tolerance=2e-7)
    n = exact(V, mu)
    np.testing.assert_allclose(found.density, n, rtol=1e-6)
    energy = GAS.kT * n * (np.log(n * GAS.volume) - 1) + STRENGTH * n**2 + n * V
    assert found.energy == pytest.approx(SPACING * energy.sum(), abs=1e-6)
    assert found.particles == pytest.approx(SPACING * n.sum(), rel=1e-6)
    assert found.converged
    assert found.gradient < 2e-7
    assert found.mu == mu


def test_with_particles_given_it_finds_the_chemical_potential() -> None:
    particles = SPACING * exact(V, 0.3).sum()
    found = minimise(quadratic(), V, particles=particles, ideal=GAS, tolerance=2e-7)
    assert found.particles == pytest.approx(particles, rel=1e-12)
    assert found.mu == pytest.approx(0.3, abs=1e-6)
    np.testing.assert_allclose(found.density, exact(V, 0.3), rtol=1e-6)


def test_in_two_dimensions_of_an_ensemble_in_single_precision() -> None:
    v = np.add.outer(V[:8], V)
    members = [quadratic(2, STRENGTH - 0.1).float(), quadratic(2, STRENGTH + 0.1).float()]
    model = ensemble(members)
    found = minimise(model, torch.tensor(v), mu=0.5, ideal=GAS)
    np.testing.assert_allclose(found.density, exact(v, 0.5), rtol=1e-5)
    assert model.precision == torch.float32  # of the caller's model, which stays as it was


def test_without_an_ideal_gas_places_can_be_empty() -> None:
    found = minimise(quadratic(), 2 * V, mu=1.0, tolerance=1e-9)
    np.testing.assert_allclose(
        found.density, np.maximum(1 - 2 * V, 0) / (2 * STRENGTH), rtol=1e-6, atol=1e-6
    )


def test_particles_are_kept_where_local_densities_jump() -> None:
    model = quadratic(strength=-STRENGTH)  # at kT = 1 not convex above n = 0.7
    model.values_seen = SeenValues((0.01,), (8.0,), (1.0,))
    found = minimise(model, 0.1 * V, particles=3.0, ideal=IdealGas(kT=1.0))
    assert found.particles == pytest.approx(3.0, rel=1e-12)
    assert found.converged


@pytest.mark.parametrize("given", ["mu", "particles"])
def test_hard_rods_have_their_exact_density(given: str) -> None:
    v = 1.5 * np.cos(np.arange(64) * np.pi / 16)
    law = {"spacing": SPACING, "sigma": ROD * SPACING}
    n = hard_rods.equilibrium(v, mu=2.0, **law)
    target = {"mu": 2.0, "particles": SPACING * n.sum()}[given]
    model = model_of(Rods(), focus=8, context=ROD // 2)
    model.values_seen = SeenValues((0.0,), (0.9,), (0.2,))  # it begins below close packing
    found = minimise(model, v, ideal=IdealGas(kT=1.0), tolerance=2e-7, **{given: target})
    np.testing.assert_allclose(found.density, n, rtol=1e-6)
    assert found.mu == pytest.approx(2.0, abs=1e-6)


def test_a_density_outside_of_the_training_is_warned_of() -> None:
    model = quadratic()
    model.values_seen = SeenValues((0.1,), (0.3,), (0.1,))
    with pytest.warns(UserWarning, match=r"those of the training had values from 0.1 to 0.3"):
        minimise(model, V, mu=3.0, ideal=GAS)
    model.values_seen = SeenValues((0.0,), (9.0,), (1.0,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        minimise(model, V, mu=3.0, ideal=GAS)


def test_a_functional_without_a_minimum_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="The minimum was not found"):
        found = minimise(quadratic(strength=-STRENGTH), V, mu=3.0)
    assert not found.converged


def test_an_excess_free_energy_asks_for_its_ideal_gas() -> None:
    model = quadratic()
    excess = Output(EXCESS, "kT", "kT per point")
    model.info = replace(model.info, outputs=(excess,))
    with pytest.raises(InputError, match="excess free energy alone"):
        minimise(model, V, mu=0.0)
    assert minimise(model, V, mu=0.0, ideal=GAS).converged


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mu": None}, "mu=None and particles=None"),
        ({"particles": 2.0}, "mu=0.0 and particles=2.0"),
        ({"mu": None, "particles": -2.0}, "particles=-2.0 is not possible"),
        ({"potential": V[:3]}, "side"),
        ({"potential": V.reshape(4, 6)}, "of shape \\(4, 6\\) doesn't fit"),
        ({"potential": V * np.nan}, "finite"),
        ({"potential": V[:0]}, "of shape \\(0,\\) doesn't fit"),
        ({"model": EDNN(Square(1.0), 2, 0, dims=1, channels=2)}, "one channel"),
        ({"model": "pretrained/graphene-hbn-gfn1"}, "it takes structures"),
    ],
)
def test_what_cannot_be_minimised_is_refused(changed: dict[str, object], words: str) -> None:
    given: dict[str, object] = {"model": quadratic(), "potential": V, "mu": 0.0, "ideal": GAS}
    with pytest.raises(InputError, match=words):
        minimise(**{**given, **changed})  # type: ignore[arg-type]
