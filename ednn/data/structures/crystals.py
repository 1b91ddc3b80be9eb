"""Energies of perfect crystals, and how far they move with the size of the periodic cell."""

from pathlib import Path

import pandas as pd

from ednn.core.errors import InputError

CRYSTALS = {"graphene": None, "hBN": True}  # polarity, as `ednn.physics.sheets.crystal` takes it
ENERGIES = Path("data/dft/crystals.csv")  # eV per atom, by `python -m benchmarks.crystals`
KEY = ["theory", "crystal", "sites"]


def finite_size(theory: str, kind: str, sites: int) -> float:
    """Return the change of a crystal's energy from cells of 60 sites to larger ones, in meV/atom.

    Raises:
        InputError: the file doesn't have it.

    Example:
        >>> finite_size("gfn1", "hBN", 60)
        0.0
    """
    energies = pd.read_csv(ENERGIES, index_col=KEY)["energy_per_atom"]
    try:
        return 1000 * float(energies[theory, kind, sites] - energies[theory, kind, 60])
    except KeyError as error:
        raise InputError(
            f"{ENERGIES} has no energy of {theory} for {kind} with {sites} sites; run "
            "`python -m benchmarks.crystals`, which has the sizes that it knows."
        ) from error
