"""What tells structures that a network knows from others: their density, and where bonds point.

A network of pixels knows the orientations and the strains of its training alone, and its
uncertainty doesn't see that others are others.
"""

import warnings
from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from ednn.physics.neighbours import bonds
from ednn.physics.structure import Structure

DEGREE = 6  # of the moments; those of lower even degree are sums of them
# By which shares of the training's ranges a structure may be outside: of density, of a moment.
MARGINS = (0.1, 0.5)

Traits = tuple[tuple[float, ...], tuple[float, ...]]  # smallest and largest of each


def traits(structure: Structure) -> NDArray[np.float64]:
    """Return a structure's density and the directions of its bonds.

    Directions are moments of degree six of the unit vectors to the three nearest neighbours of each
    atom, without sign: mirrors along the axes leave them as they are.

    Returns:
        Atoms per Å^D, NaN where the structure doesn't repeat in all directions; 7 moments in a
        plane, 28 in space, NaN where there are no bonds.

    Example:
        >>> two = Structure(np.array([6, 6]), np.array([[0.0, 0.0], [1.4, 0.0]]), np.eye(2) * 9)
        >>> traits(two).round(3).tolist()
        [0.025, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    count, volume = len(structure.numbers), abs(np.linalg.det(structure.cell))
    vectors, dims = bonds(structure), len(structure.cell)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)  # (n, D)
    chosen = np.array([*combinations_with_replacement(range(dims), DEGREE)])  # (moments, 6)
    moments = abs(unit[:, chosen].prod(2).mean(0)) if len(unit) else np.full(len(chosen), np.nan)
    return np.append(count / volume if volume else np.nan, moments)


def ranges(structures: Iterable[Structure]) -> Traits:
    """Return the smallest and the largest of each trait of several structures.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> low, high = ranges([crystal(), crystal(boron_first=True)])
        >>> round(low[0], 4) == round(high[0], 4)
        True
    """
    found = np.array([traits(structure) for structure in structures])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # none repeats in all directions
        return tuple(np.nanmin(found, 0).tolist()), tuple(np.nanmax(found, 0).tolist())


def unlike(structure: Structure, seen: Traits, share: float = 1.0) -> str:
    """Say in what a structure is unlike those of a training; empty if in nothing.

    Args:
        structure: all its atoms, or some.
        seen: smallest and largest traits of the training.
        share: that of the atoms which are there.

    Example:
        >>> from ednn.physics.sheets import crystal, sheet
        >>> seen = ranges(sheet(seed) for seed in range(50))
        >>> own = crystal()
        >>> unlike(own, seen)
        ''
        >>> unlike(Structure(own.numbers, own.positions / 1.1, own.cell / 1.1), seen)
        'it has 0.447 atoms per Å² (of those 0.357 to 0.37)'
        >>> unlike(Structure(own.numbers, own.positions[:, ::-1], own.cell[::-1, ::-1]), seen)
        'its bonds point in other directions'
    """
    low, high = np.array(seen)  # (traits,), or of density alone
    own, slack = traits(structure)[: len(low)], MARGINS[1] * (high - low)
    own[0] /= share
    slack[0] = MARGINS[0] * (high[0] - low[0])
    outside = (own < low - slack) | (own > high + slack)  # not of NaN
    found = []
    if outside[0]:
        unit = f"Å{'²³'[len(structure.cell) - 2]}"
        empty = "; pbc=False leaves out empty space" if own[0] < low[0] else ""
        found.append(
            f"it has {own[0]:.3g} atoms per {unit} (of those {low[0]:.3g} to {high[0]:.3g}{empty})"
        )
    if outside[1:].any():
        edges = "it has edges, or " if structure.is_open else ""  # where fewer bonds meet
        found.append(f"{edges}its bonds point in other directions")
    return " and ".join(found)


def warn_of_unlike(
    structures: Sequence[Structure], seen: Traits | None, source: str, share: float = 1.0
) -> bool:
    """Warn of structures unlike those that a network knows, and tell whether there are any.

    Args:
        structures: of a file.
        seen: smallest and largest traits of the training; None if they are not known.
        source: what the sentence calls the file.
        share: that of their atoms which are there.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> warn_of_unlike([crystal()], ranges([crystal()]), "own.extxyz")
        False
    """
    found = {i: unlike(own, seen, share) for i, own in enumerate(structures)} if seen else {}
    found = {i: words for i, words in found.items() if words}
    if found:
        number, words = next(iter(found.items()))
        turned = " (turned ones: data.rotate=true)" if "directions" in words else ""
        warnings.warn(
            f"{source}: {len(found)} of {len(structures)} structures are unlike those of the "
            f"training; structure {number}: {words}. Don't rely on predictions of them: train on "
            f"such structures{turned}.",
            stacklevel=2,
        )
    return bool(found)
