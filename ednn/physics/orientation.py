"""Flat structures turned into the orientation of a training, the only one that its pixels show.

Bonds of graphene, hBN and the like point along three directions, 60° apart if their signs don't
count; so an orientation is an angle modulo 60°, and a structure can be turned by at most 30°.
"""

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

from ednn.physics.neighbours import FACTOR, bonds
from ednn.physics.structure import Structure, in_cell
from ednn.physics.traits import DEGREE, Traits

PERIOD = 360 / DEGREE  # degrees
# Turns a moment of degree six of unit vectors into that of exp(6iφ): (x + iy)⁶, by powers of y.
EXPANSION = np.array([comb(DEGREE, k) * 1j**k for k in range(DEGREE + 1)])
LEAST = 0.5  # degrees, which cost 1 meV per atom; disordered sheets of a training are off by less
UPRIGHT_ALL = 4.0  # degrees, by which the bonds of any sheet of one orientation may be off
UPRIGHT = 2.0  # degrees, by which the bonds of a few displaced atoms may be off their rectangle
CLEAR = 0.5  # least order of one orientation; 1 in a crystal, 0.53 in the most disordered sheet
MIXED = 0.1  # what two orientations lack of the second moment of one (at 13° between them: 0.16)
RIGHT = 1e-3  # cosine, of angles that are right


def trained_orientation(seen: Traits | None) -> float | None:
    """Return the orientation of a training, 0 or 30 degrees.

    Traits don't tell an orientation from its mirror image, so others than these two aren't known.

    Args:
        seen: smallest and largest traits of the training.

    Returns:
        Degrees; None if there is no single such orientation, or none known, as in space.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> from ednn.physics.traits import ranges
        >>> trained_orientation(ranges([crystal()]))  # bonds along y
        30.0
    """
    if seen is None or len(seen[0]) != 1 + len(EXPANSION):
        return None
    moments = np.array(seen)[:, 1:]  # (2, 7)
    terms = EXPANSION.real * moments
    low, high = terms.min(0).sum(), terms.max(0).sum()
    for askew, most in zip(moments, (UPRIGHT, UPRIGHT_ALL), strict=True):  # of one, of all
        if abs(EXPANSION.imag) @ askew > np.sin(np.deg2rad(DEGREE * most)):
            return None
    return 0.0 if low > 0 else PERIOD / 2 if high < 0 else None


def orientation(structure: Structure) -> float | None:
    """Return the orientation of a flat structure's bonds in degrees, modulo 60°.

    That is the phase of the bond-orientational order ψ6 = ⟨exp(6iφ)⟩. Bonds that scatter about one
    orientation have ⟨exp(12iφ)⟩ = ψ6⁴, those of two grains have less.

    Returns:
        Degrees from -30 to 30; None where there are no bonds, no order or two orientations.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> round(orientation(turned(crystal(), 17)), 6)
        -13.0
    """
    vectors = bonds(structure)
    if not len(vectors):
        return None
    lengths = np.linalg.norm(vectors, axis=1)
    vectors = vectors[lengths < FACTOR * np.median(lengths)]  # at an edge the third is no bond
    phases = np.exp(1j * DEGREE * np.arctan2(vectors[:, 1], vectors[:, 0]))
    mean = phases.mean()
    order = abs(mean)
    if order < CLEAR:
        return None
    second = ((phases * (mean.conj() / order)) ** 2).mean().real
    return None if second < order**4 - MIXED else float(np.degrees(np.angle(mean)) / DEGREE)


def degrees_to(structure: Structure, known: float) -> float | None:
    """Return by how much a flat structure has to be turned to have the orientation of a training.

    Of the turns that are equivalent for its bonds it is the one that brings a rectangular cell
    along the axes, to the last digit, else the smallest.

    Args:
        structure: in any cell.
        known: the orientation in degrees.

    Returns:
        Degrees counterclockwise, exactly 0 in place of less than half a degree; None if the
        structure has no single orientation.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> sheet = crystal()
        >>> degrees_to(sheet, 30.0), round(degrees_to(turned(sheet, 17), 30.0), 6)
        (0.0, -17.0)
    """
    own = orientation(structure)
    if own is None:
        return None
    least = wrapped(known - own, PERIOD)
    fitting = [d for d in _upright(structure.cell) if abs(wrapped(d - least, PERIOD)) < UPRIGHT]
    degrees = min(fitting, key=abs, default=least)
    return degrees if abs(degrees) >= LEAST else 0.0


