"""The ideal gas: the part of every functional of a fluid that is known, F = kT ∫ n (ln nΛ − 1)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXCESS = "excess_free_energy"  # what labels are called that are less those of the ideal gas


class IdealGas(NamedTuple):
    """A classical ideal gas.

    Attributes:
        kT: temperature.
        volume: Λ of a particle: its thermal wavelength to the power of the dimension, per spin.

    Example:
        >>> IdealGas(kT=0.1).volume
        1.0
    """

    kT: float
    volume: float = 1.0


def free_energy(density: Floats, spacing: float, kT: float, volume: float = 1.0) -> float:
    """Return the free energy of a density (*L) of particles without interaction.

    Args:
        density: n, particles per volume.
        spacing: distance of neighbouring points.
        kT: temperature.
        volume: Λ of a particle: its thermal wavelength to the power of the dimension, per spin.

    Example:
        >>> free_energy(np.ones(8), spacing=0.5, kT=2.0)  # 4 particles, −kT each
        -8.0
    """
    of_points = density * (np.log(np.maximum(density * volume, np.finfo(float).tiny)) - 1)
    return float(kT * spacing**density.ndim * of_points.sum())


def derivative(density: Floats, kT: float, volume: float = 1.0) -> Floats:
    """Return δF/δn = kT ln nΛ of densities (*L); further arguments are those of `free_energy`.

    Example:
        >>> derivative(np.array([1.0]), kT=2.0).tolist()
        [0.0]
    """
    return kT * np.log(density * volume)
