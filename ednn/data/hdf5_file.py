"""HDF5 files that are written whole or not at all, and read with one sentence for what is wrong."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from itertools import zip_longest
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ednn.core.errors import InputError
from ednn.core.files import atomic, require_file


class _Sink(FileIO):
    """A file that keeps the first error of a write to itself, where HDF5 would crash on it."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        try:
            while rest and not self.error:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return self.tell()


@contextmanager
def create_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Open a new HDF5 file that appears whole or not at all.

    Raises:
        OSError: the disk is full; the path is left as it was.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with create_hdf5(Path(folder, "a.h5")) as file:
        ...         file["x"] = np.arange(3)
        ...     with open_hdf5(Path(folder, "a.h5")) as file:
        ...         file["x"][()].tolist()
        [0, 1, 2]
    """
    with atomic(path) as temporary, _Sink(temporary, "w+") as sink:
        with h5py.File(sink, "w") as file:
            yield file
        if sink.error:
            raise OSError(sink.error.errno, sink.error.strerror, str(path))


@contextmanager
def open_hdf5(path: str | Path, cure: str = "copy or make it again") -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Args:
        path: the file.
        cure: what to do if it is not whole.

    Raises:
        InputError: the file is missing, truncated, being written or of another kind.

    Example:
        >>> with open_hdf5("nowhere.h5") as file:
        ...     pass
        Traceback (most recent call last):
        ednn.core.errors.InputError: There is no file nowhere.h5; check the path.
    """
    path = Path(path)
    require_file(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the HDF5 file itself.")
    try:
        file = h5py.File(path, "r", locking=False)  # network file systems often cannot lock
    except OSError as error:
        if "already open for" in str(error):
            raise being_written(path) from error
        if not h5py.is_hdf5(path):
            raise InputError(
                f"{path} is no HDF5 file ({error}), which fields and labelled structures come in; "
                f"check the path, or read other files by data=fields, or data=atoms for structures "
                f"that ASE reads."
            ) from error
        raise InputError(f"{path} is not a whole HDF5 file ({error}); {cure}.") from error
    with file:
        yield file


def require_closed(path: str | Path) -> None:
    """Make sure that no other process is writing a file, of which it may hold parts back.

    Raises:
        InputError: one has it open for writing.

    Example:
        >>> require_closed("nowhere.h5")  # which is for `open_hdf5` to tell
    """
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:  # HDF5 locks what it writes
        raise being_written(path) from error
    except OSError:
        return  # there is no such file, or the file system cannot lock


def being_written(path: str | Path) -> InputError:
    """Say that a file is open for writing elsewhere, or was when its writer crashed.

    Example:
        >>> raise being_written("fields.h5")
        Traceback (most recent call last):
        ednn.core.errors.InputError: fields.h5 is open for writing elsewhere, or its writer ...
    """
    return InputError(
        f"{path} is open for writing elsewhere, or its writer crashed: wait until it is closed; "
        f"after a crash, `h5clear -s {path}` (of the HDF5 tools) takes the mark away, and what the "
        f"writer had flushed is kept."
    )


def dataset(file: h5py.File, key: str, option: str = "") -> h5py.Dataset:
    """Return a named dataset.

    Args:
        file: an open file.
        key: the dataset's name; one in a group is group/name.
        option: the setting that names it, where the user can choose another.

    Raises:
        InputError: the file has no such dataset; names those it has.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, h5py.File(Path(folder, "a.h5"), "w") as file:
        ...     file["group/energy"] = np.arange(3.0)
        ...     dataset(file, "group/energy").shape
        (3,)
    """
    if not isinstance(file.get(key), h5py.Dataset):
        cure = f"; name one of them in {option}=…" if option else ""
        if target := _broken_link(file, key):
            raise InputError(
                f"{file.filename}: {key!r} is a link to {target}, which is not there; put it back, "
                f"or name another dataset."
            )
        raise InputError(
            f"{file.filename} has no dataset {key!r}; it has "
            f"{', '.join(dataset_names(file)) or 'none'}{cure}."
        )
    found = file[key]
    require_real(f"{file.filename}: {key!r}", _kind(found), found.shape)
    return found


def require_real(what: str, kind: np.dtype | None, shape: tuple[int, ...] | None) -> None:
    """Refuse arrays of anything but real numbers.

    Args:
        what: the array's name.
        kind: of its entries; None for numbers that numpy doesn't have.
        shape: of the array; at least one axis is expected.

    Raises:
        InputError: the array holds texts, objects or complex numbers, or a single number.

    Example:
        >>> require_real("a.npy", np.dtype(complex), (5, 8, 8))
        Traceback (most recent call last):
        ednn.core.errors.InputError: a.npy holds complex128 of shape (5, 8, 8); expected real ...
    """
    if not shape or kind is None or kind.kind not in "biuf":
        raise InputError(
            f"{what} holds {kind or 'numbers of no usual kind'} of shape {shape}; expected real "
            f"numbers, one array of the same shape per sample."
        )


def _kind(found: h5py.Dataset) -> np.dtype | None:
    """Return the kind of a dataset's entries, None if numpy has no such kind."""
    try:
        return found.dtype
    except TypeError:
        return None


def _broken_link(file: h5py.File, key: str) -> str:
    """Name what a link on the way to a dataset leads to if it isn't there."""
    steps = key.strip("/").split("/")
    for i in range(len(steps)):
        step = "/".join(steps[: i + 1])
        link = file.get(step, getlink=True)
        if isinstance(link, h5py.ExternalLink) and file.get(step) is None:
            return f"{link.path} in the file {link.filename}"
        if isinstance(link, h5py.SoftLink) and file.get(step) is None:
            return str(link.path)
    return ""


def dataset_names(file: h5py.File) -> list[str]:
    """Name the datasets of a file.

    Example:
        >>> with h5py.File("a.h5", "w", driver="core", backing_store=False) as file:
        ...     file["images"], file["more/labels"] = [0.0], [1.0]
        ...     dataset_names(file)
        ['images', 'more/labels']
    """
    found: list[str] = []

    def note(name: str, item: h5py.HLObject) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("#"):  # MATLAB's own
            found.append(name)

    file.visititems(note)
    return found


def require_finite(
    values: np.ndarray,
    what: str,
    samples: Sequence[int] | np.ndarray | None = None,
    row: str = "sample",
    corner: Sequence[int] = (),
) -> None:
    """Refuse NaN and infinite values.

    Args:
        values: one row per sample.
        what: what the values are called, such as their file and dataset.
        samples: the numbers of these samples, if they don't count from 0.
        row: what a row is called.
        corner: where in the whole row `values` begin, if they are a part of it.

    Raises:
        InputError: names the first bad sample.

    Example:
        >>> require_finite(np.array([[0.0], [np.inf]]), "energies")
        Traceback (most recent call last):
        ednn.core.errors.InputError: energies holds inf in sample 1 (position (1, 0)); all ...
    """
    require_none(~np.isfinite(values), values, what, samples, row, corner)


def require_none(
    bad: np.ndarray,
    values: np.ndarray,
    what: str,
    samples: Sequence[int] | np.ndarray | None = None,
    row: str = "sample",
    corner: Sequence[int] = (),
    words: str = "",
) -> None:
    """Refuse values that are marked as bad, as `require_finite` does.

    Args:
        bad: where they are.
        values: one row per sample.
        what: what the values are called.
        samples: the numbers of these samples, if they don't count from 0.
        row: what a row is called.
        corner: where in the whole row `values` begin.
        words: why a value is bad, unless it is not finite.

    Raises:
        InputError: names the first bad sample.

    Example:
        >>> values = np.array([0, -1])
        >>> require_none(values < 0, values, "a.nc: t", words="its _FillValue")
        Traceback (most recent call last):
        ednn.core.errors.InputError: a.nc: t holds -1 (its _FillValue) in sample 1 (position ...
    """
    if bad.any():
        number, *position = (int(i) for i in np.argwhere(bad)[0])
        value = values[number, *position]
        sample = number if samples is None else int(samples[number])
        position = [i + start for i, start in zip_longest(position, corner, fillvalue=0)]
        why, rule = (f" ({words})", "present and valid") if words else ("", "finite")
        raise InputError(
            f"{what} holds {value}{why} in {row} {sample} (position "
            f"{(sample, *position)}); all values must be {rule}: remove or mend that {row}."
        )
