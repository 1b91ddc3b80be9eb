"""Sheets of graphene, hBN and both, labelled by a quantum-mechanical theory."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ednn.core.errors import InputError
from ednn.core.files import require_writable
from ednn.data.module import require_whole
from ednn.data.structures import labelling
from ednn.data.structures.file import LabelledSet, read
from ednn.data.structures.module import StructureData
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
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        columns, rows = repeat
        require_whole(repeat=min(columns, rows), least=1)
        require_whole(count=count, seed0=seed0 or 0)
        recipe_of(recipe)
        self.wanted, self.recipe = theory, recipe
        name = resolve(theory).name + ("" if recipe == "plain" else f"_{recipe}")
        self.file = Path(path or f"data/dft/{name}.h5")
        self.count, self.seed0, self.repeat = count, seed0, (columns, rows)

    @property
    def path(self) -> Path:
        return self.file

    @cached_property
    def labels(self) -> LabelledSet:
        name = resolve(self.wanted).name
        if not self.path.exists():
            raise InputError(
                f"There is no file {self.path.absolute()}. The labels of data/dft are no part of "
                f"the installed package: clone the repository ({REPOSITORY}) and start in its "
                f"folder, or give data.path=…/data/dft/{self.path.name}; or label structures: "
                f"`ednn generate data=dft data.theory={name} data.path={self.path}`."
            )
        labels = read(self.path)
        if labels.attributes["theory"] != name:
            raise InputError(
                f"{self.path} holds {labels.attributes['theory']} labels, not those of {name}; "
                f"give data.theory={labels.attributes['theory']} or another data.path."
            )
        return labels

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
