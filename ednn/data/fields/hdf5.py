"""Fields and labels of your own, read from an HDF5 file as they are."""

import hashlib
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo, Output
from ednn.data.fields.file import HDF5Fields, slow_chunks
from ednn.data.fields.labels import (
    named_labels,
    read_splits,
    require_derivative,
    require_one_each,
)
from ednn.data.fields.layout import find_layout, require_first, require_sides, require_spacing
from ednn.data.hdf5_file import dataset, open_hdf5, require_closed
from ednn.data.module import ExtensiveData, require_whole
from ednn.data.presence import require_present
from ednn.data.samples import FieldDataset
from ednn.data.splits import by_share, require_shares
from ednn.data.stored import StoredNumbers

IN_FILE = "those of the file"
IN_MEMORY = 2**26  # values; fields with fewer are read once and kept, others batch by batch


class HDF5Data(ExtensiveData):
    """Fields and extensive labels in an HDF5 file, whoever wrote it.

    A file with `splits/train`, `splits/val` and `splits/test` (sample numbers) is split by these;
    any other at random, in shares.

    Args:
        path: the file.
        x: dataset of the fields, (N, *L), (N, C, *L) or (N, *L, C), or flat, (N, sites).
        y: dataset of the labels, (N,) or (N, outputs), or several of them.
        dims: number of sides of a field, 1 to 3.
        channels_first: whether the channels stand before the sides; None asks unless it is clear.
        unit: unit of the labels.
        site: what one point of a field is called.
        val, test: shares of the samples.
        sides: those of flat fields, instead of `dims`; None for others.
        derivative: dataset of the derivatives of the labels by the fields, of their shape; None
            where they are not known.
        spacing: distance of neighbouring sites, one number or one per axis; the derivatives are
            then per volume. None if it is not known.

    Raises:
        InputError: the file cannot be read, or fields and labels are not what was said.

    Example:
        >>> import h5py
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "own.h5")
        ...     with h5py.File(path, "w") as file:
        ...         file["images"], file["gap"] = np.zeros((20, 8, 8, 3)), np.arange(20.0)
        ...     read = {"x": "images", "y": "gap", "dims": 2, "channels_first": None}
        ...     told = {"unit": "eV", "site": "pixel", "val": 0.1, "test": 0.2}
        ...     data = HDF5Data(str(path), **read, **told, batch_size=5, workers=0, seed=0)
        ...     data.info.channels, data.info.channels_first, data.info.outputs[0].unit_per_site
        (3, False, 'eV per pixel')
    """

    dataset: FieldDataset

    def __init__(
        self,
        path: str,
        x: str,
        y: str | list[str],
        dims: int,
        channels_first: bool | None,
        unit: str,
        site: str,
        val: float,
        test: float,
        sides: list[int] | None = None,
        derivative: str | None = None,
        spacing: float | list[float] | None = None,
        **shared: Any,
    ) -> None:
        super().__init__(cache="", **shared)  # nothing is generated
        require_whole(dims=dims, least=1)
        self.file, self.unit, self.site = Path(path), unit, site
        self.x, self.y = str(x), [str(key) for key in (y if isinstance(y, list) else [y])]
        self.shares = require_shares(val, test)
        require_closed(self.path)
        with open_hdf5(self.path) as file:
            stored = dataset(file, self.x, "data.x")
            self.split_in_file = "splits" in file
            self.shape = stored.shape  # in the file
            if not stored.size:
                raise InputError(f"{self.path}: {self.x} of shape {self.shape} holds no fields.")
            for key in self.y:
                require_one_each(stored, dataset(file, key, "data.y"))
            flat = require_sides(sides, "data.sides")
            first = require_first(channels_first, "data.channels_first")
            self.layout = find_layout(self.shape, dims, first, flat)
            require_present(stored)
            self.packed, self.slow = StoredNumbers(stored).packing.words, slow_chunks(stored)
            if derivative is not None:
                require_derivative(stored, dataset(file, derivative, "data.derivative"))
        self.fields = HDF5Fields(self.path, self.x, self.layout)
        self.derivative = (
            None if derivative is None else HDF5Fields(self.path, derivative, self.layout)
        )
        self.spacing = require_spacing(spacing, self.layout.dims)
        self._kept = prod(self.fields.shape) <= IN_MEMORY  # in memory

    @property
    def path(self) -> Path:
        return self.file

    @property
    def info(self) -> DatasetInfo:
        per_site = f"{self.unit} per {self.site}".strip()
        outputs = tuple(Output(name, self.unit, per_site) for name in self.labels)
        return DatasetInfo(
            outputs,
            self.layout.dims,
            self.layout.channels,
            channels_first=self.layout.first,
            site=self.site,
            spacing=self.spacing,
        )

    @property
    def reading(self) -> str:
        names, outputs = ", ".join(map(repr, self.y)), len(self.labels)
        fields = self.layout.words(self.shape, self.site) + self.packed
        line = f"{self.path}: {fields}, labels {names} ({outputs} output{'s' * (outputs > 1)})"
        return f"{line}\n{self.slow}" if self.slow and not self._kept else line

    @cached_property
    def labels(self) -> dict[str, np.ndarray]:
        """The labels (N,) of every output, by its name."""
        return named_labels(self.path, self.y, self.fields.count)

    @cached_property
    def first_field(self) -> str:
        """A digest of the first field, by which the file is known again wherever it lies."""
        return hashlib.sha256(self.fields[:1].float().numpy().tobytes()).hexdigest()[:16]

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "x": self.x,
            "y": self.y,
            "count": self.fields.count,
            "first_field": self.first_field,
            "seed": self.seed,
            "splits": IN_FILE if self.split_in_file else self.shares,
        }

    def describe(self) -> dict[str, Any]:
        sides = list(self.fields.shape[2:])
        return {**super().describe(), "channels": self.layout.channels, "sides": sides}

    def test_only(self, trained_on: dict[str, Any] | None) -> None:
        """Test on every sample, or on the test split alone where a model may know the others.

        A file that begins with the same field may be the same file, whatever was added to it.

        Raises:
            InputError: that split is not known.
        """
        if not trained_on or not self.same_samples(trained_on):
            self.shares = {"test": 1.0, "val": 0.0}
        elif trained_on["splits"] != IN_FILE:
            self.split_in_file = False
            self.seed, self.shares = trained_on["seed"], trained_on["splits"]
        elif not self.split_in_file:
            raise InputError(
                f"{self.path} begins like the file that this model was trained on, but has not its "
                f"splits/train, splits/val and splits/test; add them, or give another file."
            )

    def same_samples(self, trained_on: dict[str, Any]) -> bool:
        return bool(trained_on["first_field"] == self.first_field)

    def read(self) -> tuple[FieldDataset, dict[str, np.ndarray]]:
        labels = torch.from_numpy(np.stack(list(self.labels.values()), axis=1))  # (N, outputs)
        fields = self.fields[:] if self._kept else self.fields
        slopes = self.derivative[:] if self.derivative and self._kept else self.derivative
        if self.split_in_file:
            splits = read_splits(self.path, self.fields.count)
        else:
            splits = by_share(np.random.default_rng(self.seed).random(len(labels)), self.shares)
        return FieldDataset(fields, labels, slopes), splits
