"""Sort the atoms of a structure, which comes in parts, into a file (`sorted_file.py`).

It is a counting sort: one pass finds the grid, one counts the atoms of its cells, and one puts
each atom where it belongs. No pass holds more than a part.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

import ednn
from ednn.core.partition import wrapped
from ednn.core.structure_batch import StructureBatch
from ednn.core.terminal import Progress
from ednn.data.hdf5_file import create_hdf5
from ednn.data.structures.as_structure import EDGE
from ednn.data.structures.sorted_file import SCHEMA, VERSION, Grid
from ednn.physics.structure import Structure, in_cell

PER_CELL = 1000  # atoms of a cell of the grid, on average
THIN = 1.0  # Å, of a grid around atoms in one plane

Parts = Callable[[], Iterable[Structure]]  # that share a cell, the same at each call


class _Survey(NamedTuple):
    """What the first pass finds: the number of atoms, their cell, their box and their elements."""

    atoms: int
    cell: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    elements: list[int]

    @property
    def grid(self) -> Grid:
        """A grid whose cells have `PER_CELL` atoms if these are spread evenly."""
        extent = np.maximum(self.high - self.low, THIN)
        side = (extent.prod() / self.atoms * PER_CELL) ** (1 / len(extent))
        shape = np.maximum(np.rint(extent / side), 1).astype(np.int64)
        return Grid(self.low, extent / shape, shape)


def write_sorted(path: Path, parts: Parts, source: str) -> None:
    """Write a structure into a file of sorted atoms, which appears whole or not at all.

    Atoms are moved by lattice vectors into the box of the cell (`ednn.core.partition`).

    Args:
        path: of the file.
        parts: the structure in parts.
        source: where they come from, which the file tells.

    Raises:
        InputError: an atom has no finite position, or is of no element.

    Example:
        ednn convert input=sheet.traj output=sheet.h5
    """
    survey = _surveyed(parts, source)
    grid = survey.grid
    counts = np.zeros(grid.shape.prod(), np.int64)
    for own in _inside(parts, "Counting", survey.atoms):
        cells = _flat_cells(grid, own.positions)
        counts += np.bincount(cells, minlength=len(counts))
    ends = counts.cumsum().reshape(grid.shape)  # (*shape)
    starts = ends - counts.reshape(grid.shape)
    with create_hdf5(path) as file:
        attributes = {SCHEMA: VERSION, "source": source, "code_version": ednn.__version__}
        file.attrs.update(attributes)
        file["cell"], file["cell"].attrs["units"] = survey.cell, "Å"
        file["offsets"] = np.concatenate([starts, ends[..., -1:]], -1)  # a row's end, too
        file["offsets"].attrs.update({"corner": grid.corner, "sides": grid.sides, "units": "Å"})
        _scatter(file, parts, survey, starts.reshape(-1))


def _scatter(file: h5py.File, parts: Parts, survey: _Survey, free: NDArray[np.int64]) -> None:
    """Write all atoms where they belong: the next of a cell (cells,) goes to the row `free`."""
    grid, dims, before = survey.grid, len(survey.cell), 0
    # never filled: all rows are written below
    made = {"shape": (survey.atoms,), "fill_time": "never"}
    numbers = file.create_dataset("numbers", dtype=np.uint8, **made)
    numbers.attrs["elements"] = survey.elements
    index = file.create_dataset("index", dtype=np.int64, **made)
    positions = file.create_dataset(
        "positions", (survey.atoms, dims), np.float64, fill_time="never"
    )
    positions.attrs["units"] = "Å"
    for own in _inside(parts, "Sorting", survey.atoms):
        cells = _flat_cells(grid, own.positions)
        order = np.argsort(cells, kind="stable")
        found, first, counts = np.unique(cells[order], return_index=True, return_counts=True)
        # each atom goes behind those of its cell: before it in this part, and in earlier ones
        rows = np.repeat(free[found] - first, counts) + np.arange(len(order))
        free[found] += counts
        breaks = np.flatnonzero(np.diff(rows) != 1) + 1
        for start, stop in zip([0, *breaks], [*breaks, len(rows)], strict=True):
            to, some = slice(rows[start], rows[start] + stop - start), order[start:stop]
            numbers[to] = own.numbers[some]
            positions[to] = own.positions[some]
            index[to] = before + some
        before += len(order)


def _surveyed(parts: Parts, source: str) -> _Survey:
    count, elements, cell = 0, set(), np.empty(0)
    lows, highs = [], []
    for own in _inside(parts, "Surveying"):
        own.require_finite(f"{source}, from atom {count} on")
        own.require_elements(f"{source}, from atom {count} on")
        count, cell = count + len(own.numbers), own.cell
        elements |= set(np.unique(own.numbers).tolist())
        lows.append(own.positions.min(0))
        highs.append(own.positions.max(0))
    return _Survey(count, cell, np.min(lows, 0), np.max(highs, 0), sorted(elements))


def _inside(parts: Parts, doing: str, count: int | None = None) -> Iterable[Structure]:
    """Yield the parts with their atoms in the box of the cell, beside a progress bar."""
    with Progress(desc=doing, total=count, unit="atom", unit_scale=True) as bar:
        for part in filter(lambda part: part.count, parts()):
            own = in_cell(part, EDGE)
            columns = (torch.from_numpy(c)[None] for c in (own.numbers, own.positions, own.cell))
            positions = wrapped(StructureBatch(*columns)).positions[0].numpy()
            yield Structure(own.numbers, positions, own.cell)
            bar.update(len(own.numbers))


def _flat_cells(grid: Grid, positions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of each position's cell, (n,), in the order of their offsets."""
    return np.ravel_multi_index(tuple(grid.cells(positions).T), tuple(grid.shape))
