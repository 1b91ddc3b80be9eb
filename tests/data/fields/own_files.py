"""Small HDF5 files of a user's own, and data sets of them."""

import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ednn.data.fields.hdf5 import HDF5Data

RNG = np.random.default_rng(0)
SETTINGS: dict[str, Any] = {
    "x": "images",
    "y": "labels",
    "dims": 2,
    "channels_first": None,
    "unit": "eV",
    "site": "pixel",
    "val": 0.1,
    "test": 0.2,
    "batch_size": 7,
    "workers": 0,
    "seed": 3,
}
COUNT = 60


def make(path: Path, **changes: Any) -> HDF5Data:
    return HDF5Data(path=str(path), **{**SETTINGS, **changes})


def ready(path: Path, **changes: Any) -> HDF5Data:
    data = make(path, **changes)
    data.prepare_data()
    data.setup()
    return data


def write(path: Path, **datasets: Any) -> Path:
    with h5py.File(path, "a") as file:
        for key, values in datasets.items():
            file[key] = values
    return path


def sparse(path: Path, count: int = 6400, side: int = 128, **filled: float) -> Path:
    """A file whose 400 MB of fields take no room, as nearly all are zero and compressed."""
    with h5py.File(path, "w") as file:
        shape = (count, side, side, 1)
        pieces = {"chunks": (1, *shape[1:]), "compression": "gzip"}
        images = file.create_dataset("images", shape, "f4", **pieces)
        empty = zlib.compress(bytes(4 * side**2))  # all alike: to compress each takes seconds
        for i in range(count):
            images.id.write_direct_chunk((i, 0, 0, 0), empty)
        for sample, value in filled.items():
            images[int(sample.removeprefix("sample"))] = value
        file["labels"] = RNG.normal(size=count)
        for name, first in (("train", 0), ("val", 100), ("test", 120)):
            file[f"splits/{name}"] = np.arange(first, first + 20)
    return path
