"""What a small periodic cell costs: energies of perfect crystals in cells of 60 to 540 sites.

The labels know the Γ point of their cell only, so the energy per atom of a perfect crystal changes
with the size of the cell, which no local model can follow: the floor of a test on larger cells.

Run as `python -m benchmarks.crystals`; it adds what is missing to data/dft/crystals.csv and prints
the table of data/README.md. With OpenBLAS (data/README.md) all of it takes five minutes;
tblite's own BLAS is several times slower. A theory whose engine is not installed is left out.
"""

import dataclasses
from itertools import product

import numpy as np
import pandas as pd
from tqdm import tqdm

from ednn.core.errors import InputError
from ednn.core.files import atomic
from ednn.data.structures.crystals import CRYSTALS, ENERGIES, KEY, finite_size
from ednn.physics.labels import THEORIES, Theory, label
from ednn.physics.sheets import BLOCK, Repeat, crystal
from ednn.physics.structure import Structure

SIZES: dict[int, Repeat] = {60: (1, 1), 120: (2, 1), 240: (2, 2), 540: (3, 3)}


def enlarged(theory: Theory, kind: str, sites: int) -> tuple[Structure, Theory]:
    """Return a perfect crystal of `sites` atoms and the theory that labels it.

    For GPAW it is a cell of four atoms with one k-point for each of its copies: by band folding
    exactly the energy per atom of all copies at the Γ point, in seconds instead of hours.
    """
    repeat = SIZES[sites]
    if theory.name != "pbe":
        return crystal(repeat, CRYSTALS[kind]), theory
    block = crystal(boron_first=CRYSTALS[kind])
    cell = Structure(block.numbers[:4], block.positions[:4], block.cell / BLOCK)
    points = {"size": (*np.multiply(repeat, BLOCK).tolist(), 1), "gamma": True}
    return cell, dataclasses.replace(theory, arguments={**theory.arguments, "kpts": points})


def main() -> None:
    known = pd.read_csv(ENERGIES, index_col=KEY) if ENERGIES.exists() else pd.DataFrame()
    for key in tqdm(list(product(THEORIES, CRYSTALS, SIZES)), desc=str(ENERGIES)):
        if key in known.index:
            continue
        name, kind, sites = key
        structure, theory = enlarged(THEORIES[name], kind, sites)
        try:
            energy = label(structure, theory).energy / len(structure.numbers)
        except InputError as error:  # the engine is not installed
            print(error)
            continue
        row = pd.DataFrame([[*key, energy]], columns=[*KEY, "energy_per_atom"]).set_index(KEY)
        known = pd.concat([known, row]).sort_index()
        with atomic(ENERGIES) as path:
            known.to_csv(path)
    print("| meV/atom |", " | ".join(THEORIES), "|\n|" + " --- |" * (1 + len(THEORIES)))
    for kind, sites in product(CRYSTALS, list(SIZES)[1:]):
        floors = [f"{finite_size(theory, kind, sites):+.2f}" for theory in THEORIES]
        print(f"| {kind}, 60 → {sites} atoms |", " | ".join(floors), "|")


if __name__ == "__main__":
    main()
