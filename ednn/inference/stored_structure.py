"""A structure in a file of sorted atoms, of which only those near a block are read."""

import numpy as np
from numpy.typing import NDArray

from ednn.data.structures.as_structure import EDGE
from ednn.data.structures.sorted_file import Found, SortedFile, Vector
from ednn.inference.nearby import Near, NearbyAtoms, corners
from ednn.physics.neighbours import require_apart
from ednn.physics.orientation import turned_rows
from ednn.physics.structure import Structure, in_cell

SAMPLE = 25_000  # atoms of each place that a sample is taken from, in the middle of matter
FEW = 1000  # atoms
PLACES = (0.25, 0.75)  # of the box, along each axis


class StoredStructure(NearbyAtoms):
    """A structure of more atoms than fit in memory, turned if need be.

    Args:
        file: where its atoms are.
        turned_by: degrees by which it is turned, as of `ednn.physics.orientation.turned`.

    Attributes:
        outline: a structure of few atoms in its cell, one of each element, in the corners of the
            box of all atoms: what tells which pixels and tiles it needs.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from ednn.data.structures.sorted_file import open_sorted
        >>> from ednn.data.structures.sorting import write_sorted
        >>> from ednn.physics.sheets import crystal
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "sheet.h5")
        ...     write_sorted(path, lambda: [crystal()], source="a crystal")
        ...     with open_sorted(path) as file:
        ...         near = StoredStructure(file).near(np.zeros(2), np.full(2, 2.0), np.full(2, 0.1))
        ...         near.positions.round(2).tolist()
        [[0.0, 0.0], [1.25, 0.72]]
    """

    def __init__(self, file: SortedFile, turned_by: float = 0.0) -> None:
        self.file, self.turned_by, self.count = file, turned_by, file.count
        rows = turned_rows(file.cell, turned_by)
        nothing = np.empty((0, len(rows)))
        self.cell = in_cell(Structure(np.empty(0, int), nothing, rows), EDGE).cell
        # a rectangle that is turned lies beside the axes, which it is moved to by lattice vectors
        self._origin = np.minimum(rows, 0).sum(0) * self._empty.is_rectangular  # (D,) Å
        ends = self._turned(corners(*file.box))
        self.low, self.high = ends.min(0), ends.max(0)
        numbers = np.resize(file.elements, max(len(file.elements), len(ends)))
        self.outline = Structure(numbers, np.resize(ends, (len(numbers), len(rows))), self.cell)

    @property
    def _empty(self) -> Structure:
        return Structure(np.empty(0, int), np.empty((0, len(self.cell))), self.cell)

    @property
    def is_open(self) -> bool:
        """Whether there are directions along which nothing repeats."""
        return self._empty.is_open

    @property
    def sides(self) -> Vector:
        """Sides (D,) of a rectangular cell in Å."""
        return self._empty.sides

    def between(self, low: Vector, high: Vector) -> Found:
        ends = turned_rows(corners(low, high) + self._origin, -self.turned_by)
        found = self.file.between(ends.min(0), ends.max(0))
        positions = self._turned(found.positions)
        inside = ((positions >= low) & (positions < high)).all(1)
        return Found(found.atoms[inside], found.numbers[inside], positions[inside])

    def near(self, corner: Vector, far: Vector, reach: Vector) -> Near:
        """Return the atoms near a block, as `NearbyAtoms` does.

        Raises:
            InputError: two of them are nearer than any two nuclei come.
        """
        found = super().near(corner, far, reach)
        require_apart(
            found.positions, lambda i: int(self.file.index[found.atoms[i]]), self.file.name
        )
        return found

    def sample(self) -> tuple[Structure, NDArray[np.int64]]:
        """Return atoms of a few places all over the file, not turned, and their numbers there."""
        low, high = self.file.box
        grid = self.file.grid
        half = grid.sides * (SAMPLE * grid.shape.prod() / self.count) ** (1 / len(low)) / 2
        places = corners(*(low + share * (high - low) for share in PLACES))
        parts = [self.file.between(place - half, place + half) for place in places]
        parts.append(self.file.read([(0, min(self.count, FEW))]))  # if all places are empty
        found = Found(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        _, once = np.unique(found.atoms, return_index=True)
        some = Structure(found.numbers[once], found.positions[once], self.file.cell)
        return some, found.atoms[once]

    def _turned(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn positions (n, D) in the file as the structure is."""
        return turned_rows(positions, self.turned_by) - self._origin
