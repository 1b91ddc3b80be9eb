"""The density in a potential, by minimising a functional that a network has learned."""

import warnings
from copy import deepcopy
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize

from ednn.core.errors import InputError
from ednn.core.interface import ExtensiveModel
from ednn.core.loading import load_models
from ednn.core.seen import WARNED, SeenValues
from ednn.physics import ideal_gas
from ednn.physics.ideal_gas import IdealGas

Floats = NDArray[np.float64]

STEPS = 1000  # of the minimiser, which takes about thirty
MEMORY = 20  # steps from which it estimates the curvature
UNIFORM = 16  # uniform densities from which the local-density approximation is made
DILUTE = 1e-3  # the lowest of them at least, in units of the highest


class Minimum(NamedTuple):
    """The density that minimises a functional in a potential.

    Attributes:
        density: n, particles per volume, (*L).
        energy: F[n] + ∫ n v, of the whole box.
        mu: chemical potential μ.
        particles: their number N, ∫ n.
        converged: whether `gradient` reached the tolerance.
        iterations: steps of the minimiser.
        gradient: largest |δF/δn + v − μ|, times √(n / n₀) with n₀ the mean of the density that the
            minimiser began with, so that sites without particles don't count.

    Example:
        >>> Minimum(np.ones(4), 2.0, 0.5, 4.0, True, 9, 1e-7).energy
        2.0
    """

    density: Floats
    energy: float
    mu: float
    particles: float
    converged: bool
    iterations: int
    gradient: float


def minimise(
    model: ExtensiveModel | str | Path,
    potential: ArrayLike,
    mu: float | None = None,
    particles: float | None = None,
    ideal: IdealGas | None = None,
    tolerance: float = 1e-6,
) -> Minimum:
    """Return the density n ≥ 0 in a potential v: at a chemical potential, or of so many particles.

    It minimises F[n] + ∫ n (v − μ), or F[n] + ∫ n v where ∫ n = N, by L-BFGS for √n. In terms of
    √n an ideal gas has the same curvature at every density, and n is never negative. It begins with
    a local-density approximation, made of the network's values at uniform densities of the
    training: far from those, a network can have minima that the functional hasn't.

    Units are those of the training: volumes in that of `model.info.spacing`, or in sites. A minimum
    that wasn't found, or that lies outside of the training's densities, is warned of.

    Args:
        model: a network of one density, or its checkpoint.
        potential: v on the sites of a periodic box of whole tiles, (*L).
        mu: chemical potential μ.
        particles: their number N, in place of μ.
        ideal: the ideal gas that the labels were less by; None for a network of the whole F.
        tolerance: of `gradient`; rounding ends the search at about 1e-7 of an energy per particle.

    Raises:
        InputError: a model without a derivative by one density, an excess free energy without
            `ideal`, a potential that doesn't fit, or not one of `mu` and `particles`.

    Example:
        >>> from ednn import EDNN
        >>> from ednn.core.subnets import SiteWise
        >>> class Square(SiteWise):  # F = ∫ n², so that n = (μ − v) / 2
        ...     def sites(self, padded):
        ...         return padded**2
        >>> model = EDNN(Square(), focus=2, context=0, dims=1)
        >>> minimise(model, [0.0, 1.0, 0.0, 1.0], mu=2.0).density.round(5).tolist()
        [1.0, 0.5, 1.0, 0.5]
    """
    found = model if isinstance(model, ExtensiveModel) else load_models(model)
    problem = _Problem(found, np.asarray(potential, dtype=np.float64), mu, particles, ideal)
    options = {"maxiter": STEPS, "maxfun": 2 * STEPS, "maxcor": MEMORY, "gtol": tolerance}
    options["ftol"] = 0.0  # it goes on until the gradient is small
    start = np.sqrt(problem.start / problem.scale).ravel()
    with np.errstate(over="ignore", invalid="ignore"):  # where there is no minimum
        result = minimize(problem, start, method="L-BFGS-B", jac=True, options=options)
    minimum = problem.minimum(result, tolerance)
    _warn(minimum, found, tolerance)
    return minimum


