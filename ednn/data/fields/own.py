"""Fields and labels of your own, read from files of any known format as they are."""

from collections.abc import Callable
from functools import cached_property, partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo, Output
from ednn.data.fields.file import StoredFields
from ednn.data.fields.known import IN_FILE, KnownAgain
from ednn.data.fields.labels import (
    Label,
    find_labels,
    open_beside,
    read_labels,
    read_splits,
    require_derivative,
    require_one_each,
)
from ednn.data.fields.spacing import require_spacing
from ednn.data.fields.way import Way
from ednn.data.formats.opening import is_table, open_source
from ednn.data.formats.source import Source
from ednn.data.hdf5_file import require_closed
from ednn.data.module import require_whole
from ednn.data.samples import FieldDataset
from ednn.data.splits import by_share, require_shares

IN_MEMORY = 2**26  # values; fields with fewer are read once and kept, others batch by batch


class FieldsData(KnownAgain):
    """Fields and extensive labels in files of the formats of `data/README.md`, whoever wrote them.

    A file with `splits/train`, `splits/val` and `splits/test` (sample numbers) is split by these;
    any other at random, in shares.

    Args:
        path: the file, or a folder of files that have a field each.
        x: array of the fields, (N, *L), (N, C, *L) or (N, *L, C), or flat, (N, sites); None for the
            only one, or one called fields or images.
        y: array of the labels, (N,) or (N, outputs), or several of them; columns of a CSV file.
        dims: number of sides of a field, 1 to 3.
        channels_first: whether the channels stand before the sides; None asks unless it is clear.
        unit: unit of the labels; empty for that of the file.
        site: what one point of a field is called.
        val, test: shares of the samples.
        sides: those of flat fields, instead of `dims`; None for others.
        derivative: array of the derivatives of the labels by the fields, of their shape; None where
            they are not known.
        spacing: distance of neighbouring sites, one number or one per axis; the derivatives are
            then per volume. None for that of the file, if it has one.
        labels: file of the labels; None for `path`, or the CSV file in a folder.

    Raises:
        InputError: the file cannot be read, or fields and labels are not what was said.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "own.npz")
        ...     np.savez(path, images=np.zeros((20, 8, 8, 3)), gap=np.arange(20.0))
        ...     read = {"x": None, "y": "gap", "dims": 2, "channels_first": None}
        ...     told = {"unit": "eV", "site": "pixel", "val": 0.1, "test": 0.2}
        ...     data = FieldsData(str(path), **read, **told, batch_size=5, workers=0, seed=0)
        ...     data.info.channels, data.info.channels_first, data.info.outputs[0].unit_per_site
        (3, False, 'eV per pixel')
    """

    dataset: FieldDataset

    def __init__(
        self,
        path: str,
        x: str | None,
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
        labels: str | None = None,
        **shared: Any,
    ) -> None:
        super().__init__(cache="", **shared)  # nothing is generated
        require_whole(dims=dims, least=1)
        self.file, self.unit, self.site = Path(path), unit, site
        self.y = [str(key) for key in (y if isinstance(y, list) else [y])]
        self.shares = require_shares(val, test)
        self.labels_file = Path(labels) if labels else None
        self.opened = self._opener(self.labels_file)
        require_closed(self.path)
        with self.opened() as source:
            self.x = source.choose(x, "data.x", besides=[*self.y, str(derivative)])
            stored = source.find(self.x, "data.x")
            self.split_in_file = source.has_splits
            if not prod(stored.shape):
                raise InputError(f"{stored.name} of shape {stored.shape} holds no fields.")
            self.labels_file = self.labels_file or source.table
            with open_beside(self.opened, self.labels_file) as beside:
                found = [find_labels(beside, key) for key in self.y]
                for each in found:
                    require_one_each(stored, each)
            self.way = Way.of(stored, dims, channels_first, sides)
            if derivative is not None:
                named = unit or next((each.unit for each in found), "")  # the first label's
                require_derivative(stored, source.find(derivative, "data.derivative"), named)
        stored_as = partial(StoredFields, self.opened, layout=self.way.layout)
        self.fields = stored_as(self.x)
        self.derivative = None if derivative is None else stored_as(derivative)
        self.spacing = require_spacing(spacing, self.way.layout.dims) or self.way.spacing
        self._kept = self.way.whole or prod(self.way.shape) <= IN_MEMORY  # in memory

    def _opener(self, labels: Path | None) -> Callable[[], Source]:
        """Return what opens the file of the fields, in any process."""
        lists = labels and self.file.is_dir() and is_table(labels)
        return partial(open_source, self.file, labels if lists else None)

    @property
    def path(self) -> Path:
        return self.file

    @property
    def info(self) -> DatasetInfo:
        units = {name: self.unit or label.unit for name, label in self.labels.items()}
        outputs = tuple(Output(n, u, f"{u} per {self.site}".strip()) for n, u in units.items())
        return DatasetInfo(
            outputs,
            self.way.layout.dims,
            self.way.layout.channels,
            channels_first=self.way.layout.first,
            site=self.site,
            spacing=self.spacing,
        )

    @property
    def reading(self) -> str:
        names, count = ", ".join(map(repr, self.y)), len(self.labels)
        labels = f"labels {names} ({count} output{'s' * (count > 1)})"
        line = f"{self.path}: {self.way.words(self.site)}, {labels}"
        return f"{line}\n{self.way.slow}" if self.way.slow and not self._kept else line

    @cached_property
    def labels(self) -> dict[str, Label]:
        """The labels of every output, by its name."""
        with open_beside(self.opened, self.labels_file) as source:
            return read_labels(source, self.y, self.fields.count)

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
        of_fields = {"channels": self.fields.shape[1], "sides": list(self.fields.shape[2:])}
        return {**super().describe(), **of_fields}

    def read(self) -> tuple[FieldDataset, dict[str, np.ndarray]]:
        columns = [label.values for label in self.labels.values()]
        labels = torch.from_numpy(np.stack(columns, axis=1))  # (N, outputs)
        fields = self.fields[:] if self._kept else self.fields
        slopes = self.derivative[:] if self.derivative and self._kept else self.derivative
        return FieldDataset(fields, labels, slopes), self._splits()

    def _splits(self) -> dict[str, np.ndarray]:
        if not self.split_in_file:
            draw = np.random.default_rng(self.seed).random
            return by_share(draw(self.fields.count), self.shares)
        with self.opened() as source:
            return read_splits(source, self.fields.count)