def turned(structure: Structure, degrees: float, edge: float = 1e-9) -> Structure:
    """Turn a flat structure counterclockwise.

    Args:
        structure: of any dimensions if it isn't turned at all.
        degrees: by which; by 0 it is returned as it is.
        edge: as of `ednn.physics.structure.in_cell`.

    Example:
        >>> two = Structure(np.array([6, 6]), np.array([[0.0, 0.0], [1.4, 0.0]]), np.eye(2) * 9)
        >>> turned(two, 90).positions.round(6).tolist()
        [[0.0, 0.0], [0.0, 1.4]]
    """
    if not degrees:
        return structure
    positions, cell = (turned_rows(rows, degrees) for rows in (structure.positions, structure.cell))
    by = structure.turned_by + degrees
    return in_cell(Structure(structure.numbers, positions, cell, turned_by=by), edge)


def oriented(structure: Structure, known: float, edge: float) -> Structure:
    """Turn a flat structure into the orientation of a training; one without any is left as it is.

    Args:
        structure: in any cell.
        known: the orientation in degrees.
        edge: as of `ednn.physics.structure.in_cell`.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> sheet = crystal()
        >>> again = oriented(turned(sheet, 17), known=30.0, edge=1e-3)
        >>> again.sides.round(6).tolist() == sheet.sides.round(6).tolist()
        True
    """
    return turned(structure, degrees_to(structure, known) or 0.0, edge)


def turned_rows(rows: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """Turn vectors (n, D) counterclockwise, in a plane; by 0 degrees in any space.

    Example:
        >>> turned_rows(np.array([[1.0, 0.0]]), 90).round(6).tolist()
        [[0.0, 1.0]]
    """
    return rows @ rotation(degrees) if degrees else rows


def turned_tensor(tensor: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """Turn a tensor such as a stress, (D, D), as `turned_rows` turns vectors.

    Example:
        >>> np.diag(turned_tensor(np.diag([1.0, 2.0]), 90)).round(6).tolist()
        [2.0, 1.0]
    """
    return turned_rows(turned_rows(tensor, degrees).T, degrees).T


def rotation(degrees: float) -> NDArray[np.float64]:
    """Return what rows are multiplied by to be turned counterclockwise, (2, 2).

    Example:
        >>> rotation(0).tolist()
        [[1.0, 0.0], [-0.0, 1.0]]
    """
    sine, cosine = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    return np.array([[cosine, sine], [-sine, cosine]])


def note_on_turned(structures: Sequence[Structure], source: str) -> str:
    """Say how many structures were turned into the orientation of the training; empty if none.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> note_on_turned([crystal(), turned(crystal(), 30)], "own.extxyz")[:53]
        'own.extxyz: 1 of 2 structures were turned by up to 30'
    """
    angles = [abs(structure.turned_by) for structure in structures if structure.turned_by]
    if not angles:
        return ""
    return (
        f"{source}: {len(angles)} of {len(structures)} structures were turned by up to "
        f"{max(angles):.0f}° into the orientation of the training."
    )


def _upright(cell: NDArray[np.float64]) -> list[float]:
    """Return the turns in degrees that bring a rectangle along the axes; none of another cell."""
    first, second = cell
    lengths = np.linalg.norm(cell, axis=1)  # (2,)
    if not lengths.all() or abs(first @ second) > RIGHT * lengths.prod():
        return []
    found = -np.degrees(np.arctan2(first[1], first[0]))
    return [wrapped(float(found) + quarter, 360) for quarter in (0, 90, 180, 270)]


def wrapped(degrees: float, period: float) -> float:
    """Return an angle between minus and plus half a period.

    Example:
        >>> wrapped(50.0, 60.0)
        -10.0
    """
    return degrees - period * round(degrees / period)
