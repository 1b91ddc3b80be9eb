"""HDF5 files of fields and labels: one schema for what we write, one reader for what we meet."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

import ednn
from ednn.data.fields.layout import channels_first
from ednn.data.hdf5_file import create_hdf5, dataset, open_hdf5, require_finite


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


def _chunks(fields: np.ndarray, count: int) -> tuple[int, ...]:
    """About a quarter of a megabyte of whole samples, so that reading one doesn't unpack many."""
    samples = max(1, min(count, 2**18 // max(1, fields[:1].nbytes)))
    return (samples, *fields.shape[1:])
