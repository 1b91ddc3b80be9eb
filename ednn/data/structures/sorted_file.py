"""One structure of very many atoms in an HDF5 file, sorted by the cells of a coarse grid.

What lies in a box is then a few slices of rows, so that nobody has to read all atoms. The schema is
in data/README.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError
from ednn.data.hdf5_file import dataset, open_hdf5
from ednn.data.presence import require_present

SCHEMA = "ednn_sorted_atoms"  # the attribute that tells such files, and its value, the version
VERSION = 1
AGAIN = "make it again with `ednn convert`"
ITEMS = ("numbers", "positions", "index", "offsets", "cell")

Vector = NDArray[np.float64]  # (D,) in Å


class Grid(NamedTuple):
    """The cells of a grid along the axes.

    Attributes:
        corner: the lowest one of the grid, (D,) in Å.
        sides: of a cell, (D,) in Å.
        shape: number of cells along each axis, (D,).

    Example:
        >>> grid = Grid(np.zeros(2), np.array([2.0, 3.0]), np.array([4, 4]))
        >>> grid.cells(np.array([[5.0, 5.0], [99.0, -1.0]])).tolist()
        [[2, 1], [3, 0]]
    """

    corner: Vector
    sides: Vector
    shape: NDArray[np.int64]

    def cells(self, positions: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the cell of each position, (…, D) each; beyond the grid the nearest one's."""
        cells = np.floor((positions - self.corner) / self.sides)
        return np.clip(cells, 0, self.shape - 1).astype(np.int64)


class Found(NamedTuple):
    """Some atoms of a structure.

    Example:
        >>> Found(np.array([3]), np.array([6]), np.zeros((1, 2))).atoms.tolist()
        [3]
    """

    atoms: NDArray[np.int64]  # (n,), by their order in the structure
    numbers: NDArray[np.int64]  # (n,), atomic numbers
    positions: NDArray[np.float64]  # (n, D) in Å, as they are there


class SortedFile:
    """An open file of sorted atoms.

    Args:
        file: the HDF5 file.

    Attributes:
        count: number of atoms.
        cell: lattice vectors (D, D) in Å, as of `ednn.physics.structure.Structure`.
        elements: atomic numbers that occur.
        grid: by whose cells the atoms are sorted.
        rows_read: how many atoms were read up to now, some of them several times.

    Raises:
        InputError: it isn't such a file, or something is missing in it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from ednn.data.structures.sorting import write_sorted
        >>> from ednn.physics.sheets import crystal
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "sheet.h5")
        ...     write_sorted(path, lambda: [crystal()], source="a crystal")
        ...     with open_sorted(path) as file:
        ...         file.count, len(file.between(np.zeros(2), np.array([3.0, 3.0])).atoms)
        (60, 60)
    """

    def __init__(self, file: h5py.File) -> None:
        self.name = file.filename
        if file.attrs.get(SCHEMA) != VERSION:
            raise InputError(
                f"{self.name} is no file of sorted atoms of the schema {VERSION}; {AGAIN}."
            )
        stored = {item: dataset(file, item) for item in ITEMS}
        for found in stored.values():
            require_present(found)
        self._numbers, self._positions = stored["numbers"], stored["positions"]
        self._offsets, self.index = stored["offsets"], stored["index"]
        self.cell: NDArray[np.float64] = stored["cell"][()]
        self.elements = tuple(int(z) for z in np.atleast_1d(self._numbers.attrs["elements"]))
        shape = np.array(self._offsets.shape) - [*[0] * (self._offsets.ndim - 1), 1]
        corner, sides = (self._offsets.attrs[name] for name in ("corner", "sides"))
        self.grid = Grid(corner, sides, shape)
        self.count, self.rows_read = len(self._numbers), 0
        self._require_whole()

    def _require_whole(self) -> None:
        """Make sure that the datasets belong together."""
        last = self._offsets[(-1,) * self._offsets.ndim]
        dims = len(self.cell)
        shapes = (self._positions.shape, self.index.shape, self._offsets.ndim, last)
        if shapes != ((self.count, dims), (self.count,), dims, self.count):
            raise InputError(
                f"{self.name} has {self.count} numbers, and positions, index and offsets of other "
                f"lengths; {AGAIN}."
            )

    @property
    def box(self) -> tuple[Vector, Vector]:
        """The lowest and the highest corner of all atoms, (D,) in Å each."""
        return self.grid.corner, self.grid.corner + self.grid.shape * self.grid.sides

    def between(self, low: Vector, high: Vector) -> Found:
        """Read the atoms of all cells of the grid that a box between two corners (D,) touches."""
        first, last = self.grid.cells(np.array([low, high]))
        box = tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))
        beyond = (high < self.box[0]) | (low > self.box[1])
        columns = [] if beyond.any() else self._offsets[*box[:-1], box[-1].start : box[-1].stop + 1]
        slices = [(row[0], row[-1]) for row in np.reshape(columns, (-1, last[-1] - first[-1] + 2))]
        return self.read([(int(a), int(b)) for a, b in slices if a < b])

    def read(self, slices: list[tuple[int, int]]) -> Found:
        """Read slices of rows."""
        atoms = [np.empty(0, np.int64)]
        numbers, positions = [self._numbers[:0]], [self._positions[:0]]
        for start, stop in slices:
            atoms.append(np.arange(start, stop))
            numbers.append(self._numbers[start:stop])
            positions.append(self._positions[start:stop])
            self.rows_read += stop - start
        return Found(
            np.concatenate(atoms),
            np.concatenate(numbers).astype(np.int64),
            np.concatenate(positions),
        )


@contextmanager
def open_sorted(path: str | Path) -> Iterator[SortedFile]:
    """Open a file of sorted atoms.

    Raises:
        InputError: there is none, or it isn't whole.

    Example:
        >>> with open_sorted("nowhere.h5") as file:
        ...     pass
        Traceback (most recent call last):
        ednn.core.errors.InputError: There is no file nowhere.h5; check the path.
    """
    with open_hdf5(path, cure=AGAIN) as file:
        yield SortedFile(file)


def is_sorted(path: str | Path) -> bool:
    """Tell whether a file is one of sorted atoms, of whatever version.

    Example:
        >>> is_sorted("nowhere.h5")
        False
    """
    if not h5py.is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r", locking=False) as file:
            return SCHEMA in file.attrs
    except OSError:
        return False  # which is told where it is read
