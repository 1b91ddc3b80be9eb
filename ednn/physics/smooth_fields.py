"""Random smooth potentials in a periodic box, whose equilibria teach functionals of the density."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError

Floats = NDArray[np.float64]


def wave_numbers(sides: Sequence[int], spacing: float) -> list[Floats]:
    """Return the wave numbers 2π / wavelength along every axis of a periodic box, in FFT's order.

    Example:
        >>> (wave_numbers((4,), spacing=0.5)[0] / np.pi).tolist()
        [0.0, 1.0, -2.0, -1.0]
    """
    return [2 * np.pi * np.fft.fftfreq(side, spacing).astype(np.float64) for side in sides]


def smooth_field(
    rng: np.random.Generator, sides: Sequence[int], spacing: float, length: float
) -> Floats:
    """Return a Gaussian random field of mean 0, variance 1 and correlation exp(−r² / 2 length²).

    Variance and correlation are those of the ensemble, not of the sample, so that boxes of any size
    have the same local structure.

    Args:
        rng: random numbers.
        sides: of the periodic box, in points.
        spacing: distance of neighbouring points.
        length: of the correlation, in the unit of `spacing`.

    Example:
        >>> field = smooth_field(np.random.default_rng(0), (64, 64), spacing=0.5, length=1.0)
        >>> field.shape, bool(0.8 < field.std() < 1.2)
        ((64, 64), True)
    """
    squares = reduce(np.add.outer, [np.square(k) for k in wave_numbers(sides, spacing)])  # (*L)
    weights = np.exp(-squares * length**2 / 4)
    weights /= np.sqrt((weights**2).mean())
    return np.fft.ifftn(np.fft.fftn(rng.normal(size=squares.shape)) * weights).real


@dataclass(frozen=True)
class Potentials:
    """A family of random potentials, from flat to deep and from rough to smooth.

    Every potential is a smooth field of a depth and a correlation length of its own. The densities
    that a minimisation passes on its way to an equilibrium are equilibria of other potentials: of
    shallow ones where it begins, and of rough ones where noise has grown. A rough field has waves
    of all lengths above its own, so that it has noise on top of smooth structure, too.

    Args:
        sides: of the periodic box, in points.
        spacing: distance of neighbouring points.
        mu: lowest and highest chemical potential, relative to the mean of the potentials.
        depth: largest standard deviation of a potential; 0 is the smallest.
        smooth: shortest and longest correlation length, in the unit of `spacing`.

    Raises:
        InputError: values that no potential can have.

    Example:
        >>> family = Potentials((128,), spacing=0.25, mu=(0, 1), depth=0.5, smooth=(0.5, 2))
        >>> v, mu = family.draw(seed=3)
        >>> v.shape, 0 < mu < 1
        ((128,), True)
    """

    sides: tuple[int, ...]
    spacing: float
    mu: Sequence[float]
    depth: float
    smooth: Sequence[float]

    def __post_init__(self) -> None:
        if not self.spacing > 0:
            raise InputError(f"data.spacing={self.spacing} is not possible; give a length above 0.")
        if not self.depth >= 0:
            raise InputError(f"data.depth={self.depth} is not possible; give 0 or more.")
        for name, ends in {"mu": self.mu, "smooth": self.smooth}.items():
            if len(ends) != 2 or not ends[0] <= ends[1]:
                raise InputError(
                    f"data.{name}={list(ends)} is not possible; give the lowest and the highest "
                    f"value, such as [0.5,2]."
                )
        if not self.smooth[0] >= self.spacing:
            raise InputError(
                f"data.smooth={list(self.smooth)} begins with a length that points "
                f"cannot resolve; give lengths from data.spacing={self.spacing} on."
            )

    def draw(self, seed: int | Sequence[int]) -> tuple[Floats, float]:
        """Return the potential and the chemical potential that a seed determines.

        Args:
            seed: one number or several.

        Returns:
            v (*L) and mu.
        """
        rng = np.random.default_rng(seed)
        (lowest, highest), (shortest, longest) = self.mu, self.smooth
        mu, depth = rng.uniform(lowest, highest), rng.uniform(0, self.depth)
        field = smooth_field(rng, self.sides, self.spacing, rng.uniform(shortest, longest))
        return depth * field, mu


class Sample(NamedTuple):
    """What is known of a functional at one density.

    Attributes:
        density: (*L) in single precision, as it is stored.
        free_energy: its value, extensive.
        derivative: by the density, per volume, (*L).
    """

    density: NDArray[np.float32]
    free_energy: float
    derivative: Floats
