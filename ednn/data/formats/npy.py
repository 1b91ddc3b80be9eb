"""Arrays that NumPy wrote: .npy, and .npz whose arrays are not compressed, are memory-mapped."""

import struct
from pathlib import Path
from typing import IO
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.lib import format as npy

from ednn.core.errors import InputError
from ednn.data.formats.source import Source
from ednn.data.formats.stored import StoredNumbers
from ednn.data.hdf5_file import require_real

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class NpySource(Source):
    """The array of an .npy file, which has no name.

    Args:
        path: the file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.save(Path(folder, "a.npy"), np.arange(6.0).reshape(3, 2))
        ...     with NpySource(Path(folder, "a.npy")) as source:
        ...         source.find("").read([2]).tolist()
        [[4.0, 5.0]]
    """

    names = [""]  # noqa: RUF012 - overrides a property

    def open(self, key: str) -> StoredNumbers:
        return StoredNumbers(mapped(self.path), self.path, key)


class NpzSource(Source):
    """The arrays of an .npz file.

    Args:
        path: the file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.savez(Path(folder, "a.npz"), images=np.ones((3, 2)), labels=np.arange(3))
        ...     with NpzSource(Path(folder, "a.npz")) as source:
        ...         source.names, source.find("labels").read(slice(1, 3)).tolist()
        (['images', 'labels'], [1, 2])
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with ZipFile(path) as archive:
            self.members = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }

    @property
    def names(self) -> list[str]:
        return list(self.members)

    def open(self, key: str) -> StoredNumbers:
        member = self.members[key]
        if member.compress_type == ZIP_STORED:
            with open(self.path, "rb") as file:
                file.seek(member.header_offset + 26)  # in the zip's own header of this member
                lengths = struct.unpack("<HH", file.read(4))  # of its name, and of what follows
            start = member.header_offset + 30 + sum(lengths)
            return StoredNumbers(mapped(self.path, start, key), self.path, key)
        with ZipFile(self.path) as archive, archive.open(member) as stream:
            shape, _, kind = _header(stream, self.path)
        require_real(f"{self.path}: {key!r}", kind, shape)
        values = np.load(self.path, allow_pickle=False)[key]
        return StoredNumbers(values, self.path, key, loaded=values.nbytes)


def mapped(path: Path, start: int = 0, key: str = "") -> np.ndarray:
    """Map an array in NumPy's format, which begins so many bytes into a file.

    Args:
        path: the file.
        start: of the array.
        key: the array's name.

    Raises:
        InputError: it holds no real numbers, such as objects, which only `pickle` could read.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.save(Path(folder, "a.npy"), np.arange(3))
        ...     mapped(Path(folder, "a.npy")).tolist()
        [0, 1, 2]
    """
    with open(path, "rb") as file:
        file.seek(start)
        shape, columns, kind = _header(file, path)
        require_real(f"{path}: {key!r}" if key else str(path), kind, shape)
        if 0 in shape:
            return np.empty(shape, kind)  # nothing can be mapped
        return np.memmap(path, kind, "r", file.tell(), shape, "F" if columns else "C")


def _header(file: IO[bytes], path: Path) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read shape, order by columns and kind of an array, of which nothing is unpickled."""
    version = npy.read_magic(file)
    if version not in HEADERS:
        raise InputError(
            f"{path} holds an array with columns of its own (version {version[0]} of NumPy's "
            f"format); expected real numbers, one array of the same shape per sample."
        )
    return HEADERS[version](file)
