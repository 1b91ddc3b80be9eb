"""Recipes of structures: what makes a structure from a seed, and what it depends on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ednn.core.errors import InputError
from ednn.physics import alloys, sheets, sheets_in_cells, varied_sheets
from ednn.physics.structure import Structure


@dataclass(frozen=True)
class Recipe:
    """A generator of structures, and the constants that its structures depend on.

    Attributes:
        generator: the generator's dotted path, as stored in files.
        make: returns the structure of a seed and of numbers of blocks along each axis.
        constants: by name.
        dims: number of axes of the structures.

    Example:
        >>> make = RECIPES["plain"].make
        >>> Recipe("my.sheets", make, {"max_sigma": 0.1}).provenance((2, 1))
        {'generator': 'my.sheets', 'repeat': (2, 1), 'max_sigma': 0.1}
    """

    generator: str
    make: Callable[[int, sheets.Repeat], Structure]
    constants: Mapping[str, Any]
    dims: int = 2

    def provenance(self, repeat: sheets.Repeat) -> dict[str, Any]:
        """Return what must be equal for structures to be of one set, as plain values."""
        return {"generator": self.generator, "repeat": repeat, **self.constants}


ALLOYS = {
    "lattice": [alloys.LATTICE[alloys.COPPER], alloys.LATTICE[alloys.GOLD]],
    "boxes": alloys.BOXES,
    "vacuum": alloys.VACUUM,
    "radius": alloys.RADIUS,
    "kinds": list(alloys.KINDS),
    "pure": alloys.PURE_CHANCE,
    "antisites": alloys.MAX_ANTISITES,
    "vacancies": alloys.VACANCY_CHANCES,
    "sigma": alloys.MAX_SIGMA,
    "hot": alloys.HOT_CHANCE,
    "temperatures": alloys.TEMPERATURES,
    "dynamics": [alloys.STEPS, alloys.STEP, alloys.FRICTION],
    "resolution": sheets.RESOLUTION,
}

RECIPES = {
    "plain": Recipe(
        "ednn.physics.sheets.sheet",
        sheets.sheet,
        {
            "block": sheets.BLOCK,
            "lattice": sheets.LATTICE,
            "max_sigma": sheets.MAX_SIGMA,
            "max_vacancies": sheets.MAX_VACANCIES,
            "resolution": sheets.RESOLUTION,
        },
    ),
    "varied": Recipe(
        "ednn.physics.varied_sheets.varied_sheet",
        varied_sheets.varied_sheet,
        {
            "block": sheets.BLOCK,
            "lattice": sheets.LATTICE,
            "kinds": list(varied_sheets.KINDS),
            "vacancies": varied_sheets.VACANCY_CHANCES,
            "sigma": varied_sheets.MAX_SIGMAS,
            "larger_sigma": varied_sheets.LARGER_SIGMA_CHANCE,
            "strain": varied_sheets.MAX_STRAIN,
            "strained": [varied_sheets.CELL_STRAIN_CHANCE, varied_sheets.WAVE_STRAIN_CHANCE],
            "islands": varied_sheets.MAX_ISLANDS,
            "island_radius": varied_sheets.ISLAND_RADIUS,
            "substitutions": varied_sheets.MAX_SUBSTITUTIONS,
            "stripes": varied_sheets.MAX_STRIPES,
            "resolution": sheets.RESOLUTION,
        },
    ),
    "alloy": Recipe(
        "ednn.physics.alloys.alloy",
        alloys.alloy,
        {"tile": alloys.TILE, "dilation": alloys.MAX_DILATION, **ALLOYS},
        dims=3,
    ),
    "sheared_alloy": Recipe(
        "ednn.physics.alloys.sheared_alloy",
        alloys.sheared_alloy,
        {"strain": alloys.MAX_STRAIN, **ALLOYS},
        dims=3,
    ),
    "cells": Recipe(
        "ednn.physics.sheets_in_cells.sheet_in_cell",
        sheets_in_cells.sheet_in_cell,
        {
            "lattice": sheets.LATTICE,
            "max_sigma": sheets.MAX_SIGMA,
            "vacancies": varied_sheets.VACANCY_CHANCES,
            "side": sheets_in_cells.SIDE,
            "strain": sheets_in_cells.STRAIN,
            "resolution": sheets.RESOLUTION,
        },
    ),
}


def recipe_of(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises:
        InputError: an unknown name.

    Example:
        >>> recipe_of("plain").generator
        'ednn.physics.sheets.sheet'
    """
    if name not in RECIPES:
        raise InputError(f"data.recipe={name} is unknown; use one of {', '.join(RECIPES)}.")
    return RECIPES[name]
