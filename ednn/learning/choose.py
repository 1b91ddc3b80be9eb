"""Which candidates to label: those most uncertain, each given that the others are known."""

import torch
from torch import Tensor

from ednn.core.uncertainty import Posterior

EQUAL = 0.1  # uncertainty of a difference, in units of the candidate's own


def most_uncertain(
    features: Tensor, sites: Tensor, posterior: Posterior, count: int
) -> tuple[list[int], Tensor]:
    """Choose candidates one by one, each the most uncertain per atom after those before it.

    The posterior is conditioned on every choice, whose label needn't be known for that: what the
    choice would teach is worth nothing twice. Per atom, as m times a system is m times as uncertain
    and teaches the same. Candidates whose energies per atom hardly differ from that of a choice,
    whatever the network's last layer may be, are left out.

    Args:
        features: of the candidates, (n, features).
        sites: their atoms, (n,).
        posterior: of the network that the features are of.
        count: how many, at most.

    Returns:
        Their numbers, the first choice first, and how uncertain all candidates are before any
        choice, per atom, (n,).

    Example:
        >>> posterior = Posterior(torch.eye(2, dtype=torch.float64), torch.ones(1))
        >>> features = torch.tensor([[9.0, 0.0], [9.0, 0.1], [0.0, 2.0], [18.0, 0.0]])
        >>> most_uncertain(features, torch.tensor([1, 1, 1, 2]), posterior, count=4)[0]
        [1, 2]
    """
    per_atom = features.double() / sites[:, None]  # (n, features)
    before = posterior.deviation(per_atom)[:, 0]  # (n,)
    left, now = torch.ones_like(before, dtype=torch.bool), posterior
    chosen: list[int] = []
    while len(chosen) < count and left.any():
        deviation = now.deviation(per_atom)[:, 0].where(left, -torch.inf)
        best = int(deviation.argmax())
        chosen.append(best)
        now = now.conditioned(features[best])
        apart = posterior.deviation(per_atom - per_atom[best])[:, 0]
        left &= apart > EQUAL * before
    return chosen, before


def at_random(candidates: int, seed: int, count: int) -> list[int]:
    """Choose candidates at random, to compare with.

    Example:
        >>> at_random(5, seed=0, count=2)
        [4, 0]
    """
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(candidates, generator=generator)[:count].tolist()
