"""Files of fields: one schema of HDF5 for what we write, one reader for what we meet."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

import ednn
from ednn.data.fields.layout import Layout, channels_first
from ednn.data.formats.source import Source
from ednn.data.hdf5_file import create_hdf5


def write_fields(
    path: Path,
    samples: Mapping[str, np.ndarray],
    splits: Mapping[str, np.ndarray],
    attributes: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Write a data set in the schema of `data/README.md`; the file appears whole or not at all.

    Args:
        path: the file.
        samples: `fields`, (N, *L) or (N, C, *L), `labels`, (N, outputs) in physical units, and
            `derivative` of the fields' shape where it is known.
        splits: sample numbers of "train", "val" and "test".
        attributes: units and figures that describe the data.
        settings: what the generator was given, seed included.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "fields.h5")
        ...     splits = {"train": np.arange(3), "val": np.arange(0), "test": np.arange(0)}
        ...     samples = {"fields": np.ones((3, 4, 4)), "labels": np.zeros((3, 1))}
        ...     write_fields(path, samples, splits, {"unit": "J"}, {"L": 4})
        ...     with h5py.File(path) as file:
        ...         file["fields"].shape, file.attrs["unit"]
        ((3, 4, 4), 'J')
    """
    count = len(samples["labels"])
    write_batches(path, count, [samples], splits, attributes, settings)


def write_batches(
    path: Path,
    count: int,
    batches: Iterable[Mapping[str, np.ndarray]],
    splits: Mapping[str, np.ndarray],
    attributes: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Write a data set of `count` samples, as `write_fields` does, batch by batch as they come.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> batch = {"fields": np.zeros((2, 4)), "labels": np.zeros((2, 1))}
        >>> with TemporaryDirectory() as folder:
        ...     write_batches(Path(folder, "a.h5"), 4, [batch, batch], {}, {}, {})
        ...     with h5py.File(Path(folder, "a.h5")) as file:
        ...         file["fields"].shape
        (4, 4)
    """
    written = 0
    with create_hdf5(path) as file:
        for batch in batches:
            stop = written + len(batch["labels"])
            for name, values in batch.items():
                if not written:
                    _create(file, name, count, values)
                file[name][written:stop] = values
            written = stop
        for name, index in splits.items():
            file[f"splits/{name}"] = index
        file.attrs.update(attributes)
        file.attrs["settings"] = json.dumps(dict(settings), sort_keys=True)
        file.attrs["code_version"] = ednn.__version__


def _create(file: h5py.File, name: str, count: int, like: np.ndarray) -> None:
    """Create a dataset of `count` samples, chunked by whole samples; all but labels compressed."""
    shape = (count, *like.shape[1:])
    options = {} if name == "labels" else {"compression": "gzip", "compression_opts": 1}
    file.create_dataset(name, shape, like.dtype, chunks=_chunks(like, count), **options)


class StoredFields:
    """Fields in a file, indexed like a tensor (N, C, *L) and read when they are asked for.

    Every read opens the file, so that forked and spawned loader processes never share a handle.

    Args:
        opened: opens the file; a process that loads gets a copy.
        key: name of the fields in it.
        layout: how they are stored.

    Raises:
        InputError: the file has no such fields, or they cannot be read.

    Example:
        >>> from ednn.data.formats.hdf5 import HDF5Source
        >>> from functools import partial
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "a.h5")
        ...     with h5py.File(path, "w") as file:
        ...         file["images"] = np.zeros((9, 8, 8, 3))
        ...     layout = Layout(dims=2, channels=3)
        ...     fields = StoredFields(partial(HDF5Source, path), "images", layout)
        ...     fields.shape, fields[:2].shape
        ((9, 3, 8, 8), torch.Size([2, 3, 8, 8]))
    """

    def __init__(self, opened: Callable[[], Source], key: str, layout: Layout) -> None:
        self.opened, self.key, self.layout = opened, key, layout
        with opened() as source:
            self.count = len(source.find(key))
        self.shape = (self.count, *self[:1].shape[1:])

    def __getitem__(self, index: slice | np.ndarray | Tensor) -> Tensor:
        with self.opened() as source:
            fields = source.find(self.key).read(
                index if isinstance(index, slice) else np.asarray(index)
            )
        return torch.from_numpy(channels_first(fields, *self.layout))  # (B, C, *L)


def _chunks(fields: np.ndarray, count: int) -> tuple[int, ...]:
    """About a quarter of a megabyte of whole samples, so that reading one doesn't unpack many."""
    samples = max(1, min(count, 2**18 // max(1, fields[:1].nbytes)))
    return (samples, *fields.shape[1:])
