"""Candidates for labels: labelled structures that are moved, strained or repeated."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ednn.core.errors import InputError
from ednn.physics.neighbours import FACTOR, nearest_distances
from ednn.physics.structure import Structure

Generator = np.random.Generator
Span = tuple[float, float]  # Å; smallest and largest distance to a nearest neighbour
# What a structure becomes, several of them or none.
Change = Callable[[Structure, Generator], Iterator[Structure]]

MOST_TRIALS = 4  # for each candidate wanted; where most are refused, there are fewer candidates


class Candidate(NamedTuple):
    """A structure without a label, and how it came about.

    Example:
        >>> Candidate(Structure(np.array([6]), np.zeros((1, 2)), np.eye(2) * 9), "moved").kind
        'moved'
    """

    structure: Structure
    kind: str


@dataclass(frozen=True)
class Mover:
    """Gives labelled structures other positions and cells.

    Attributes:
        displacement: largest standard deviation in Å of Gaussian displacements; each structure has
            one of its own.
        strain: largest entry of a strain of atoms and cell, which every other structure has.

    Example:
        >>> carbon = Structure(np.array([6]), np.zeros((1, 2)), np.eye(2) * 9.0)
        >>> mover, rng = Mover(displacement=0.1, strain=0.03), np.random.default_rng(0)
        >>> next(mover.larger(carbon, rng)).numbers.tolist()
        [6, 6]
    """

    displacement: float
    strain: float

    def moved(self, structure: Structure, rng: Generator) -> Iterator[Structure]:
        """Yield a structure with other positions and, half of the time, another cell."""
        positions, cell = structure.positions, structure.cell  # (N, D), (D, D)
        entries = rng.uniform(-self.strain, self.strain, cell.shape)
        if rng.integers(2) and self.strain:
            stretch = np.eye(len(cell)) + (entries + entries.T) / 2
            positions, cell = positions @ stretch, cell @ stretch
        noise = rng.normal(0, rng.uniform(0, self.displacement), positions.shape)
        yield replace(structure, positions=positions + noise, cell=cell)

    def larger(self, structure: Structure, rng: Generator) -> Iterator[Structure]:
        """Yield a structure and its copy beside it in one cell, moved; none without a period."""
        periodic = np.flatnonzero(structure.cell.any(1))
        if len(periodic):
            axis = rng.choice(periodic)
            cell = structure.cell.copy()
            cell[axis] *= 2
            positions = np.concatenate(
                [structure.positions, structure.positions + structure.cell[axis]]
            )
            yield from self.moved(Structure(np.tile(structure.numbers, 2), positions, cell), rng)


def propose(
    parents: Sequence[Structure],
    kind: str,
    change: Change,
    count: int,
    fits: Callable[[Structure], bool],
    rng: Generator,
) -> list[Candidate]:
    """Change labelled structures, drawn at random, until there are enough candidates.

    Args:
        parents: labelled structures.
        kind: what the candidates are called.
        change: makes candidates of one of them.
        count: of candidates, at most.
        fits: tells which candidates are kept.
        rng: all that is random.

    Example:
        >>> carbon = Structure(np.array([6]), np.zeros((1, 2)), np.eye(2) * 9.0)
        >>> change, rng = Mover(displacement=0.1, strain=0).moved, np.random.default_rng(0)
        >>> len(propose([carbon], "moved", change, 3, lambda structure: True, rng))
        3
    """
    found: list[Candidate] = []
    for _ in range(MOST_TRIALS * count):
        if len(found) >= count:
            break
        parent = parents[int(rng.integers(len(parents)))]
        found += [Candidate(new, kind) for new in change(parent, rng) if fits(new)]
    return found[:count]


def is_physical(structure: Structure, seen: Span) -> bool:
    """Tell whether no atom is much nearer to its neighbours, or farther, than any was.

    Args:
        structure: a candidate.
        seen: distances in the starting set, so that rounds don't lead away step by step.

    Example:
        >>> pair = Structure(np.array([6, 6]), np.array([[1.0, 1.0], [2.1, 1.0]]), np.eye(2) * 9)
        >>> is_physical(pair, (1.3, 1.5)), is_physical(pair, (1.5, 1.6))
        (True, False)
    """
    if not np.isfinite(structure.positions).all():
        return False
    try:
        distances = nearest_distances(structure, "a candidate")
    except InputError:
        return False
    return bool(seen[0] / FACTOR <= distances.min() and distances.max() <= seen[1] * FACTOR)
