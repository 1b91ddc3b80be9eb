"""HDF5 files of fields and labels: one schema for what we write, one reader for what we meet."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import FileIO
from itertools import zip_longest
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

import ednn
from ednn.core.errors import InputError
from ednn.core.files import atomic
from ednn.data.fields.layout import channels_first


def write_fields(
    path: Path,
    fields: np.ndarray,
    labels: np.ndarray,
    splits: Mapping[str, np.ndarray],
    attributes: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Write a data set in the schema of `data/README.md`; the file appears whole or not at all.

    Args:
        path: the file.
        fields: (N, *L) or (N, C, *L).
        labels: (N, outputs), physical units.
        splits: sample numbers of "train", "val" and "test".
        attributes: units and figures that describe the data.
        settings: what the generator was given, seed included.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "fields.h5")
        ...     splits = {"train": np.arange(3), "val": np.arange(0), "test": np.arange(0)}
        ...     fields, labels = np.ones((3, 4, 4)), np.zeros((3, 1))
        ...     write_fields(path, fields, labels, splits, {"unit": "J"}, {"L": 4})
        ...     with open_hdf5(path) as file:
        ...         dataset(file, "fields").shape, file.attrs["unit"]
        ((3, 4, 4), 'J')
    """
    batches = [(fields, labels)]
    write_batches(path, len(labels), batches, splits, attributes, settings)


def write_batches(
    path: Path,
    count: int,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    splits: Mapping[str, np.ndarray],
    attributes: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Write a data set of `count` samples, as `write_fields` does, batch by batch as they come.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> batches = [(np.zeros((2, 4)), np.zeros((2, 1))), (np.ones((1, 4)), np.ones((1, 1)))]
        >>> with TemporaryDirectory() as folder:
        ...     write_batches(Path(folder, "a.h5"), 3, batches, {}, {}, {})
        ...     with open_hdf5(Path(folder, "a.h5")) as file:
        ...         file["fields"].shape
        (3, 4)
    """
    written = 0
    with create_hdf5(path) as file:
        for fields, labels in batches:
            if not written:
                _create(file, "fields", count, fields, compression="gzip", compression_opts=1)
                _create(file, "labels", count, labels)
            file["fields"][written : written + len(labels)] = fields
            file["labels"][written : written + len(labels)] = labels
            written += len(labels)
        for name, index in splits.items():
            file[f"splits/{name}"] = index
        file.attrs.update(attributes)
        file.attrs["settings"] = json.dumps(dict(settings), sort_keys=True)
        file.attrs["code_version"] = ednn.__version__


def _create(file: h5py.File, name: str, count: int, like: np.ndarray, **options: Any) -> None:
    """Create a dataset of `count` samples, chunked by whole samples."""
    shape = (count, *like.shape[1:])
    file.create_dataset(name, shape, like.dtype, chunks=_chunks(like, count), **options)


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
def open_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Raises:
        InputError: the file is missing, truncated or of another kind.

    Example:
        >>> with open_hdf5("nowhere.h5") as file:
        ...     pass
        Traceback (most recent call last):
        ednn.core.errors.InputError: There is no file nowhere.h5; check the path.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the path.")
    try:
        file = h5py.File(path, "r", locking=False)  # network file systems often cannot lock
    except OSError as error:
        if not h5py.is_hdf5(path):
            raise InputError(
                f"{path} is no HDF5 file ({error}), which fields and labelled structures come in; "
                f"check the path."
            ) from error
        raise InputError(
            f"{path} is not a whole HDF5 file ({error}); delete it and make or copy it again."
        ) from error
    with file:
        yield file


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
        raise InputError(
            f"{file.filename} has no dataset {key!r}; it has "
            f"{', '.join(_names(file)) or 'none'}{cure}."
        )
    found = file[key]
    if not found.shape or found.dtype.kind not in "biuf":
        raise InputError(
            f"{file.filename}: {key!r} holds {found.dtype} of shape {found.shape}; "
            f"expected real numbers, one array of the same shape per sample."
        )
    return found


def _names(file: h5py.File) -> list[str]:
    """Name the datasets of a file, the first twenty if they are more."""
    found: list[str] = []

    def note(name: str, item: h5py.HLObject) -> bool | None:
        if isinstance(item, h5py.Dataset):
            found.append(name)
        return len(found) == 20 or None  # h5py goes on as long as it is given None

    file.visititems(note)
    return found


class HDF5Fields:
    """Fields in an HDF5 file, indexed like a tensor (N, C, *L) and read when they are asked for.

    Every read opens the file, so that forked and spawned loader processes never share a handle.

    Args:
        key: name of the fields in the file, (N, *L), (N, C, *L) or (N, *L, C).
        first: where the channels stand; see `channels_first`.

    Raises:
        InputError: the file has no such fields, or what is read is not finite.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with h5py.File(Path(folder, "a.h5"), "w") as file:
        ...         file["images"] = np.zeros((9, 8, 8, 3))
        ...     fields = HDF5Fields(Path(folder, "a.h5"), "images", dims=2, channels=3)
        ...     fields.shape, fields[:2].shape
        ((9, 3, 8, 8), torch.Size([2, 3, 8, 8]))
    """

    def __init__(
        self, path: Path, key: str, dims: int, channels: int, first: bool | None = None
    ) -> None:
        self.path, self.key = path, key
        self.layout = (dims, channels, first)
        with open_hdf5(path) as file:
            self.count = len(dataset(file, key))
        self.shape = (self.count, *self[:1].shape[1:])

    def __getitem__(self, index: slice | np.ndarray | Tensor) -> Tensor:
        samples: Sequence[int] | np.ndarray
        with open_hdf5(self.path) as file:
            stored = dataset(file, self.key)
            if isinstance(index, slice):
                samples, fields = range(self.count)[index], stored[index]
            else:  # images are read 2 to 30 times faster one by one than by a list of numbers
                samples = np.asarray(index)
                fields = np.stack([stored[i] for i in samples])
        require_finite(fields, f"{self.path}: {self.key}", samples)
        native = fields.astype(fields.dtype.newbyteorder("="), copy=False)  # as torch wants it
        return torch.from_numpy(channels_first(native, *self.layout))  # (B, C, *L)


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
    bad = ~np.isfinite(values)
    if bad.any():
        number, *position = (int(i) for i in np.argwhere(bad)[0])
        value = values[number, *position]
        sample = number if samples is None else int(samples[number])
        position = [i + start for i, start in zip_longest(position, corner, fillvalue=0)]
        raise InputError(
            f"{what} holds {value} in {row} {sample} (position "
            f"{(sample, *position)}); all values must be finite: remove or mend that {row}."
        )


def _chunks(fields: np.ndarray, count: int) -> tuple[int, ...]:
    """About a quarter of a megabyte of whole samples, so that reading one doesn't unpack many."""
    samples = max(1, min(count, 2**18 // max(1, fields[:1].nbytes)))
    return (samples, *fields.shape[1:])
