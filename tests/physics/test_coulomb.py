"""Energies of charges against sums that are written out, and against the unscreened limit."""

import math

import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.physics.coulomb import energy, potential, sample

MADELUNG_SQUARE = 1.6155426267128247  # of alternating charges: −M/2 per site


def direct(charges: np.ndarray, screening: float, strength: float, neighbour: float) -> float:
    """The double sum over pairs and images as it is written."""
    lx, ly = charges.shape
    sites = [(i, j) for i in range(lx) for j in range(ly)]
    reach = math.ceil(40 * screening / min(lx, ly)) + 1
    total = 0.0
    for i, j in sites:
        for k, m in sites:
            for a in range(-reach, reach + 1):
                for b in range(-reach, reach + 1):
                    r = math.hypot(k - i + a * lx, m - j + b * ly)
                    if r:
                        total += charges[i, j] * charges[k, m] * math.exp(-r / screening) / r
    bonds = sum(
        charges[i, j] * (charges[(i + 1) % lx, j] + charges[i, (j + 1) % ly]) for i, j in sites
    )
    return strength * total / 2 + neighbour * bonds


@pytest.mark.parametrize("screening", [0.3, 1.0])
def test_energies_are_those_of_the_direct_sum(screening: float) -> None:
    charges = np.random.default_rng(0).normal(size=(2, 3, 4))
    expected = [direct(field, screening, 1.5, -0.7) for field in charges]
    np.testing.assert_allclose(energy(charges, screening, 1.5, -0.7), expected, rtol=1e-12)


def test_alternating_charges_have_the_madelung_energy() -> None:
    charges = (1.0 - 2 * (np.indices((8, 6)).sum(0) % 2))[None]
    assert energy(charges, None, 1.0, 0.0)[0] / 48 == pytest.approx(-MADELUNG_SQUARE / 2, rel=1e-12)


def test_weak_screening_tends_to_none() -> None:
    """Less the mean of the interaction over the plane, which is the background's.

    exp(−r/λ)/r is 1/r − 1/λ nearby; of a charge on itself, which is left out, that is left out too.
    """
    screening, lattice = 10.0, (4, 5)
    weak = potential(lattice, screening) - 2 * math.pi * screening / math.prod(lattice)
    weak[0, 0] -= 1 / screening
    np.testing.assert_allclose(weak, potential(lattice, None), atol=0.02)


@pytest.mark.parametrize("screening", [2.0, None])
def test_energies_are_extensive_and_translate(screening: float | None) -> None:
    charges = sample((6, 8), 3, np.random.default_rng(0), binary=False)
    charges -= charges.mean((1, 2), keepdims=True)
    once = energy(charges, screening, 1.0, -1.0)
    np.testing.assert_allclose(energy(np.tile(charges, (1, 2, 3)), screening, 1.0, -1.0), 6 * once)
    np.testing.assert_allclose(energy(np.roll(charges, (2, 3), (1, 2)), screening, 1.0, -1.0), once)


@pytest.mark.parametrize("binary", [True, False])
def test_samples_have_every_kind_of_order(binary: bool) -> None:
    fields = sample((16, 16), 400, np.random.default_rng(0), binary)
    assert fields.shape == (400, 16, 16)
    np.testing.assert_allclose((fields**2).mean((1, 2)), 1)
    if binary:
        assert set(np.unique(fields)) == {-1.0, 1.0}
    bonds = (fields * np.roll(fields, 1, 1)).mean((1, 2))
    assert bonds.min() < -0.6
    assert bonds.max() > 0.6


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="screening=0"):
        potential((4, 4), 0)
    with pytest.raises(InputError, match="square lattice"):
        energy(np.ones((2, 4)), 1.0, 1.0, 0.0)
