"""By how much the structures of trajectories are turned into the orientation of a training."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from ednn.physics.orientation import PERIOD, degrees_to, trained_orientation, wrapped
from ednn.physics.structure import Structure
from ednn.physics.traits import Traits

SAME = 2.0  # degrees, by which the bonds of one structure may turn against its cell as atoms move
ROUNDING = 1e-9  # degrees
STRAIN = 0.2  # by which the cell of one structure may be stretched


class Turns:
    """Turns each structure by an angle that follows its cell and not its atoms.

    An angle that followed the atoms would change the energy with the pixels under them, by what no
    force accounts for. So the angle is found at the first structure of a trajectory and changes
    after it as the cell rotates: not at all in dynamics, and exactly for a sheet that is rotated
    as a whole. Structures belong to one trajectory if they have the same numbers, a cell that is
    hardly strained, and bonds that have turned by less than two degrees against it. A flake has no
    cell: one that rotates farther takes a new angle, where its energy jumps by the error of the
    pixels, and two that differ by less in nothing else want a `Turns` of their own each.

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
        for cell, first in taken:
            if (since := rotation_of_cell(cell, structure.cell)) is None:
                continue
            degrees = first - since
            if fresh is None:
                return degrees
            off = fresh - degrees
            # what stands aright is never turned, not by an equivalent angle either
            if abs(wrapped(off, PERIOD) if fresh else off) < SAME:
                return fresh if abs(off) < ROUNDING else degrees
        if fresh is None:
            return 0.0
        taken.append((structure.cell.copy(), fresh))
        return fresh

    def hold(self, structure: Structure) -> None:
        """Turn all that follows by the angle of this structure, whatever becomes of it."""
        fresh = None if self.known is None else degrees_to(structure, self.known)
        self._held = fresh or 0.0


def rotation_of_cell(before: NDArray[np.float64], now: NDArray[np.float64]) -> float | None:
    """Return by how much a cell was rotated beside being strained: the polar decomposition's angle.

    Args:
        before: vectors as rows (2, 2), of zeros where the cell is open.
        now: the same.

    Returns:
        Degrees counterclockwise; None if one cell isn't the other one, strained by less than 20 %.

    Example:
        >>> rotation_of_cell(np.eye(2), np.array([[0.0, 1.1], [-1.0, 0.0]]))
        90.0
        >>> rotation_of_cell(np.eye(2), np.array([[1.0, 0.0], [0.0, -1.0]])) is None
        True
    """
    change = np.linalg.pinv(before) @ now  # before @ change = now, where neither is open
    sine, cosine = change[0, 1] - change[1, 0], change[0, 0] + change[1, 1]
    repeats = before.any(1)
    stretch = np.linalg.svd(change, compute_uv=False)[: repeats.sum()]
    mirrored = repeats.all() and np.linalg.det(change) < 0
    if (now.any(1) != repeats).any() or mirrored or (abs(stretch - 1) > STRAIN).any():
        return None
    degrees = float(np.degrees(np.arctan2(sine, cosine)))
    return degrees if abs(degrees) >= ROUNDING else 0.0
