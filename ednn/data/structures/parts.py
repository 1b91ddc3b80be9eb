"""A file of one structure of very many atoms, read in parts: extxyz and ASE's trajectories."""

from collections.abc import Iterator
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ednn.core.errors import InputError
from ednn.data.structures.frames import reading

if TYPE_CHECKING:
    from ase import Atoms

PART = 2**18  # atoms, of which ASE makes 100 MB of text and lists


def read_parts(path: Path, size: int = PART) -> Iterator["Atoms"]:
    r"""Yield a structure of a file as frames of some of its atoms, in their order.

    Args:
        path: of an extxyz file, or of a trajectory of ASE's (.traj).
        size: how many atoms of a part.

    Raises:
        InputError: it is another file, or holds several structures, or less than it promises.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "own.extxyz")
        ...     _ = path.write_text('3\nLattice="9 0 0 0 9 0 0 0 9"\nC 1 1 1\nC 3 1 1\nN 5 1 1\n')
        ...     [str(part.symbols) for part in read_parts(path, size=2)]
        ['C2', 'N']
    """
    with reading(path):
        from ase.io.formats import filetype

        readers = {"extxyz": _extxyz, "traj": _trajectory}
        if (kind := filetype(str(path))) not in readers:
            raise InputError(
                f"{path} is a file of the format {kind}, which can't be read in parts; convert "
                f"takes extxyz and .traj."
            )
        yield from readers[kind](path, size)


def _extxyz(path: Path, size: int) -> Iterator["Atoms"]:
    """Let ASE read some lines at a time, each time behind the comment that says what they are."""
    from ase.io import iread
    from ase.io.formats import open_with_compression

    with open_with_compression(str(path)) as file:
        count, comment = int(file.readline()), file.readline()
        for start in range(0, count, size):
            lines = list(islice(file, min(size, count - start)))
            if len(lines) < min(size, count - start):
                raise InputError(
                    f"{path} ends after {start + len(lines)} of {count} atoms; write it again."
                )
            text = f"{len(lines)}\n{comment.rstrip()}\n{''.join(lines)}"
            yield from iread(StringIO(text), format="extxyz")
        if any(line.strip() for line in file):
            raise _several(path)


def _trajectory(path: Path, size: int) -> Iterator["Atoms"]:
    from ase import Atoms
    from ase.io import ulm

    with ulm.open(str(path)) as file:
        if len(file) > 1:
            raise _several(path)
        numbers, positions = (file.proxy(name) for name in ("numbers", "positions"))
        about: dict[str, Any] = {"cell": file.cell, "pbc": file.pbc, "info": file.get("info")}
        for start in range(0, len(numbers), size):
            some = slice(start, start + size)
            yield Atoms(numbers[some], positions[some], **about)


def _several(path: Path) -> InputError:
    return InputError(
        f"{path} holds more than one structure; write the one to convert into a file of its own."
    )
