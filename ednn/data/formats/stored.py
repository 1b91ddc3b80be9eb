"""An array of a file as it is meant: read in parts, unpacked, whole and finite, or a sentence."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ednn.core.errors import InputError
from ednn.data.formats.axes import Axes
from ednn.data.hdf5_file import require_finite, require_none, require_real
from ednn.data.packing import Packing

MANY = 8  # fields in one piece, from which reading them one by one is slow


class StoredNumbers:
    """An array of real numbers in an open file, one row per sample.

    Args:
        stored: what is indexed like numpy's arrays, and read when it is.
        path: the file.
        key: the array's name in it; empty if the file holds one array, without a name.
        attributes: what is said of the numbers, as in netCDF.
        axes: gives their names and steps.
        one: whether the file's array is a single field, to which the first axis was added.
        chunks: what is read at once, whatever part of it is asked for.
        loaded: bytes that are in memory from the first reading on; 0 for what is streamed.

    Raises:
        InputError: the numbers are not real ones.

    Example:
        >>> packed = {"scale_factor": 0.5, "units": "K"}
        >>> numbers = StoredNumbers(np.array([[1, 2], [3, 4]], ">i2"), Path("a.nc"), "t", packed)
        >>> numbers.name, numbers.read(slice(0, 1)).tolist(), numbers.read([1]).tolist()
        ('a.nc: t', [[0.5, 1.0]], [[1.5, 2.0]])
        >>> numbers.unit
        'K'
    """

    files: Sequence[str] = ()  # with a sample each, where the numbers are those of a folder

    def __init__(
        self,
        stored: Any,
        path: Path,
        key: str = "",
        attributes: Mapping[str, Any] | None = None,
        axes: Callable[[], Axes] = Axes,
        *,
        unwritten: Mapping[str, np.ndarray] | None = None,
        one: bool = False,
        chunks: tuple[int, ...] | None = None,
        loaded: int = 0,
    ) -> None:
        self.stored, self.path, self.key = stored, Path(path), key
        self.name = f"{path}: {key}" if key else str(path)
        self.one, self.chunks, self.loaded, self._axes = one, chunks, loaded, axes
        self.shape: tuple[int, ...] = tuple(stored.shape)
        require_real(f"{path}: {key!r}" if key else str(path), stored.dtype, self.shape)
        said = attributes or {}
        self.packing = Packing.of(said, stored.dtype, unwritten or {})
        self.unit = _text(said.get("units", ""))

    def __len__(self) -> int:
        return self.shape[0]

    @cached_property
    def axes(self) -> Axes:
        """What the file says of the axes."""
        return self._axes()

    @property
    def field_shape(self) -> tuple[int, ...]:
        """The shape of the field that the whole array is, in a file with one field."""
        return self.shape[1:] if self.one else self.shape

    @property
    def whole(self) -> bool:
        """Whether all samples are in memory as soon as one is read."""
        return self.loaded > 0

    def field(self, part: tuple[slice, ...] = ()) -> np.ndarray:
        """Read the whole array, or a part of it, as one field: as it is stored."""
        where = part or (slice(None),) * len(self.field_shape)
        with readable(self.name):
            return np.asarray(self.stored[(0, *where) if self.one else where])

    def read(
        self, samples: slice | Sequence[int] | np.ndarray, part: tuple[slice, ...] = ()
    ) -> np.ndarray:
        """Read some samples, or the same part of each, in a kind of number that torch has.

        Raises:
            InputError: they cannot be read, or some are missing, infinite or not a number.
        """
        if isinstance(samples, slice):
            rows: Sequence[int] = range(*samples.indices(len(self)))
        else:
            rows = [int(i) for i in samples]
        raw = self.raw(samples if isinstance(samples, slice) else rows, part)
        return self.meant(raw, rows, part)

    def raw(self, samples: slice | Sequence[int], part: tuple[slice, ...]) -> np.ndarray:
        """Read samples as they are stored."""
        with readable(self.name):
            if isinstance(samples, slice):
                return np.array(self.stored[(samples, *part)])  # not a view of a mapped file
            # images are read 2 to 30 times faster one by one than by a list of numbers
            return np.stack([np.asarray(self.stored[(i, *part)]) for i in samples])

    def meant(
        self, raw: np.ndarray, rows: Sequence[int], part: tuple[slice, ...] = ()
    ) -> np.ndarray:
        """Return what stored numbers stand for.

        Raises:
            InputError: some are missing, infinite or not a number.
        """
        corner = [axis.start or 0 for axis in part]
        for words, bad in self.packing.faults(raw):
            require_none(bad, raw, self.name, rows, corner=corner, words=words)
        values = self.packing.unpack(raw)
        require_finite(values, self.name, rows, corner=corner)
        return values.astype(_torch_kind(values.dtype), copy=False)

    def require_present(self) -> None:
        """Make sure that every number was written, where the format can tell.

        Raises:
            InputError: some were not.
        """

    @property
    def slow(self) -> str:
        """How to store fields better if reading one reads many; empty if it doesn't."""
        many = self.chunks[0] if self.chunks else 0
        if many < MANY:
            return ""
        return (
            f"{self.name} is compressed in chunks of {many} fields, so that reading one unpacks "
            f"{many} and is as many times slower; {self._cure}"
        )

    @property
    def _cure(self) -> str:
        return "store it in chunks of one field each."

    @property
    def turning(self) -> str:
        """How to turn round an array whose samples stand last."""
        return "store it the other way round"


@contextmanager
def readable(what: str) -> Any:
    """Turn what a format's library raises at a file that it cannot read into one sentence.

    Args:
        what: name of the file, or of the array in it.

    Raises:
        InputError: the file cannot be read.

    Example:
        >>> with readable("a.npy"):
        ...     raise EOFError("No data left in file")
        Traceback (most recent call last):
        ednn.core.errors.InputError: a.npy cannot be read (No data left in file); it may be ...
    """
    try:
        yield
    except (InputError, ImportError, MemoryError, PermissionError):
        raise  # these are told as they are
    except Exception as error:  # the libraries raise errors of any kind
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise InputError(
            f"{what} cannot be read ({why}); it may be damaged: copy it again from where it was "
            f"whole, or store it anew."
        ) from error


def _text(value: Any) -> str:
    value = np.ravel(np.asarray(value))[0] if np.size(value) else ""
    return value.decode() if isinstance(value, bytes) else str(value)


def _torch_kind(kind: np.dtype) -> np.dtype:
    """Return the kind of number of torch that holds all numbers of another kind."""
    if kind.kind == "u" and kind.itemsize > 1:
        return np.promote_types(kind, np.int16)  # torch computes with no unsigned ones but bytes
    if kind.itemsize > 8:
        return np.dtype(np.float64)
    return kind.newbyteorder("=")
