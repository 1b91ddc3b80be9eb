"""By how much the structures of trajectories are turned into the orientation of a training."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ednn.physics.orientation import PERIOD, degrees_to, trained_orientation, wrapped
from ednn.physics.structure import Structure
from ednn.physics.traits import Traits

SAME = 2.0  # degrees, by which bonds and cell of one structure may turn as its atoms move
UNSTRAINED = 1e-4  # relative difference of lengths squared, as cells of four decimals have it
UNTURNED = 0.01  # degrees, which cost nothing
KEPT = 64  # angles of structures with the same numbers


@dataclass(eq=False)
class Taken:
    """The angle in degrees that a structure was turned by, and its cell (2, 2)."""

    cell: NDArray[np.float64]
    degrees: float

    def fits(self, cell: NDArray[np.float64], fresh: float | None) -> bool:
        """Tell whether a structure in a cell, with an angle of its own, may be the same one."""
        rotation = abs(rotation_of_cell(self.cell, cell))
        is_other = rotation > UNTURNED and is_unstrained(self.cell, cell)
        off = 0.0 if fresh is None else abs(wrapped(fresh - self.degrees, PERIOD))
        return max(rotation, off) < SAME and not is_other


class Turns:
    """Turns structures: each by the same angle all along its trajectory.

    An angle that followed the atoms would change the energy with the pixels under them, by what no
    force accounts for. So a structure is turned by the angle of an earlier one with the same
    numbers if its bonds and its cell have turned by less than two degrees since, by that with the
    nearest cell, and of those by the last; unless the cell is the other's, rotated and not
    strained, for then it is another sheet. A flake has no cell to tell: one that rotates farther
    takes a new angle, where its energy jumps by the error of the pixels, and two flakes that differ
    by less than two degrees and in nothing else want a `Turns` of their own each.

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
        self._taken: defaultdict[int, list[Taken]] = defaultdict(list)
        self._held: float | None = None

    def __call__(self, structure: Structure) -> float:
        """Return degrees counterclockwise."""
        if self.known is None:
            return 0.0
        if self._held is not None:
            return self._held
        taken = self._taken[hash(structure.numbers.tobytes())]  # in the order of their last use
        fresh = degrees_to(structure, self.known)
        alike = [own for own in reversed(taken) if own.fits(structure.cell, fresh)]
        if alike:
            own = min(alike, key=lambda own: abs(own.cell - structure.cell).max())
            taken.remove(own)
        elif fresh is None:
            return 0.0
        else:
            own = Taken(structure.cell.copy(), fresh)
        taken[:] = [*taken[1 - KEPT :], own]
        return own.degrees

    def hold(self, structure: Structure) -> None:
        """Turn all that follows by the angle of this structure, whatever becomes of it."""
        fresh = None if self.known is None else degrees_to(structure, self.known)
        self._held = fresh or 0.0


def rotation_of_cell(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return by how much a cell was rotated beside being strained (polar decomposition).

    Args:
        before: vectors as rows (2, 2), of zeros where the cell is open.
        now: the same.

    Returns:
        Degrees counterclockwise; 0 of open cells.

    Example:
        >>> rotation_of_cell(np.eye(2), np.array([[0.0, 1.1], [-1.0, 0.0]]))
        90.0
    """
    change = np.linalg.pinv(before) @ now  # before @ change = now, where neither is open
    sine, cosine = change[0, 1] - change[1, 0], change[0, 0] + change[1, 1]
    return float(np.degrees(np.arctan2(sine, cosine)))


def is_unstrained(before: NDArray[np.float64], now: NDArray[np.float64]) -> bool:
    """Tell whether the vectors of two cells have the same lengths and angles.

    Args:
        before: vectors as rows (2, 2), of zeros where the cell is open.
        now: the same.

    Example:
        >>> is_unstrained(np.eye(2), np.array([[0.6, 0.8], [-0.8, 0.6]]))
        True
    """
    squares = before @ before.T, now @ now.T
    return np.allclose(*squares, rtol=0, atol=UNSTRAINED * np.trace(squares[0]))
