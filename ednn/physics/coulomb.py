"""Charges on a periodic square lattice: screened Coulomb interaction and nearest neighbours.

E = ½ Σ_i Σ_j q_i q_j V(r_ij) + K Σ_⟨ij⟩ q_i q_j, where the first sum runs over all pairs and all
their periodic images, without i = j in the same cell, and V(r) = A exp(−r/λ) / r. Without screening
(λ infinite) a uniform background makes every cell neutral, and the sum is Ewald's.
"""

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from ednn.core.errors import InputError

Floats = NDArray[np.float64]

CUTOFF = 40.0  # in screening lengths: exp(−40) is below the precision of a double
EWALD_CUTOFF = 6.0  # argument of erfc: erfc(6) is below the precision of a double


def energy(charges: Floats, screening: float | None, strength: float, neighbour: float) -> Floats:
    """Return the energies of charges (N, Lx, Ly): (N,), in O(sites · log(sites)) each.

    Args:
        charges: on the sites of a lattice of spacing 1.
        screening: λ in sites; None for the unscreened interaction with a neutralising background.
        strength: A, in the unit of energy times one site.
        neighbour: K, in the unit of energy.

    Raises:
        InputError: a lattice of another dimension, or a screening length that isn't above 0.

    Example:
        >>> charges = np.ones((1, 4, 4))  # 16 sites with 2 bonds each, nearest neighbours alone
        >>> float(energy(charges, screening=1.0, strength=0.0, neighbour=0.5)[0])
        16.0
    """
    charges = np.asarray(charges, dtype=np.float64)
    if charges.ndim != 3:
        raise InputError(
            f"Charges of shape {charges.shape} don't fit; expected (N, Lx, Ly) on a square lattice."
        )
    lattice = charges.shape[1:]
    kernel = np.fft.rfft2(potential(lattice, screening))  # (Lx, Ly / 2 + 1)
    potentials = np.fft.irfft2(np.fft.rfft2(charges) * kernel, s=lattice)  # (N, Lx, Ly)
    pairs = strength * (charges * potentials).sum((1, 2)) / 2
    bonds = sum((charges * np.roll(charges, -1, axis)).sum((1, 2)) for axis in (1, 2))
    return pairs + neighbour * bonds


def potential(lattice: Sequence[int], screening: float | None) -> Floats:
    """Return the potential of a unit charge at the origin and its images, (Lx, Ly), for A = 1.

    At the origin it is the potential of the images alone.

    Args:
        lattice: sides Lx and Ly.
        screening: λ in sites; None for none.

    Raises:
        InputError: a screening length that isn't above 0.

    Example:
        >>> v = potential((20, 20), screening=0.5)
        >>> float(round(v[1, 0], 3)), round(math.exp(-1 / 0.5), 3)
        (0.135, 0.135)
    """
    if screening is None:
        return _ewald(lattice)
    if not screening > 0:
        raise InputError(
            f"data.screening={screening} is not possible; give a length in sites above 0, or null "
            f"for no screening."
        )
    return _images(lattice, CUTOFF * screening, lambda r: np.exp(-r / screening) / r)


def _ewald(lattice: Sequence[int]) -> Floats:
    """Return the unscreened potential, with a neutralising background in the charges' plane.

    Source: D. E. Parry, Surf. Sci. 49, 433 (1975), for charges that all lie in the plane.
    """
    area = math.prod(lattice)
    alpha = math.sqrt(math.pi / area)  # 1 / width of the Gaussian clouds around the charges
    near = _images(lattice, EWALD_CUTOFF / alpha, lambda r: erfc(alpha * r) / r)
    near[0, 0] -= 2 * alpha / math.sqrt(math.pi)  # the charge's own cloud
    background = 2 * math.sqrt(math.pi) / (area * alpha)
    return near + _waves(lattice, alpha) - background


def _images(lattice: Sequence[int], reach: float, function: Callable[[Floats], Floats]) -> Floats:
    """Sum a function of the distance from the origin's periodic images, (Lx, Ly)."""
    total = np.zeros(lattice)
    cells = [range(-n, n + 1) for n in (math.ceil(reach / side) for side in lattice)]
    for cell in product(*cells):
        x, y = (np.arange(side) + side * n for side, n in zip(lattice, cell, strict=True))
        r = np.hypot(x[:, None], y)
        total += np.where(r > 0, function(np.where(r > 0, r, 1.0)), 0.0)
    return total


def _waves(lattice: Sequence[int], alpha: float) -> Floats:
    """Return Ewald's sum over the waves that fit the cell, (Lx, Ly)."""
    x, y = (np.arange(side) for side in lattice)
    counts = (math.ceil(EWALD_CUTOFF * alpha * side / math.pi) + 1 for side in lattice)
    orders = [range(-n, n + 1) for n in counts]
    total = np.zeros(lattice)
    for order in product(*orders):
        kx, ky = (2 * math.pi * n / side for n, side in zip(order, lattice, strict=True))
        k = math.hypot(kx, ky)
        if k:
            weight = 2 * math.pi / math.prod(lattice) * erfc(k / (2 * alpha)) / k
            total += weight * np.cos(kx * x[:, None] + ky * y)
    return total


def sample(lattice: Sequence[int], count: int, rng: np.random.Generator, binary: bool) -> Floats:
    """Draw fields of charges with every kind of order, from alternating to clustered, (N, Lx, Ly).

    They are Gaussian random fields. Each has waves around one random length, and a random share of
    noise.

    Args:
        lattice: sides Lx and Ly.
        count: number N of fields.
        rng: random numbers.
        binary: gives charges ±1, the sign relative to a random threshold of each field; otherwise
            each field has mean square 1.

    Example:
        >>> charges = sample((8, 8), 3, np.random.default_rng(0), binary=True)
        >>> charges.shape, np.unique(charges).tolist()
        ((3, 8, 8), [-1.0, 1.0])
    """
    axes = [2 * np.pi * np.fft.fftfreq(side) for side in lattice]
    k = np.hypot(axes[0][:, None], axes[1])  # (Lx, Ly)
    centre = rng.uniform(0, k.max(), (count, 1, 1))
    width = rng.uniform(0.2, 1.5, (count, 1, 1))
    noise = np.fft.fft2(rng.normal(size=(count, *lattice)))
    waves = np.fft.ifft2(noise * np.exp(-((k - centre) ** 2) / (2 * width**2))).real
    waves /= waves.std((1, 2), keepdims=True)
    share = rng.uniform(0, 1, (count, 1, 1)) ** 2
    fields = waves + share * rng.normal(size=waves.shape)
    if binary:
        return np.where(fields > rng.normal(0, 0.5, (count, 1, 1)), 1.0, -1.0)
    return fields / np.sqrt((fields**2).mean((1, 2), keepdims=True))
