"""Metropolis Monte Carlo with a learned energy: many replicas at many temperatures at once."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from tqdm import tqdm

from ednn.core.interface import ExtensiveModel
from ednn.physics.flips import Flips

Floats = NDArray[np.float64]

# Values kept of the replicas that are simulated together. A CPU is fastest while they stay in its
# cache; a GPU wants many.
VALUES = {"cpu": 2**19, "cuda": 2**28}


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

    A sweep proposes to flip every site once, a sublattice at a time; each flip is accepted with the
    probability min(1, exp(-ΔE / T)) (Metropolis et al., J. Chem. Phys. 21, 1087 (1953)). Replicas
    start ordered, which keeps them out of metastable stripes, every other one with spins down.

    Args:
        model: of Ising spins, see `Flips`.
        temperatures: in the unit of the energy.
        replicas: independent ones, of each temperature.
        sweeps: that are measured, after those of the equilibration.

    Returns:
        Means over the sweeps of E, E², |m|, m² and m⁴ for `observables`, of every replica,
        (5, replicas, temperatures); E is that of the whole lattice, m is per site.

    Raises:
        InputError: a model or a lattice that `Flips` doesn't take.
    """
    device = next(model.buffers()).device
    generator = torch.Generator(device).manual_seed(seed)
    beta = 1 / torch.tensor(temperatures, device=device).repeat(replicas)  # (walkers,)
    start = torch.ones(replicas, len(temperatures), *lattice, dtype=torch.int8, device=device)
    start[1::2] = -1
    start = start.flatten(0, 1)  # (walkers, *lattice)
    together = max(1, VALUES[device.type] // Flips(model, start[:1]).values)
    moments = []
    with tqdm(
        total=len(beta) * (equilibration + sweeps), desc="Monte Carlo", unit="sweep", disable=None
    ) as bar:
        for walkers in torch.arange(len(beta), device=device).split(together):
            flips = Flips(model, start[walkers])
            sums = torch.zeros(5, len(walkers), dtype=torch.float64, device=device)
            for sweep in range(equilibration + sweeps):
                _sweep(flips, beta[walkers], generator)
                if sweep >= equilibration:
                    sums += _moments(flips)
                bar.update(len(walkers))
            moments.append(sums / sweeps)
    return torch.cat(moments, 1).unflatten(1, (replicas, -1)).cpu().numpy()


def _sweep(flips: Flips, beta: Tensor, generator: torch.Generator) -> None:
    """Propose every flip of every replica once."""
    for number in range(flips.sublattices):
        proposal = flips.propose(number)
        draw = torch.rand(proposal.change.shape, generator=generator, device=beta.device)
        flips.accept(proposal, draw < torch.exp(-beta * proposal.change))


def _moments(flips: Flips) -> Tensor:
    """E, E², |m|, m² and m⁴ of each replica, (5, B)."""
    E = flips.total()  # (B,)
    m = flips.spins.double().mean(0)  # (B,)
    return torch.stack([E, E**2, m.abs(), m**2, m**4])


def observables(moments: Floats, temperatures: ArrayLike, sites: int) -> dict[str, Floats]:
    """Turn means of E, E², |m|, m² and m⁴ into what is compared with exact results.

    The specific heat is that per site, and the Binder cumulant 1 - ⟨m⁴⟩ / 3⟨m²⟩² (K. Binder,
    Z. Phys. B 43, 119 (1981)).

    moments: (5, ..., temperatures), means over replicas.  Returns (..., temperatures) each.
    """
    E, E2, m, m2, m4 = moments
    return {
        "energy": E / sites,
        "specific_heat": (E2 - E**2) / np.square(temperatures) / sites,
        "magnetisation": m,
        "binder": 1 - m4 / (3 * m2**2),
    }


def resample(moments: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Bootstrap over replicas: means of as many replicas as there are, drawn with replacement.

    moments: (5, replicas, temperatures).  Returns (5, count, temperatures).
    """
    replicas = moments.shape[1]
    chosen = rng.integers(replicas, size=(count, replicas))
    return moments[:, chosen].mean(2)


def crossing(temperatures: ArrayLike, smaller: Floats, larger: Floats) -> float | None:
    """Where the Binder cumulant of the larger lattice falls below that of the smaller.

    That is where the logarithms of 2/3 - U are equal, which are almost straight lines with errors
    alike at all temperatures: a parabola is fitted to their difference by least squares. None where
    it has no such zero between the temperatures.

    temperatures, smaller, larger: (temperatures,), within some 10 % of the crossing.
    """
    T = np.asarray(temperatures, dtype=np.float64)
    fit = Polynomial.fit(T, np.log((2 / 3 - larger) / (2 / 3 - smaller)), 2).trim(1e-9)
    roots = fit.roots()
    falls = [float(T0.real) for T0 in roots if T0.imag == 0 and fit.deriv()(T0.real) > 0]
    return next((T0 for T0 in falls if T.min() <= T0 <= T.max()), None)
