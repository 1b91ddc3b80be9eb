"""Sheets of graphene, hBN and both, labelled by a quantum-mechanical theory."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ednn.core.errors import InputError
from ednn.core.files import require_writable
from ednn.core.renderer import CELL_TOLERANCE
from ednn.data.module import require_whole
from ednn.data.structures import labelling
from ednn.data.structures.file import LabelledSet, concatenate, part, read
from ednn.data.structures.module import StructureData
from ednn.data.structures.pixels import AXES, cell_of_pixels
from ednn.data.structures.samples import StructureDataset
from ednn.physics.labels import resolve
from ednn.physics.recipes import recipe_of

REPOSITORY = "https://github.com/ednn/ednn"


class DFTData(StructureData):
    """The labelled sheets of a file (`data/README.md`); `generate` makes or extends it.

    Args:
        theory: what `ednn.physics.labels.resolve` takes.
        recipe: of the structures: plain, or varied (`ednn.physics.recipes`).
        path: the file; None for data/dft/ and the names of the theory and of the recipe.
        count: how many structures `generate` labels.
        seed0: the seed of the first of them; None for that of the file, or 0 for a new one.
        repeat: how many blocks a structure has along each axis.
        also: more files, whose training shares join the training.
        whole: leaves out structures whose cell is no whole multiple of `cell`, to 0.1 %.

    Example:
        >>> drawn = {"grid": 32, "gamma": 0.4, "augment": False, "val": 0.1, "test": 0.2}
        >>> shared = {"batch_size": 1, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> data = DFTData("gfn1", "varied", None, 10, None, (1, 1), **drawn, **shared)
        >>> data.path.as_posix()
        'data/dft/gfn1_varied.h5'
    """

    def __init__(
        self,
        theory: str | Mapping[str, Any],
        recipe: str,
        path: str | None,
        count: int,
        seed0: int | None,
        repeat: Sequence[int],
        also: str | Sequence[str] = (),
        whole: bool = False,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        dims = recipe_of(recipe).dims
        if len(repeat) != dims or min(repeat) < 1:
            example = [2, *[1] * (dims - 1)]
            raise InputError(
                f"data.repeat={[*repeat]} is not possible; give {AXES[dims]} whole numbers of at "
                f"least 1, such as {example}."
            )
        require_whole(count=count, seed0=seed0 or 0)
        self.wanted, self.recipe = theory, recipe
        name = resolve(theory).name + ("" if recipe == "plain" else f"_{recipe}")
        self.file = Path(path or f"data/dft/{name}.h5")
        self.count, self.seed0, self.repeat = count, seed0, tuple(repeat)
        self.whole = whole
        self.also = [Path(path) for path in ([also] if isinstance(also, str) else also)]

    @property
    def path(self) -> Path:
        return self.file

    @cached_property
    def files(self) -> list[LabelledSet]:
        """The structures of the file and of those that join it, without those of other cells."""
        return [self._fitting(self._read(path), path) for path in (self.path, *self.also)]

    @cached_property
    def labels(self) -> LabelledSet:
        return concatenate(self.files, [self.path, *self.also])

    def read(self) -> tuple[StructureDataset, dict[str, np.ndarray]]:
        dataset, splits = super().read()
        own = len(self.files[0])  # the others are trained on, no more
        return dataset, {k: v if k == "train" else v[v < own] for k, v in splits.items()}

    def generate(self) -> None:
        require_writable(self.path, "data.path")
        seed0 = self.seed0
        if seed0 is None:
            seed0 = int(read(self.path).seed.min()) if self.path.exists() else 0
        labelling.generate(
            self.path,
            self.wanted,
            self.count,
            cache=self.cache / "dft",
            recipe=self.recipe,
            seed0=seed0,
            repeat=self.repeat,
            workers=os.cpu_count() or 1,
        )

    def _read(self, path: Path) -> LabelledSet:
        name = resolve(self.wanted).name
        if not path.exists():
            raise InputError(
                f"There is no file {path.absolute()}. Labels are no part of the installed "
                f"package: clone the repository ({REPOSITORY}) and start in its folder, or give "
                f"data.path=…/data/{path.parent.name}/{path.name}; or label structures: `ednn "
                f"generate data=dft data.theory={name} data.recipe={self.recipe} data.path={path}`."
            )
        labels = read(path)
        if labels.attributes["theory"] != name:
            raise InputError(
                f"{path} holds {labels.attributes['theory']} labels, not those of {name}; "
                f"give data.theory={labels.attributes['theory']} or another data.path."
            )
        return labels

    def _fitting(self, labels: LabelledSet, path: Path) -> LabelledSet:
        """Leave out structures whose cell is no whole multiple of the cell of the pixels."""
        if not self.whole:
            return labels
        cell, dims = cell_of_pixels(self.wanted_cell, labels.cell[0], path), labels.cell.shape[-1]
        whole = (labels.cell / cell).round().clip(np.eye(dims))  # (N, D, D)
        near = abs(labels.cell - whole * cell) <= CELL_TOLERANCE * cell * whole
        rows = np.flatnonzero(near.all((1, 2)))
        if len(rows) < len(labels):
            self.notes.append(
                f"{path}: {len(labels) - len(rows)} of {len(labels)} structures are left out; "
                f"their cells are no whole multiples of {cell.tolist()} Å (data.whole)."
            )
        return part(labels, rows)
