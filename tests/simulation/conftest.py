"""Small sheets, and the two commands as functions, as a process takes seconds."""

from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
import pytest
from ase.build import graphene
from hydra import compose

from ednn.commands.as_typed import in_grammar
from ednn.commands.groups import visible_configs
from ednn.core.errors import InputError
from ednn.physics.sheets import LATTICE, crystal
from ednn.simulation.md import md
from ednn.simulation.relax import relax

NETWORK = "ckpt_path=pretrained/graphene-hbn-gfn1"

WORKS: dict[str, Callable[[Any], None]] = {"md.py": md, "relax.py": relax}


def done(folder: Path, script: str, *words: str) -> str:
    """Do what a script does, in a folder; returns what it prints."""
    command = script.removesuffix(".py")
    with chdir(folder), redirect_stdout(StringIO()) as out, visible_configs([]) as overrides:
        WORKS[script](compose(command, [*overrides, *in_grammar(words, sweep=False)]))
    return out.getvalue()


def refused(folder: Path, *words: str) -> str:
    """Return the sentence with which a script ends."""
    with pytest.raises(InputError) as error:
        done(folder, *words)
    return str(error.value)


def hexagonal(formula: str = "BN", cells: int = 3, rattled: float = 0.03) -> ase.Atoms:
    atoms = graphene(formula, a=LATTICE, vacuum=5).repeat((cells, cells, 1))
    atoms.pbc = True
    atoms.rattle(rattled, seed=0)
    atoms.positions[:, 2] = 5
    return atoms


def rectangular() -> ase.Atoms:
    own = crystal(boron_first=True)
    positions = np.pad(own.positions, ((0, 0), (0, 1)))
    return ase.Atoms(own.numbers, positions, cell=[*own.sides, 15], pbc=True)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A folder with a file of two sheets, the second without an atom."""
    defect = hexagonal("C2", cells=3)
    del defect[4]
    ase.io.write(tmp_path / "two.extxyz", [hexagonal(), defect])
    return tmp_path


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A folder with a file of one sheet."""
    ase.io.write(tmp_path / "one.extxyz", rectangular())
    return tmp_path
