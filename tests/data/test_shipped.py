"""The files in data/dft are what this code makes."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from ednn.data.labelled import read
from ednn.physics.labels import label, resolve
from ednn.physics.sheets import sheet

SHIPPED = sorted(Path(__file__).parents[2].glob("data/dft/*.h5"))


def some(count, total):
    return np.random.default_rng(0).choice(total, min(count, total), replace=False)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_structures_are_those_of_their_seeds(path):
    labels = read(path)
    repeat = tuple(json.loads(labels.attributes["structures"])["repeat"])

    assert (np.diff(labels.seed) > 0).all()
    assert not set(labels.seed) & set(labels.failed)
    assert np.isfinite(labels.energy).all()
    assert np.isfinite(labels.forces).all()
    for i in some(100, len(labels)):
        shipped, made = labels.structure(i), sheet(int(labels.seed[i]), repeat)
        np.testing.assert_array_equal(shipped.positions, made.positions)
        np.testing.assert_array_equal(shipped.numbers, made.numbers)
        np.testing.assert_array_equal(shipped.cell, made.cell)


@pytest.mark.parametrize(
    ("path", "tolerance"),
    [
        pytest.param(
            path,
            1e-6 if path.stem.startswith("gfn1") else 1e-3,  # PBE: to its convergence
            id=path.stem,
            marks=[pytest.mark.slow] if path.stem != "gfn1" else [],
        )
        for path in SHIPPED
    ],
)
def test_the_labels_come_out_again(path, tolerance):
    labels = read(path)
    theory = resolve(labels.attributes["theory"])
    engine = theory.calculator.partition(".")[0]
    if importlib.util.find_spec(engine) is None:
        pytest.skip(theory.install)
    for i in some(3 if path.stem == "gfn1" else 1, len(labels)):
        again = label(labels.structure(i), theory)
        assert again.energy == pytest.approx(labels.energy[i], abs=tolerance)
        np.testing.assert_allclose(again.forces, labels.forces[labels.atoms(i)], atol=1e-2)
