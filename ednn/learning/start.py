"""The labels of a learning: the set that it starts from, and those that join it."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ednn.core.errors import InputError
from ednn.data.structures.dft import DFTData
from ednn.data.structures.file import LabelledSet, part, read, write
from ednn.data.structures.labelling import Make, fill, of_recipe
from ednn.data.structures.module import digest
from ednn.physics.recipes import recipe_of
from ednn.physics.structure import Structure

LEARNED = json.dumps({"generator": "ednn.learning"})  # the line of `structures` for those that join


class Labels:
    """The file of labels of one learning, in which those of every round join the starting set.

    Args:
        path: of the file.
        data: of the theory, the recipe, and the labels to start from if there are any.

    Example:
        ednn learn run=mine  # outputs/learn/mine/labels.h5
    """

    def __init__(self, path: Path, data: DFTData) -> None:
        self.path, self.data = path, data

    def start(self, count: int) -> None:
        """Write the starting set, unless it is there.

        Args:
            count: of structures: the first of the data's file or, if there is none, of the recipe.

        Raises:
            InputError: labels of the file and of the theory that is installed don't mix.
        """
        if self.path.exists():
            return
        data = self.data
        if data.path.exists():
            found = data.files[0]
            lines = found.attributes["structures"].splitlines()
            made = "\n".join([*(line for line in lines if line != LEARNED), LEARNED])
            rows = np.arange(min(count, len(found)))
            first = part(found, rows)
            write(self.path, replace(first, attributes={**first.attributes, "structures": made}))
            self._fill([], _none, made)  # which refuses what doesn't mix
            return
        recipe, seed0 = recipe_of(data.recipe), data.seed0 or 0
        made = "\n".join([json.dumps(recipe.provenance(data.repeat)), LEARNED])
        make = partial(of_recipe, data.recipe, data.repeat)
        self._fill([*range(seed0, seed0 + count)], make, made)

    def read(self) -> LabelledSet:
        """Return all labels there are."""
        return read(self.path)

    def next_seed(self) -> int:
        """Return a number above those of all structures."""
        labels = self.read()
        return int(np.concatenate([labels.seed, labels.failed]).max(initial=-1)) + 1

    def add(self, structures: Mapping[int, Structure]) -> None:
        """Label structures, by their seeds; those that are known are not labelled again."""
        labels = self.read()
        if structures.keys() - {*labels.seed.tolist(), *labels.failed.tolist()}:
            seeds, make = sorted(structures), dict(structures).__getitem__
            self._fill(seeds, make, labels.attributes["structures"])

    def require_apart(self, test: LabelledSet, path: Path) -> None:
        """Make sure that a test set has none of these structures.

        Raises:
            InputError: it has.
        """
        own, others = ({digest(s.structure(i)) for i in range(len(s))} for s in (self.read(), test))
        if common := len(own & others):
            raise InputError(
                f"learn.test={path} has {common} structures in common with the labels to learn "
                f"from; give a file of others, such as `ednn generate … data.seed0=1000000` makes."
            )

    def _fill(self, seeds: list[int], make: Make, made: str) -> None:
        fill(
            self.path,
            self.data.wanted,
            seeds,
            make,
            made,
            cache=self.data.cache / "dft",
            workers=os.cpu_count() or 1,
        )


def _none(seed: int) -> Structure:
    raise KeyError(seed)
