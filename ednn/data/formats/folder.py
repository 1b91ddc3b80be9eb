"""A folder of files with a field each, in the order of a CSV file of labels or of their names."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from ednn.core.errors import InputError
from ednn.data.formats.axes import EVEN
from ednn.data.formats.source import Source
from ednn.data.formats.stored import StoredNumbers, readable
from ednn.data.formats.table import FILE, TableSource

Open = Callable[[Path], Source]


class FolderSource(Source):
    """The fields in the files of a folder.

    Args:
        path: the folder.
        open_file: opens one of the files.
        table: CSV file whose column `file` names the files; None for the one in the folder that has
            such a column, and if there is none, for all files by their names.

    Raises:
        InputError: there are no files, or several such tables.

    Example:
        >>> from ednn.data.formats.npy import NpySource
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     for name in "ab":
        ...         np.save(Path(folder, f"{name}.npy"), np.full((4, 6), ord(name)))
        ...     with FolderSource(Path(folder), NpySource) as source:
        ...         numbers = source.find("")
        ...         numbers.shape, numbers.read([1]).max()
        ((2, 4, 6), np.int64(98))
    """

    def __init__(self, path: Path, open_file: Open, table: Path | None = None) -> None:
        super().__init__(path)
        self.open_file = open_file
        changed = [p.stat().st_mtime_ns for p in (self.path, table) if p]
        self.files, self.table = _listed(self.path, table, tuple(changed))
        self._last: tuple[Path, Source] | None = None

    @property
    def names(self) -> list[str]:
        return self.at(0).names

    def open(self, key: str) -> StoredNumbers:
        return _FolderNumbers(self, self.at(0).find(key))

    def at(self, number: int) -> Source:
        """Open one of the files, and close the one before."""
        file = self.path / self.files[number]
        if self._last is None or self._last[0] != file:
            if not file.is_file():
                raise InputError(
                    f"{self.table} names {self.files[number]}, which is not in {self.path}; put it "
                    f"there, or take that row out."
                )
            self.close()
            self._last = file, self.open_file(file)
        return self._last[1]

    def close(self) -> None:
        if self._last is not None:
            self._last[1].close()
            self._last = None


class _FolderNumbers(StoredNumbers):
    """One array of every file of a folder; what is wrong with one is told with its name."""

    def __init__(self, source: FolderSource, first: StoredNumbers) -> None:
        axes = first.axes if first.one else first.axes.of_one()
        shape = (len(source.files), *first.field_shape)
        chunks = (1, *(shape[1:] if first.loaded else first.chunks or ()))
        stored = np.broadcast_to(np.zeros((), first.stored.dtype), shape)  # only its shape and kind
        super().__init__(stored, source.path, first.key, axes=lambda: axes, loaded=first.loaded)
        self.chunks = chunks if len(chunks) == len(shape) else None
        self.unit, self.packing, self.source = first.unit, first.packing, source
        self.said = first.axes, first.unit
        self.files = source.files

    def read(
        self, samples: slice | Sequence[int] | np.ndarray, part: tuple[slice, ...] = ()
    ) -> np.ndarray:
        rows = range(len(self))[samples] if isinstance(samples, slice) else map(int, samples)
        return np.concatenate([self._field(i, part) for i in rows])

    def _field(self, number: int, part: tuple[slice, ...]) -> np.ndarray:
        numbers = self.source.at(number).find(self.key)
        if numbers.field_shape != self.shape[1:]:
            raise InputError(
                f"{numbers.name} has the shape {numbers.field_shape}, and "
                f"{self.source.files[0]} has {self.shape[1:]}; give files of one shape."
            )
        self._require_alike(numbers)
        return numbers.meant(numbers.field(part)[None], [number], part)

    def _require_alike(self, numbers: StoredNumbers) -> None:
        """Make sure that a file says the same of its axes and its unit as the first."""
        axes, (first, unit) = numbers.axes, self.said
        said, wanted = (axes.names, axes.units, numbers.unit), (first.names, first.units, unit)
        alike = said == wanted and len(axes.steps) == len(first.steps)
        if not (alike and np.allclose(axes.steps, first.steps, rtol=EVEN, atol=0)):
            raise InputError(
                f"{numbers.name} and {self.source.files[0]} differ in axes, spacing or unit; give "
                f"files that agree in these."
            )

    @property
    def whole(self) -> bool:
        return False  # a file at a time is

    def require_present(self) -> None:
        missing = [name for name in self.source.files if not (self.path / name).is_file()]
        if missing:
            self.source.at(self.source.files.index(missing[0]))


@lru_cache(maxsize=4)
def _listed(
    path: Path, table: Path | None, changed: tuple[int, ...]
) -> tuple[list[str], Path | None]:
    """Return the names of a folder's files and the table that lists them, if one does."""
    present = sorted(p.name for p in path.iterdir() if p.is_file() and p.name[0] != ".")
    tables = [table] if table else [path / n for n in present if n.lower().endswith(".csv")]
    lists = {}
    for each in tables:
        with readable(str(each)):
            lists[each] = TableSource(each).files
    lists = {each: files for each, files in lists.items() if files}
    if len(lists) > 1:
        names = ", ".join(each.name for each in lists)
        raise InputError(
            f"{path} has several CSV files with a column {FILE!r} ({names}); leave one there."
        )
    for each, files in lists.items():
        return files, each
    if table:
        raise InputError(
            f"{table} has no column {FILE!r} with names of files in {path}; add one to it."
        )
    files = [name for name in present if not name.lower().endswith(".csv")]
    if not files:
        raise InputError(f"{path} is a folder without files of fields; check the path.")
    return files, None
