"""Energies per atom in place of totals are warned of, where sizes tell them apart."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from ednn.data.structures.file import LabelledSet, join, split
from ednn.data.structures.totals import warn_of_energies_per_atom
from tests.data.structures.sheets import some


def of_two_sizes() -> LabelledSet:
    """Shipped structures of about 60 atoms, and half of the atoms of others."""
    whole = split(some(range(60)))
    for seed, record in whole.items():
        if seed >= 40:
            half = len(record["numbers"]) // 2
            for name in ("numbers", "positions", "forces"):
                record[name] = record[name][:half]
            record["energy"] /= 2
    return join(whole, {"theory": "gfn1"})


def test_energies_per_atom_are_warned_of() -> None:
    totals = of_two_sizes()
    per_atom = replace(totals, energy=totals.energy / np.diff(totals.offsets))
    with pytest.warns(UserWarning, match=r"own\.h5: the energies don't grow .* multiply by"):
        warn_of_energies_per_atom(per_atom, "own.h5")


def test_totals_and_sets_of_one_size_are_not() -> None:
    of_one_size = some(range(40))
    per_atom = replace(of_one_size, energy=of_one_size.energy / np.diff(of_one_size.offsets))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for labels in (of_two_sizes(), of_one_size, per_atom):
            warn_of_energies_per_atom(labels, "own.h5")


def test_totals_of_few_structures_are_not() -> None:
    records = split(of_two_sizes())
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for count in [2, 3] * 300:
            chosen = rng.choice([*records], size=count, replace=False)
            few = {seed: records[seed] for seed in chosen}
            warn_of_energies_per_atom(join(few, {"theory": "gfn1"}), "own.h5")