class _Problem:
    """What is minimised, as a function of √(n / n₀) on all sites."""

    def __init__(
        self,
        model: ExtensiveModel,
        potential: Floats,
        mu: float | None,
        particles: float | None,
        ideal: IdealGas | None,
    ) -> None:
        _require_possible(model, potential, mu, particles, ideal)
        self.model = deepcopy(model).double().eval()
        self.model.values_seen = None  # on its way the minimiser may pass unusual densities
        self.potential, self.ideal = potential, ideal
        self.mu, self.particles = mu, particles
        self.volume = prod(model.info.spacing)  # of a site
        self.start = self.beginning(model.values_seen)
        if particles is not None:  # local densities may jump past it
            self.start *= particles / (self.volume * self.start.sum())
        self.scale = float(self.start.mean())  # n₀

    def beginning(self, seen: SeenValues | None) -> Floats:
        """Return the density to begin with, (*L): a local-density one where the range is known."""
        volume = self.volume * self.potential.size
        fallback = 1.0 if self.ideal is None else 1 / self.ideal.volume
        uniform = np.full(self.potential.shape, (self.particles or volume * fallback) / volume)
        if seen is None:
            return uniform
        (lowest,), (highest,) = seen.lowest, seen.highest
        values = np.geomspace(max(lowest, DILUTE * highest), highest, UNIFORM)
        one = np.ones_like(self.potential)
        found = [(self.energy(n * one)[1] - self.potential).mean() for n in values]
        slopes = np.maximum.accumulate(found)

        def local(mu: float) -> Floats:
            return np.interp(mu - self.potential, slopes, values)

        if self.particles is None:
            assert self.mu is not None
            return local(self.mu)
        if not values[0] < self.particles / volume < values[-1]:
            return uniform
        ends = self.potential.min() + slopes[0], self.potential.max() + slopes[-1]
        return local(brentq(lambda mu: local(mu).mean() - self.particles / volume, *ends))

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """Return F + ∫ n (v − μ) and its gradient by x, (sites,), over 2 n₀ × a site's volume."""
        density = self.density(x)
        total, slope = self.energy(density)
        mu = self.chemical_potential(density, slope)
        if self.particles is None:
            total -= self.volume * mu * density.sum()
        gradient = self.share(x) * x * (slope - mu).ravel()
        return total / (2 * self.scale * self.volume), gradient

    def density(self, x: Floats) -> Floats:
        """Return n (*L) for x (sites,)."""
        squares = np.maximum(np.square(x), np.finfo(float).tiny)
        return (self.scale * self.share(x) * squares).reshape(self.potential.shape)

    def share(self, x: Floats) -> float:
        """Return by what x² is multiplied: where N is given, it counts relative to its mean."""
        return 1.0 if self.particles is None else float(1 / np.square(x).mean())

    def minimum(self, result: Any, tolerance: float) -> Minimum:
        """Return what the minimiser ended with."""
        density = self.density(result.x)
        energy, slope = self.energy(density)
        gradient = float(np.abs(result.jac).max())
        return Minimum(
            density,
            energy,
            self.chemical_potential(density, slope),
            float(self.volume * density.sum()),
            gradient <= tolerance,
            int(result.nit),
            gradient,
        )

    def energy(self, density: Floats) -> tuple[float, Floats]:
        """Return F + ∫ n v and its derivative by n, (*L)."""
        inputs = torch.from_numpy(density)[None, None].to(next(self.model.buffers()).device)
        total, slope = self.model.with_slopes(inputs, ["derivative"])
        free, by_density = total[0, 0].item(), slope[0, 0].cpu().numpy() + self.potential
        if self.ideal is not None:
            classical = self.ideal._asdict()
            free += self.volume * ideal_gas.free_energy(density, spacing=1.0, **classical)
            by_density = by_density + ideal_gas.derivative(density, **classical)
        return free + float(self.volume * (density * self.potential).sum()), by_density

    def chemical_potential(self, density: Floats, slope: Floats) -> float:
        """Return μ: the given one, or what the derivative of the energy is on average."""
        return float(np.average(slope, weights=density)) if self.mu is None else self.mu


def _require_possible(
    model: ExtensiveModel,
    potential: Floats,
    mu: float | None,
    particles: float | None,
    ideal: IdealGas | None,
) -> None:
    model.require_slopes(["derivative"])
    if ideal is None and model.info.outputs[0].name == ideal_gas.EXCESS:
        raise InputError(
            "This network has the excess free energy alone, and densities need the whole; give "
            "ideal=IdealGas(kT=…, volume=…), the ideal gas that its labels were less by."
        )
    if model.info.channels != 1:
        raise InputError(
            f"A functional of one density has one channel, and this model has "
            f"{model.info.channels}; give a model of one."
        )
    fits = potential.ndim == model.info.dims and potential.size > 0
    if not fits or not np.isfinite(potential).all():
        raise InputError(
            f"A potential of shape {potential.shape} doesn't fit a model of {model.info.dims} "
            f"dimension(s); give one finite number for each site of a box."
        )
    if (mu is None) == (particles is None):
        raise InputError(
            f"mu={mu} and particles={particles} don't determine the density; give one of the two."
        )
    if particles is not None and not 0 < particles < np.inf:
        raise InputError(f"particles={particles} is not possible; give a number above 0.")


def _warn(minimum: Minimum, model: ExtensiveModel, tolerance: float) -> None:
    """Warn of a minimum that wasn't found, and of one outside of the training's densities."""
    if not minimum.converged:
        warnings.warn(
            f"The minimum was not found: after {minimum.iterations} steps the gradient is "
            f"{minimum.gradient:.1e}, where {tolerance:.1e} was asked for.",
            stacklevel=3,
        )
    if (seen := model.values_seen) is not None:
        low, high = minimum.density.min(), minimum.density.max()
        (lowest,), (highest,) = seen.lowest, seen.highest
        margin = WARNED * (highest - lowest)
        if low < lowest - margin or high > highest + margin:
            warnings.warn(
                f"The density has values from {low:.4g} to {high:.4g}, but those of the training "
                f"had values from {lowest:.4g} to {highest:.4g}: the functional is unknown there.",
                stacklevel=3,
            )
