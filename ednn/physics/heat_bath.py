"""Monte Carlo with a learned energy: many replicas at many temperatures at once, by heat bath.

Sublattices are visited in order. Metropolis would accept every flip at a high temperature, so that
all spins would flip in lockstep and never mix; a heat bath accepts half of them.

Source: R. J. Glauber, J. Math. Phys. 4, 294 (1963), for the acceptance.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ednn.core.interface import ExtensiveModel
from ednn.core.terminal import Progress
from ednn.physics.flips import Flips

Floats = NDArray[np.float64]

# Most values kept of the replicas that are simulated together, by device. A CPU is fastest while
# they stay in its cache; a GPU needs many.
MAX_VALUES = {"cpu": 2**19, "cuda": 2**28}


@torch.inference_mode()
def sample(
    model: ExtensiveModel,
    lattice: Sequence[int],
    temperatures: Sequence[float],
    replicas: int,
    sweeps: int,
    equilibration: int,
    seed: int = 0,
) -> Floats:
    """Simulate the canonical ensemble of a model's energy by single spin flips, k_B = 1.

    A sweep proposes to flip every site once, one sublattice at a time, and accepts each flip with
    the probability 1 / (1 + exp(ΔE / T)). Replicas start ordered, which keeps them out of
    metastable stripes, every second one with spins down.

    Args:
        model: of Ising spins, see `Flips`.
        lattice: sides.
        temperatures: in the unit of the energy.
        replicas: number of independent replicas of each temperature.
        sweeps: number of measured sweeps.
        equilibration: number of sweeps before these.
        seed: of the random numbers.

    Returns:
        Means over the sweeps of E, E², |m|, m² and m⁴, of every replica, (5, replicas,
        temperatures); E is that of the whole lattice, m is per site.

    Raises:
        InputError: a model or a lattice that `Flips` doesn't take.

    Example:
        >>> from ednn import EDNN
        >>> from ednn.core.subnets import ANN
        >>> model = EDNN(ANN, focus=1, context=1, alphabet=[-1, 1])
        >>> sample(model, (4, 4), [1.0, 2.0, 3.0], replicas=2, sweeps=3, equilibration=1).shape
        (5, 2, 3)
    """
    device = next(model.buffers()).device
    generator = torch.Generator(device).manual_seed(seed)
    beta = 1 / torch.tensor(temperatures, device=device).repeat(replicas)  # (walkers,)
    start = torch.ones(replicas, len(temperatures), *lattice, dtype=torch.int8, device=device)
    start[1::2] = -1
    start = start.flatten(0, 1)  # (walkers, *lattice)
    moments = _simulate(model, start, beta, sweeps, equilibration, generator)
    return moments.unflatten(1, (replicas, -1)).cpu().numpy()


def _simulate(
    model: ExtensiveModel,
    start: Tensor,
    beta: Tensor,
    sweeps: int,
    equilibration: int,
    generator: torch.Generator,
) -> Tensor:
    """Return the mean moments of walkers from `start` (walkers, *lattice): (5, walkers)."""
    together = max(1, MAX_VALUES[start.device.type] // Flips(model, start[:1]).values)
    total = len(beta) * (equilibration + sweeps)
    moments = []
    with Progress(total=total, desc="Monte Carlo", unit="sweep", disable=None) as bar:
        for walkers in torch.arange(len(beta), device=beta.device).split(together):
            flips = Flips(model, start[walkers])
            sums = torch.zeros(5, len(walkers), dtype=torch.float64, device=beta.device)
            for sweep in range(equilibration + sweeps):
                _sweep(flips, beta[walkers], generator)
                if sweep >= equilibration:
                    sums += _moments(flips)
                bar.update(len(walkers))
            moments.append(sums / sweeps)
    return torch.cat(moments, 1)


def _sweep(flips: Flips, beta: Tensor, generator: torch.Generator) -> None:
    """Propose every flip of every replica once, and accept by heat bath."""
    for number in range(flips.sublattices):
        proposal = flips.propose(number)
        draw = torch.rand(proposal.change.shape, generator=generator, device=beta.device)
        flips.accept(proposal, draw < torch.sigmoid(-beta * proposal.change))


def _moments(flips: Flips) -> Tensor:
    """Return E, E², |m|, m² and m⁴ of each replica, (5, B)."""
    E = flips.total()  # (B,)
    m = flips.spins.double().mean(0)  # (B,)
    return torch.stack([E, E**2, m.abs(), m**2, m**4])


def observables(moments: Floats, temperatures: ArrayLike, sites: int) -> dict[str, Floats]:
    """Compute observables from the means of E, E², |m|, m² and m⁴.

    Args:
        moments: means over replicas, (5, ..., temperatures).
        temperatures: (temperatures,).
        sites: number of sites.

    Returns:
        Energy, specific heat and |m| per site, and the Binder cumulant 1 − ⟨m⁴⟩ / 3⟨m²⟩² by name,
        (..., temperatures) each.

    Source: K. Binder, Z. Phys. B 43, 119 (1981), for the cumulant.

    Example:
        >>> ordered = np.array([[-32.0], [1024.0], [1.0], [1.0], [1.0]])  # of 16 sites
        >>> found = observables(ordered, [1.0], sites=16)
        >>> {name: round(float(value[0]), 3) for name, value in found.items()}
        {'energy': -2.0, 'specific_heat': 0.0, 'magnetisation': 1.0, 'binder': 0.667}
    """
    E, E2, m, m2, m4 = moments
    return {
        "energy": E / sites,
        "specific_heat": (E2 - E**2) / np.square(temperatures) / sites,
        "magnetisation": m,
        "binder": 1 - m4 / (3 * m2**2),
    }


def resample(moments: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Bootstrap over replicas: return means of as many replicas, drawn with replacement.

    Args:
        moments: (5, replicas, temperatures).
        count: number of bootstrap samples.
        rng: random numbers.

    Returns:
        Means (5, count, temperatures).

    Example:
        >>> resample(np.ones((5, 8, 3)), 100, np.random.default_rng(0)).shape
        (5, 100, 3)
    """
    replicas = moments.shape[1]
    chosen = rng.integers(replicas, size=(count, replicas))
    return moments[:, chosen].mean(2)


def crossing(temperatures: ArrayLike, smaller: Floats, larger: Floats) -> float | None:
    """Return the temperature where the larger lattice's Binder cumulant falls below the smaller's.

    There the logarithms of 2/3 − U are equal. They are almost straight lines, with similar errors
    at all temperatures: a parabola is fitted to their difference by least squares.

    Args:
        temperatures: (temperatures,), within about 10 % of the crossing.
        smaller: Binder cumulants U of the smaller lattice, (temperatures,).
        larger: those of the larger lattice.

    Returns:
        The temperature, or None if the parabola has no such zero between the temperatures.

    Example:
        >>> T = np.array([2.0, 2.2, 2.4, 2.6])
        >>> U = 2 / 3 - np.exp(T), 2 / 3 - np.exp(2 * T - 2.25)
        >>> round(crossing(T, *U), 6)
        2.25
    """
    T = np.asarray(temperatures, dtype=np.float64)
    fit = Polynomial.fit(T, np.log((2 / 3 - larger) / (2 / 3 - smaller)), 2).trim(1e-9)
    roots = fit.roots()
    falls = [float(T0.real) for T0 in roots if T0.imag == 0 and fit.deriv()(T0.real) > 0]
    return next((T0 for T0 in falls if T.min() <= T0 <= T.max()), None)
