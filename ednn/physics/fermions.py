"""Fermions of spin ½ without interaction, in a potential in a periodic box (ħ = m = 1).

Their free energy F[n] = min (kinetic energy − T S) is a functional of the density n(r) alone
(N. D. Mermin, Phys. Rev. 137, A1441 (1965)). No closed form of it is known, but every potential v
gives one value of it, F = Ω + ∫ n (μ − v), at the density of v, and its exact derivative there,
δF/δn = μ − v.
"""

from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import circulant, eigh
from scipy.special import expit

from ednn.core.errors import InputError
from ednn.physics import ideal_gas
from ednn.physics.smooth_fields import Potentials, Sample, wave_numbers

Floats = NDArray[np.float64]


class Equilibrium(NamedTuple):
    """Fermions at a temperature and a chemical potential.

    Attributes:
        density: n, particles of both spins per volume, (*L).
        free_energy: F[n], the kinetic energy less T S.
        grand_potential: Ω = F + ∫ n (v − μ).
        levels: energies of the orbitals, ascending.
    """

    density: Floats
    free_energy: float
    grand_potential: float
    levels: Floats


def solve(v: Floats, spacing: float, kT: float, mu: float) -> Equilibrium:
    """Return the equilibrium in a potential; μ − v is the derivative of F at its density.

    The orbitals are plane waves on the points, so that the kinetic energy is exact. All of them are
    found at once, in O(points³).

    Args:
        v: the potential, (*L).
        spacing: distance of neighbouring points.
        kT: temperature.
        mu: chemical potential.

    Raises:
        InputError: a temperature that isn't above 0.

    Example:
        >>> flat = solve(np.zeros(64), spacing=0.5, kT=1.0, mu=-5.0)  # an ideal gas, nearly
        >>> ideal = 2 * np.exp(-5.0) / np.sqrt(2 * np.pi)  # 2 exp(μ / kT) / thermal wavelength
        >>> bool(np.allclose(flat.density, ideal, rtol=0.01))
        True
    """
    if not kT > 0:
        raise InputError(f"data.kT={kT} is not possible; give a temperature above 0.")
    hamiltonian = kinetic_energy(v.shape, spacing) + np.diag(v.ravel())  # (points, points)
    levels, orbitals = eigh(hamiltonian, driver="evd", overwrite_a=True, check_finite=False)
    x = (mu - levels) / kT
    volume = spacing**v.ndim  # of a point
    density = (orbitals**2 @ (2 * expit(x))).reshape(v.shape) / volume
    grand = -2 * kT * np.logaddexp(0, x).sum()
    free = grand + volume * (density * (mu - v)).sum()
    return Equilibrium(density, float(free), float(grand), levels)


def sample(
    seed: int | Sequence[int], potentials: Potentials, kT: float, excess: bool = False
) -> Sample:
    """Return the functional at the density of the random potential that a seed determines.

    Args:
        seed: one number or several.
        potentials: which are drawn from.
        kT: temperature.
        excess: takes off the functional of a classical ideal gas, whose derivative kT ln n is
            large where there are hardly any particles.

    Example:
        >>> family = Potentials((32,), spacing=0.5, mu=(0, 1), depth=0.5, smooth=(0.5, 2))
        >>> drawn = sample(seed=3, potentials=family, kT=0.1)
        >>> drawn.density.shape, drawn.derivative.shape
        ((32,), (32,))
    """
    v, mu = potentials.draw(seed)
    found = solve(v, potentials.spacing, kT, mu)
    density, free_energy, slope = found.density, found.free_energy, mu - v
    if excess:
        classical = {"kT": kT, "volume": volume_per_particle(kT, v.ndim)}
        free_energy -= ideal_gas.free_energy(density, potentials.spacing, **classical)
        slope = slope - ideal_gas.derivative(density, **classical)
    return Sample(density.astype(np.float32), free_energy, slope)


def volume_per_particle(kT: float, dims: int) -> float:
    """Return Λ of fermions of spin ½ in so many dimensions, λ^D / 2 with λ = √(2π / kT).

    Far below one particle in Λ they are a classical ideal gas, with n Λ = exp(μ / kT).

    Example:
        >>> round(volume_per_particle(kT=2 * np.pi, dims=1), 3)
        0.5
    """
    return float(np.sqrt(2 * np.pi / kT) ** dims / 2)


@lru_cache(maxsize=4)
def kinetic_energy(sides: tuple[int, ...], spacing: float) -> Floats:
    """Return −∇²/2 of functions on the points of a periodic box, exact for its plane waves.

    Args:
        sides: of the box, in points.
        spacing: distance of neighbouring points.

    Returns:
        A symmetric matrix (points, points), not to be written to.

    Example:
        >>> matrix = kinetic_energy((8, 8), spacing=1.0)
        >>> x = 2 * np.pi * np.arange(8) / 8
        >>> wave = np.cos(x[:, None] + 2 * x).ravel()  # k² = (1² + 2²) (2π / 8)²
        >>> bool(np.allclose(matrix @ wave, 5 / 2 * (2 * np.pi / 8) ** 2 * wave))
        True
    """
    axes = [circulant(np.fft.ifft(k**2 / 2).real) for k in wave_numbers(sides, spacing)]
    matrix: Floats = reduce(
        lambda a, b: np.kron(a, np.eye(len(b))) + np.kron(np.eye(len(a)), b), axes
    )
    matrix.flags.writeable = False
    return matrix


def thermal_length(kT: float, mu: float = 0.0) -> float:
    """Return the length ξ over which free fermions know of each other: exp(−r / ξ).

    ξ = 1 / Im √(2 (μ + iπ kT)) is the decay of their density matrix, from the pole of the Fermi
    function that is next to the real axis: 1 / √(π kT) at μ = 0, and v_F / (π kT) far above. Boxes
    of a side ≫ ξ have the free energy per volume of an infinite one.

    Source: S. Goedecker, Phys. Rev. B 58, 3501 (1998).

    Example:
        >>> round(thermal_length(kT=0.1), 3), round(thermal_length(kT=0.1, mu=50), 2)
        (1.784, 31.83)
    """
    return float(1 / np.sqrt(2 * (mu + 1j * np.pi * kT)).imag)
