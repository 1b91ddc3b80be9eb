"""A structure of very many atoms, of which those near a block are found fast."""

from itertools import product
from math import floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ednn.physics.sheets import Structure

Vector = NDArray[np.float64]  # (2,) in Å


class Near(NamedTuple):
    """Atoms near a rectangle, as often as they repeat.

    Example:
        >>> near = Near(np.array([3]), np.array([[1, 0]]), np.array([[0.5, 2.0]]))
        >>> near.atoms.tolist(), near.images.tolist()  # atom 3, one cell further along x
        ([3], [[1, 0]])
    """

    atoms: NDArray[np.int64]  # (n,)
    images: NDArray[np.int64]  # (n, 2), by how many cells each is moved
    positions: NDArray[np.float64]  # (n, 2) in Å from the corner of the rectangle


class SortedAtoms:
    """The atoms of a flat periodic structure, in order along x.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> atoms = SortedAtoms(crystal())
        >>> near = atoms.near(np.zeros(2), np.array([2.0, 2.0]), reach=(0.1, 0.1))
        >>> near.atoms.tolist()
        [0, 1]
    """

    def __init__(self, structure: Structure) -> None:
        self.cell = structure.cell
        self._order = np.argsort(structure.positions[:, 0])
        self._positions = structure.positions[self._order]  # (A, 2)

    def near(self, corner: Vector, far: Vector, reach: tuple[float, float]) -> Near:
        """Return the atoms within `reach` (Å) of a rectangle."""
        low, high = corner - reach, far + reach
        spans = [
            range(floor(a / side), floor(b / side) + 1)
            for a, b, side in zip(low, high, self.cell, strict=True)
        ]
        atoms, images, positions = [], [], []
        for image in product(*spans):
            moved = image * self.cell  # (2,)
            ends = np.array([low[0], high[0]]) - moved[0]
            first, last = np.searchsorted(self._positions[:, 0], ends).tolist()
            y = self._positions[first:last, 1] + moved[1]
            index = first + np.flatnonzero((y >= low[1]) & (y < high[1]))  # (n,)
            atoms.append(self._order[index])
            images.append(np.full((len(index), 2), image))
            positions.append(self._positions[index] + moved - corner)
        return Near(*map(np.concatenate, (atoms, images, positions)))
