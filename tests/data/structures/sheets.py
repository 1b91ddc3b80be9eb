"""A few of the shipped structures, and the settings of a small training on them."""

from functools import cache

import ase
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from ednn.data.structures.file import LabelledSet, Record, join, read, split
from tests.conftest import REPOSITORY

SHIPPED = REPOSITORY / "data" / "dft" / "gfn1.h5"
SMALL = [
    *("model=fcn", "tile.f=8", "tile.c=4"),
    *("data.grid=32", "data.gamma=0.4", "data.batch_size=20"),
]


@cache
def shipped() -> tuple[dict[int, Record], dict[str, str]]:
    """The records of all of them, by seed, and what they have in common."""
    labels = read(SHIPPED)
    return split(labels), labels.attributes


def some(seeds: range, **changes: str) -> LabelledSet:
    """A few shipped structures."""
    records, attributes = shipped()
    few = {seed: records[seed] for seed in seeds if seed in records}
    return join(few, {**attributes, **changes})


def as_frames(labels: LabelledSet) -> list[ase.Atoms]:
    frames = []
    for i in range(len(labels)):
        s = labels.structure(i)
        frame = ase.Atoms(s.numbers, np.pad(s.positions, ((0, 0), (0, 1)), constant_values=7.5),
                          cell=[*s.sides, 15.0], pbc=True, info={"theory": "gfn1"})  # fmt: skip
        forces = np.pad(labels.forces[labels.atoms(i)].astype(float), ((0, 0), (0, 1)))
        frame.calc = SinglePointCalculator(frame, energy=labels.energy[i], forces=forces)
        frames.append(frame)
    return frames
