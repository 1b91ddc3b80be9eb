"""What the data sets that we make ourselves share: split sizes, files named after settings."""

import hashlib
import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from filelock import FileLock

from ednn.core.errors import InputError
from ednn.core.files import require_writable
from ednn.data.fields.file import StoredFields, write_batches
from ednn.data.fields.layout import Layout
from ednn.data.formats.hdf5 import HDF5Source
from ednn.data.hdf5_file import dataset, open_hdf5, require_finite
from ednn.data.module import SPLITS, ExtensiveData, require_whole
from ednn.data.samples import FieldDataset


@runtime_checkable
class Labelling(Protocol):
    """A data set that knows the exact labels of any fields, not of its own alone.

    Example:
        >>> from ednn.data.fields.laplacian import LaplacianData
        >>> hasattr(LaplacianData, "label"), hasattr(GeneratedData, "label")
        (True, False)
    """

    def label(self, fields: np.ndarray) -> np.ndarray:
        """Return the exact extensive properties of fields: (N, *L) → (N, outputs), float64."""


class GeneratedData(ExtensiveData):
    """Base of the data sets with a generator; their files have the schema of `data/README.md`.

    Args:
        n_train, n_val, n_test: examples per split.

    Example:
        >>> from ednn.data.fields.ising import IsingData
        >>> issubclass(IsingData, GeneratedData), IsingData.generator
        (True, 1)
    """

    dataset: FieldDataset
    name: str  # what the generated files are called
    generator: ClassVar[int] = 1  # to be raised where other samples come of the same settings
    # the settings that define the target, and their values in files older than the setting
    defining: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, n_train: int, n_val: int, n_test: int, **shared: Any) -> None:
        super().__init__(**shared)
        require_whole(n_train=n_train, n_val=n_val, n_test=n_test)
        self.counts = dict(zip(SPLITS, (n_train, n_val, n_test), strict=True))
        self.trained_on: dict[str, Any] | None = None

    @property
    def path(self) -> Path:
        digest = hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()
        return self.cache / f"{self.name}-{digest[:8]}.h5"

    def prepare_data(self) -> None:
        self.generate()

    def generate(self) -> None:
        """Make the file if it is missing; concurrent jobs wait for one of them to do it."""
        if self.path.is_file():
            return
        require_writable(self.path, "data.cache")
        with FileLock(self.path.with_suffix(".lock")):
            if not self.path.is_file():
                self.make()

    @abstractmethod
    def make(self) -> None:
        """Write the file."""

    def write(self, batches: Iterable[Mapping[str, np.ndarray]], unit: str) -> None:
        """Write samples as they are made, of the training first, with labels in a unit."""
        count, splits = sum(self.counts.values()), self.consecutive_splits()
        write_batches(self.path, count, batches, splits, {"unit": unit}, self.settings)

    def test_only(self, trained_on: dict[str, Any] | None) -> None:
        for key, before in self.defining.items() if trained_on else ():
            there, here = (of.get(key, before) for of in (trained_on or {}, self.settings))
            if there != here:
                raise InputError(
                    f"The model was trained with data.{key}={there}, not {here}; add "
                    f"data.{key}={there}."
                )
        self.counts = {"train": 0, "val": 0, "test": self.counts["test"]}
        self.trained_on = trained_on or {}

    def consecutive_splits(self) -> dict[str, np.ndarray]:
        """Number the samples from 0: training first, then validation, then test."""
        ends = np.cumsum(list(self.counts.values()))
        return dict(zip(SPLITS, np.split(np.arange(ends[-1]), ends[:-1]), strict=True))

    def read(self) -> tuple[FieldDataset, dict[str, np.ndarray]]:
        with open_hdf5(self.path, cure="delete it and make or copy it again") as file:
            labels = dataset(file, "labels")[()]
            splits = {name: dataset(file, f"splits/{name}")[()] for name in SPLITS}
            known = "derivative" in file
        require_finite(labels, f"{self.path}: labels")
        layout = Layout(self.info.dims, self.info.channels)
        opened = partial(HDF5Source, self.path)
        fields = StoredFields(opened, "fields", layout)
        slopes = StoredFields(opened, "derivative", layout) if known else None
        return FieldDataset(fields, torch.from_numpy(labels), slopes), splits
