"""Convert a file of a structure of very many atoms into one of sorted atoms, a part at a time."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from ednn.core.errors import InputError
from ednn.core.terminal import Progress, say
from ednn.data.structures.as_structure import as_structure, is_flat
from ednn.data.structures.frames import note_on_open
from ednn.data.structures.parts import read_parts
from ednn.data.structures.sorting import write_sorted
from ednn.data.structures.units import require_units
from ednn.physics.structure import Structure

# Atoms that are sorted at a time, with 300 bytes each. Of fewer in random order, so few would lie
# in a cell of the grid that writing them took most of the time.
SORTED = 2**21


def convert(source: Path, output: Path) -> None:
    """Convert an extxyz file or a trajectory of ASE's with one structure.

    A structure is flat, with two axes, if it lies in a plane of x and y, as for `data=atoms`.

    Args:
        source: the file.
        output: the HDF5 file to write.

    Raises:
        InputError: the file can't be read in parts, or holds no structure.

    Example:
        ednn convert input=sheet.traj output=sheet.h5
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=output.parent) as file:
        spool = _Spool(file, source)
        if note := note_on_open([next(spool.parts())], source):
            say(note)
        write_sorted(output, spool.parts, str(source))


class _Spool:
    """All atoms of a file as plain numbers in another one, from which they are read much faster."""

    def __init__(self, file: IO[bytes], source: Path) -> None:
        self._file, self._source = file, source
        first: Any = None
        extremes = []  # the lowest and the highest atom of every part
        flat, self._count = True, 0
        with Progress(desc="Reading", unit="atom", unit_scale=True) as bar:
            for frame in read_parts(source):
                first = first or frame
                flat = flat and is_flat(frame)
                height = frame.positions[:, 2]
                extremes += [*frame.positions[[height.argmin(), height.argmax()]]]
                np.column_stack([frame.numbers, frame.positions]).tofile(file)  # (n, 4) float64
                self._count += len(frame)
                bar.update(len(frame))
        if not first:
            raise InputError(f"{source} holds no atoms; give a file with at least one.")
        require_units([first], source, ("length",))
        self._cell = {"cell": first.cell, "pbc": first.pbc}
        ends = type(first)(f"H{len(extremes)}", extremes, **self._cell)
        self._dims = 2 if flat and is_flat(ends) else 3

    def parts(self) -> Iterator[Structure]:
        """Yield the structure in parts."""
        from ase import Atoms

        self._file.seek(0)
        for start in range(0, self._count, SORTED):
            rows = np.fromfile(self._file, np.float64, 4 * SORTED).reshape(-1, 4)
            frame = Atoms(rows[:, 0].astype(int), rows[:, 1:], **self._cell)
            where = Path(f"{self._source}, from atom {start} on") if start else self._source
            yield as_structure(0, frame, where, self._dims)
