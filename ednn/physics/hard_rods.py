"""Hard rods of length σ on a line, in the unit kT of energy: an exactly known functional.

J. K. Percus, J. Stat. Phys. 15, 505 (1976): the excess free energy is F = −∫ n₀ ln(1 − n₁), where
n₀(x) = (ρ(x − σ/2) + ρ(x + σ/2)) / 2 and n₁(x) = ∫ ρ from x − σ/2 to x + σ/2. Here σ is a whole
number of spacings, the integrals are sums by the trapezoidal rule, and the derivative of F is that
of these sums: both belong to one another to machine precision at any spacing.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, diags_array, eye_array
from scipy.sparse.linalg import spsolve
from scipy.special import wrightomega

from ednn.core.errors import InputError
from ednn.physics.smooth_fields import Potentials, Sample

Floats = NDArray[np.float64]

TOLERANCE = 1e-10  # of ln ρ, in an equilibrium
STEPS = 100  # of Newton's method, which takes about five
TINY = 1e-6  # share of a step that is taken even if it doesn't help


def excess_free_energy(density: Floats, spacing: float, sigma: float) -> Floats:
    """Return the excess free energies of densities (N, L): (N,), in units of kT.

    Args:
        density: ρ, rods per length, on the points of a periodic line.
        spacing: distance of neighbouring points.
        sigma: length of a rod, a whole number of spacings.

    Raises:
        InputError: another length, or a density from close packing on.

    Example:
        >>> uniform = np.full((1, 40), 0.5)  # 2 rods of length 1 on a line of 4: −2 ln(1 − 0.5)
        >>> float(excess_free_energy(uniform, spacing=0.1, sigma=1.0)[0].round(9))
        1.386294361
    """
    line = _Line.of(density, spacing, sigma)
    n0, free = line.weighted(density)
    _require_room(free)
    return -spacing * (n0 * np.log(free)).sum(-1)


def derivative(density: Floats, spacing: float, sigma: float) -> Floats:
    """Return δF/δρ = −c₁ of densities (..., L), by length: (..., L), in units of kT.

    At a point it knows of the density up to one σ away, and of nothing else. Arguments and errors
    are those of `excess_free_energy`.

    Example:
        >>> uniform = np.full((1, 40), 0.5)  # −ln(1 − η) + η / (1 − η) at η = 0.5
        >>> derivative(uniform, spacing=0.1, sigma=1.0)[0, :2].round(9).tolist()
        [1.693147181, 1.693147181]
    """
    line = _Line.of(density, spacing, sigma)
    _require_room(line.weighted(density)[1])
    return line.derivative(density)


def equilibrium(v: Floats, spacing: float, sigma: float, mu: float) -> Floats:
    """Return the density ρ = exp(μ − v − δF/δρ) in a potential, by Newton's method for ln ρ.

    Args:
        v: the potential, (L,) in units of kT.
        spacing: distance of neighbouring points.
        sigma: length of a rod, a whole number of spacings.
        mu: chemical potential in units of kT; the thermal wavelength is the unit of length.

    Raises:
        InputError: a length of the rods that is no whole number of spacings, or a potential so deep
            that no density was found.

    Example:
        >>> v = np.cos(2 * np.pi * np.arange(50) / 50)
        >>> density = equilibrium(v, spacing=0.1, sigma=1.0, mu=2.0)
        >>> mu = np.log(density) + v + derivative(density, spacing=0.1, sigma=1.0)
        >>> bool(np.allclose(mu, 2.0, rtol=0, atol=1e-9))
        True
    """
    line = _Line.of(v, spacing, sigma)

    def residual(log_density: Floats) -> Floats:
        return log_density + v - mu + line.derivative(np.exp(log_density))

    # To start with, everywhere that of a uniform gas: y + ln y = μ − v + ln σ, y = η / (1 − η).
    y = wrightomega(mu - v + np.log(sigma))
    log_density = np.log(y / (1 + y) / sigma)
    left = residual(log_density)
    for _ in range(STEPS):
        if np.abs(left).max() < TOLERANCE:
            return np.exp(log_density)
        step = -spsolve(line.slope(np.exp(log_density)), left)
        size, before = 1.0, np.linalg.norm(left)
        with np.errstate(invalid="ignore", over="ignore"):  # beyond close packing it is NaN
            while not np.linalg.norm(residual(log_density + size * step)) < before and size > TINY:
                size /= 2
        log_density = log_density + size * step
        left = residual(log_density)
    raise InputError(
        f"No density of hard rods was found at μ = {mu:g} kT in a potential from {v.min():.3g} to "
        f"{v.max():.3g} kT, so near close packing; lower data.mu or data.depth."
    )


def points_per_rod(points: int, spacing: float, sigma: float) -> int:
    """Return how many spacings long a rod is.

    Args:
        points: of the line.
        spacing: distance of neighbouring points.
        sigma: length of a rod.

    Raises:
        InputError: it is no whole number, or the line is shorter than two rods.

    Example:
        >>> points_per_rod(points=256, spacing=0.125, sigma=1.0)
        8
    """
    length = round(sigma / spacing)
    if length < 1 or abs(length * spacing - sigma) > 1e-9 * sigma:
        raise InputError(
            f"data.sigma={sigma} is no whole number of spacings, data.spacing={spacing}; give a "
            f"multiple, such as {max(1, length) * spacing:g}."
        )
    if points < 2 * length:
        raise InputError(
            f"A line of {points} points is too short for rods of {length}; give data.side="
            f"{2 * length} or more."
        )
    return length


def sample(seed: int | Sequence[int], potentials: Potentials, sigma: float) -> Sample:
    """Return the excess functional at the density of the random potential that a seed determines.

    Example:
        >>> family = Potentials((32,), spacing=0.25, mu=(0, 2), depth=1, smooth=(0.5, 2))
        >>> drawn = sample(seed=3, potentials=family, sigma=1.0)
        >>> drawn.density.shape, drawn.derivative.shape
        ((32,), (32,))
    """
    v, mu = potentials.draw(seed)
    density = equilibrium(v, potentials.spacing, sigma, mu).astype(np.float32)
    law = {"spacing": potentials.spacing, "sigma": sigma}
    stored = density.astype(np.float64)  # which the labels belong to
    free_energy = excess_free_energy(stored[None], **law)[0]
    return Sample(density, float(free_energy), derivative(stored, **law))


class _Line(NamedTuple):
    """A periodic line of points: its windows as sparse matrices, (L, L) each.

    Attributes:
        ends: half the density at either end of a window of length σ.
        inside: its integral over the window.
    """

    ends: csc_array
    inside: csc_array

    @classmethod
    def of(cls, density: Floats, spacing: float, sigma: float) -> "_Line":
        return _line(density.shape[-1], spacing, sigma)

    def weighted(self, density: Floats) -> tuple[Floats, Floats]:
        """Return n₀ and 1 − n₁ of densities (..., L)."""
        return density @ self.ends.T, 1 - density @ self.inside.T

    def derivative(self, density: Floats) -> Floats:
        """Return δF/δρ of densities (..., L)."""
        n0, free = self.weighted(density)
        return (n0 / free) @ self.inside - np.log(free) @ self.ends

    def slope(self, density: Floats) -> csc_array:
        """Return how ln ρ + δF/δρ changes with ln ρ, (L, L)."""
        n0, free = self.weighted(density)
        mixed = self.ends.T @ diags_array(1 / free) @ self.inside
        second = mixed + mixed.T + self.inside.T @ diags_array(n0 / free**2) @ self.inside
        return csc_array(eye_array(len(density)) + second @ diags_array(density))


@lru_cache(maxsize=4)
def _line(points: int, spacing: float, sigma: float) -> _Line:
    """Build the windows, each labelled with its first point: on a circle it makes no difference."""
    length = points_per_rod(points, spacing, sigma)
    rows = np.repeat(np.arange(points), length + 1)
    columns = (rows + np.tile(np.arange(length + 1), points)) % points
    halves = np.zeros(length + 1)
    halves[[0, -1]] = 0.5
    trapezoid = spacing * (1 - halves)
    ends, inside = (
        csc_array((np.tile(weights, points), (rows, columns)), shape=(points, points))
        for weights in (halves, trapezoid)
    )
    return _Line(ends, inside)


def _require_room(free: Floats) -> None:
    if not (free > 0).all():
        raise InputError(
            f"A density covers {1 - free.min():.4g} of the length of a rod, which is not possible; "
            f"give densities below close packing, 1."
        )
