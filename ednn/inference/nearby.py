"""A structure of very many atoms, of which those near a block are found fast."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ednn.core.partition import translations
from ednn.physics.structure import Structure

Vector = NDArray[np.float64]  # (D,) in Å


class Near(NamedTuple):
    """Atoms near a block, as often as they repeat.

    Example:
        >>> near = Near(np.array([3]), np.array([[1, 0]]), np.array([[0.5, 2.0]]))
        >>> near.atoms.tolist(), near.images.tolist()  # atom 3, moved by the first lattice vector
        ([3], [[1, 0]])
    """

    atoms: NDArray[np.int64]  # (n,)
    images: NDArray[np.int64]  # (n, D), by how many lattice vectors each is moved
    positions: NDArray[np.float64]  # (n, D) in Å from the corner of the block


class SortedAtoms:
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
        self._order = np.argsort(structure.positions[:, 0])
        self._positions = structure.positions[self._order]  # (A, D)
        inverse = np.linalg.pinv(self.cell)
        fractional = [self._positions @ inverse[:, axis] for axis in range(len(self.cell))]
        # the corners of all atoms, in lattice vectors: as far as these go, as many images are near
        ends = [(along.min(), along.max()) for along in fractional]
        self._ends = torch.tensor(ends).T[None] @ torch.from_numpy(self.cell)  # (1, 2, D) Å

    def near(self, corner: Vector, far: Vector, reach: Vector) -> Near:
        """Return the atoms within `reach` (Å along each axis) of a block between two corners."""
        low, high = corner - reach, far + reach
        cells = translations(
            torch.from_numpy(self.cell)[None],
            self._ends,
            torch.from_numpy(low)[None],
            torch.from_numpy(high)[None],
        )
        dims = len(low)
        atoms, images, positions = (
            [np.empty(0, int)],
            [np.empty((0, dims), int)],
            [np.empty((0, dims))],
        )
        for image in cells.long().numpy():
            moved = image @ self.cell  # (D,)
            ends = np.array([low[0], high[0]]) - moved[0]
            first, last = np.searchsorted(self._positions[:, 0], ends).tolist()
            others = self._positions[first:last, 1:] + moved[1:]
            inside = ((others >= low[1:]) & (others < high[1:])).all(1)
            index = first + np.flatnonzero(inside)  # (n,)
            atoms.append(self._order[index])
            images.append(np.full((len(index), dims), image))
            positions.append(self._positions[index] + moved - corner)
        return Near(np.concatenate(atoms), np.concatenate(images), np.concatenate(positions))
