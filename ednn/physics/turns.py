"""By how much the structures of trajectories are turned into the orientation of a training."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from ednn.physics.orientation import PERIOD, degrees_to, trained_orientation, wrapped
from ednn.physics.structure import Structure
from ednn.physics.traits import Traits

SAME = 2.0  # degrees, by which bonds of one structure may turn as its atoms move
UNSTRAINED = 1e-6  # relative difference of lengths squared
AS_IT_WAS = 1e-4  # relative difference of vectors; rotated by 0.006°, which costs nothing


class Turns:
    """Turns structures: each by the same angle all along its trajectory.

    An angle that followed the atoms would change the energy with the pixels under them, by what no
    force accounts for. So a structure with the numbers of an earlier one, whose bonds have turned
    by less than two degrees since, is turned by the angle of that one; unless its cell is that of
    the other, rotated, for then it is another sheet. A flake has no cell to tell: one that rotates
    farther takes a new angle, where its energy jumps by the error of the pixels, and two flakes
    that differ by less than two degrees and in nothing else want a `Turns` of their own each.

    Args:
        seen: smallest and largest traits of the training.

    Attributes:
        known: the orientation of the training; None if nothing is turned.

    Example:
        >>> from ednn.physics.orientation import turned
        >>> from ednn.physics.sheets import crystal
        >>> from ednn.physics.traits import ranges
        >>> turns = Turns(ranges([crystal()]))
        >>> [round(turns(turned(crystal(), degrees)), 6) for degrees in (0, 17, 17.3, 20)]
        [0.0, -17.0, -17.3, -20.0]
    """

    def __init__(self, seen: Traits | None) -> None:
        self.known = trained_orientation(seen)
        self._taken: defaultdict[int, list[tuple[NDArray[np.float64], float]]] = defaultdict(list)
        self._held: float | None = None

    def __call__(self, structure: Structure) -> float:
        """Return degrees counterclockwise."""
        if self.known is None:
            return 0.0
        if self._held is not None:
            return self._held
        taken = self._taken[hash(structure.numbers.tobytes())]
        fresh = degrees_to(structure, self.known)
        if fresh is None:
            return taken[-1][1] if taken else 0.0
        for cell, degrees in taken:
            if is_rotated(cell, structure.cell):
                continue
            off = fresh - degrees
            # what stands aright is never turned, not by an equivalent angle either
            if abs(wrapped(off, PERIOD) if fresh else off) < SAME:
                return degrees
        taken.append((structure.cell.copy(), fresh))
        return fresh

    def hold(self, structure: Structure) -> None:
        """Turn all that follows by the angle of this structure, whatever becomes of it."""
        fresh = None if self.known is None else degrees_to(structure, self.known)
        self._held = fresh or 0.0


def is_rotated(before: NDArray[np.float64], now: NDArray[np.float64]) -> bool:
    """Tell whether a cell is an earlier one, rotated and not strained.

    Args:
        before: vectors as rows (2, 2), of zeros where the cell is open.
        now: the same.

    Example:
        >>> is_rotated(np.eye(2), np.array([[0.6, 0.8], [-0.8, 0.6]]))
        True
        >>> is_rotated(np.eye(2), np.eye(2)), is_rotated(np.eye(2), np.diag([1.0, 1.01]))
        (False, False)
    """
    lengths = before @ before.T, now @ now.T  # squared, and products of two vectors
    size = np.trace(lengths[0])
    alike = np.allclose(*lengths, rtol=0, atol=UNSTRAINED * size)
    return alike and not np.allclose(before, now, rtol=0, atol=AS_IT_WAS * np.sqrt(size))
