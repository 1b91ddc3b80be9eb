"""The files in data/dft and data/alloys are what this code makes."""

import importlib.util
import json
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ednn.data.structures.file import read
from ednn.physics.labels import Theory, label, resolve
from ednn.physics.recipes import RECIPES, Recipe
from ednn.physics.sheets import Repeat

REPOSITORY = Path(__file__).parents[3]
SHIPPED = sorted([*REPOSITORY.glob("data/dft/*.h5"), *REPOSITORY.glob("data/alloys/*.h5")])
SECONDS = {"gfn1": 0.4, "pbe": 60.0, "emt": 0.02}  # for a label of one block on one core
METAL = 8  # times as long, in space
MADE = {2: 100, 3: 20}  # structures that are made again, of as many axes
TOLERANCE = {"gfn1": 1e-6, "pbe": 1e-3, "emt": 1e-9}  # eV


def name(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def attributes(path: Path) -> dict[str, Any]:
    with h5py.File(path, locking=False) as file:
        return dict(file.attrs)


def repeat(path: Path) -> Repeat:
    return tuple(json.loads(attributes(path)["structures"])["repeat"])


def recipe(path: Path) -> Recipe:
    generator = json.loads(attributes(path)["structures"])["generator"]
    return next(known for known in RECIPES.values() if known.generator == generator)


def seconds(path: Path) -> float:
    """What one label of this file costs, about."""
    blocks = repeat(path)
    metal = METAL if len(blocks) == 3 else 1
    return SECONDS[attributes(path)["theory"]] * prod(blocks) ** 2.7 * metal


def marks(path: Path) -> list[pytest.MarkDecorator]:
    if seconds(path) > 100:
        return [pytest.mark.skip(reason=f"a label of {path.name} takes minutes")]
    if seconds(path) > 10:
        return [pytest.mark.long]
    return [pytest.mark.slow] if seconds(path) > 1 else []


def skip_without_engine(theory: Theory) -> None:
    if importlib.util.find_spec(theory.calculator.partition(".")[0]) is None:
        pytest.skip(f"{theory.name} is not installed: {theory.install}")


def some(count: int, total: int) -> np.ndarray:
    return np.random.default_rng(0).choice(total, min(count, total), replace=False)


@pytest.mark.parametrize("path", SHIPPED, ids=name)
def test_the_structures_are_those_of_their_seeds(path: Path) -> None:
    labels = read(path)

    assert (np.diff(labels.seed) > 0).all()
    assert not set(labels.seed) & set(labels.failed)
    assert np.isfinite(labels.energy).all()
    assert np.isfinite(labels.forces).all()
    maker = recipe(path)
    for i in some(MADE[labels.cell.shape[-1]], len(labels)):
        shipped, made = labels.structure(i), maker.make(int(labels.seed[i]), repeat(path))
        np.testing.assert_array_equal(shipped.positions, made.positions)
        np.testing.assert_array_equal(shipped.numbers, made.numbers)
        np.testing.assert_array_equal(shipped.cell, made.cell)


@pytest.mark.parametrize("path", SHIPPED, ids=name)
def test_new_labels_mix_with_those_of_the_file(path: Path) -> None:
    known = attributes(path)
    theory = resolve(known["theory"])
    pins = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pinned = dict(pin.split("==") for pin in pins)

    assert json.loads(known["versions"]) == {name: pinned[name] for name in theory.packages}
    skip_without_engine(theory)
    assert theory.provenance().items() <= known.items()


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=name(path), marks=marks(path)) for path in SHIPPED]
)
def test_the_labels_come_out_again(path: Path) -> None:
    labels = read(path)
    theory = resolve(labels.attributes["theory"])
    skip_without_engine(theory)
    for i in some(3 if seconds(path) < 1 else 1, len(labels)):
        again = label(labels.structure(i), theory)
        assert again.energy == pytest.approx(labels.energy[i], abs=TOLERANCE[theory.name])
        np.testing.assert_allclose(again.forces, labels.forces[labels.atoms(i)], atol=1e-2)
        if len(labels.stress):
            assert again.stress is not None
            np.testing.assert_allclose(again.stress, labels.stress[i], atol=1e-4)
