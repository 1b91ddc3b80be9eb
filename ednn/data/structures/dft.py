"""Sheets of graphene, hBN and both, labelled by a quantum-mechanical theory."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError
from ednn.core.files import require_writable
from ednn.core.renderer import CELL_TOLERANCE
from ednn.data.module import require_whole
from ednn.data.structures import labelling
from ednn.data.structures.file import LabelledSet, concatenate, part, read
from ednn.data.structures.module import StructureData
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
        repeat: how many blocks of 60 sites a structure has along x and y.
        cell: sides in Å that `grid` pixels lie along; structures whose cell is no whole multiple of
            it, to 0.1 %, are left out. None for that of the first structure, and all are kept.
        also: more files, whose training shares join the training.

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
        cell: Sequence[float] | None = None,
        also: str | Sequence[str] = (),
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        if len(repeat) != 2 or min(repeat) < 1:
            raise InputError(
                f"data.repeat={[*repeat]} is not possible; give two whole numbers of at least 1, "
                f"such as [2,1]."
            )
        require_whole(count=count, seed0=seed0 or 0)
        recipe_of(recipe)
        self.wanted, self.recipe = theory, recipe
        name = resolve(theory).name + ("" if recipe == "plain" else f"_{recipe}")
        self.file = Path(path or f"data/dft/{name}.h5")
        self.count, self.seed0, self.repeat = count, seed0, (repeat[0], repeat[1])
        if cell is not None and (len(cell) != 2 or min(cell) <= 0):
            raise InputError(
                f"data.cell={[*cell]} is not possible; give two sides above 0 Å, such as "
                f"[12.5,13], or null for the cell of the first structure."
            )
        self.wanted_cell = cell
        self.also = [Path(path) for path in ([also] if isinstance(also, str) else also)]

    @property
    def path(self) -> Path:
        return self.file

    @property
    def cell(self) -> NDArray[np.float64]:
        return super().cell if self.wanted_cell is None else np.array(self.wanted_cell)

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
                f"There is no file {path.absolute()}. The labels of data/dft are no part of "
                f"the installed package: clone the repository ({REPOSITORY}) and start in its "
                f"folder, or give data.path=…/data/dft/{path.name}; or label structures: "
                f"`ednn generate data=dft data.theory={name} data.path={path}`."
            )
        labels = read(path)
        if labels.attributes["theory"] != name:
            raise InputError(
                f"{path} holds {labels.attributes['theory']} labels, not those of {name}; "
                f"give data.theory={labels.attributes['theory']} or another data.path."
            )
        return labels

    def _fitting(self, labels: LabelledSet, path: Path) -> LabelledSet:
        """Leave out structures whose cell is no whole multiple of the cell wanted, if one is."""
        if self.wanted_cell is None:
            return labels
        whole = (labels.cell / self.cell).round().clip(np.eye(2))  # (N, 2, 2)
        near = abs(labels.cell - whole * self.cell) <= CELL_TOLERANCE * self.cell * whole
        rows = np.flatnonzero(near.all((1, 2)))
        if len(rows) < len(labels):
            self.notes.append(
                f"{path}: {len(labels) - len(rows)} of {len(labels)} structures are left out; "
                f"their cells are no whole multiples of data.cell={[*self.wanted_cell]} Å."
            )
        return part(labels, rows)
