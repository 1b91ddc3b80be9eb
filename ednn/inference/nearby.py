"""A structure of very many atoms, of which those near a block are found fast."""

from abc import ABC, abstractmethod
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ednn.core.partition import translations
from ednn.data.structures.sorted_file import Found, Vector
from ednn.physics.structure import Structure


class Near(NamedTuple):
    """Atoms near a block, as often as they repeat.

    Example:
        >>> near = Near(*(np.zeros(1, int), np.array([6])), *[np.zeros((1, 2))] * 3)
        >>> near.numbers.tolist(), near.images.tolist()
        ([6], [[0.0, 0.0]])
    """

    atoms: NDArray[np.int64]  # (n,), by their order in the structure
    numbers: NDArray[np.int64]  # (n,), atomic numbers
    home: NDArray[np.float64]  # (n, D) in Å, where they lie in the cell
    images: NDArray[np.int64]  # (n, D), by how many lattice vectors each is moved
    positions: NDArray[np.float64]  # (n, D) in Å from the corner of the block


class NearbyAtoms(ABC):
    """Atoms in a cell, of which those near a block are found.

    Attributes:
        cell: lattice vectors (D, D) in Å.
        low, high: the corners of a box that holds all atoms, (D,) in Å.
    """

    cell: NDArray[np.float64]
    low: Vector
    high: Vector

    @abstractmethod
    def between(self, low: Vector, high: Vector) -> Found:
        """Return the atoms that lie, where they are in the cell, between two corners (D,)."""

    def near(self, corner: Vector, far: Vector, reach: Vector) -> Near:
        """Return the atoms within `reach` (Å along each axis) of a block between two corners."""
        low, high = corner - reach, far + reach
        cells = translations(
            torch.from_numpy(self.cell)[None],
            torch.from_numpy(corners(self.low, self.high))[None],
            torch.from_numpy(low)[None],
            torch.from_numpy(high)[None],
        )
        parts = [self._moved(image, low, high, corner) for image in cells.long().numpy()]
        if not parts:
            parts = [self._moved(np.zeros(len(low), int), low, low, corner)]
        return Near(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _moved(self, image: NDArray[np.int64], low: Vector, high: Vector, corner: Vector) -> Near:
        """Return the atoms that lie between two corners once they are moved."""
        moved = image @ self.cell  # (D,)
        found = self.between(low - moved, high - moved)
        images = np.broadcast_to(image, found.positions.shape)
        return Near(*found, images, found.positions + moved - corner)


class SortedAtoms(NearbyAtoms):
    """The atoms of a structure, in order along x.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> atoms = SortedAtoms(crystal())
        >>> near = atoms.near(np.zeros(2), np.array([2.0, 2.0]), reach=(0.1, 0.1))
        >>> near.atoms.tolist()
        [0, 1]
    """

    def __init__(self, structure: Structure) -> None:
        self.cell = structure.cell
        self.low, self.high = structure.positions.min(0), structure.positions.max(0)
        self._order = np.argsort(structure.positions[:, 0])
        self._positions = structure.positions[self._order]  # (A, D)
        self._numbers = structure.numbers  # in the order of the structure

    def between(self, low: Vector, high: Vector) -> Found:
        ends = np.array([low[0], high[0]])
        first, last = np.searchsorted(self._positions[:, 0], ends).tolist()
        others = self._positions[first:last, 1:]
        inside = ((others >= low[1:]) & (others < high[1:])).all(1)
        index = first + np.flatnonzero(inside)  # (n,)
        atoms = self._order[index]
        return Found(atoms, self._numbers[atoms], self._positions[index])


def corners(low: Vector, high: Vector) -> NDArray[np.float64]:
    """Return all corners of a box, (2^D, D).

    Example:
        >>> corners(np.zeros(2), np.ones(2)).tolist()
        [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    return np.array([*product(*zip(low, high, strict=True))])
