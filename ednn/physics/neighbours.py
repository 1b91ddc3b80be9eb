"""The nearest neighbours of atoms, which tell positions in Å from other values."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ednn.core.errors import InputError
from ednn.physics.sheets import Structure

LEAST = 0.5  # Å; no two nuclei come as near
FACTOR = 1.3  # by which a structure's distances may leave the range of those that a model has seen


def nearest_distances(structure: Structure, name: str) -> NDArray[np.float64]:
    """Return each atom's distance to its nearest neighbour, (N,) in Å, images included.

    Args:
        structure: all of its atoms are inside the cell.
        name: what the sentence calls the structure.

    Raises:
        InputError: two atoms are nearer than any two nuclei come.

    Example:
        >>> two = Structure(np.array([6, 6]), np.array([[0.1, 1.0], [8.9, 1.0]]), np.full(2, 9.0))
        >>> nearest_distances(two, "mine")
        Traceback (most recent call last):
        ednn.core.errors.InputError: mine: atoms 0 and 1 are 0.2 Å apart; expected at least 0.5 ...
    """
    positions, own = structure.positions, np.arange(len(structure.numbers))
    tree = cKDTree(positions, boxsize=structure.cell)
    distances, atoms = (found[:, 1] for found in tree.query(positions, k=2))
    image = structure.cell.min()  # the way to an atom's own image, which the tree leaves out
    distances, atoms = np.minimum(distances, image), np.where(distances < image, atoms, own)
    atom = int(distances.argmin())
    if distances[atom] < LEAST:
        # of atoms in one place, the tree may give an atom itself as the second
        there = np.flatnonzero((positions == positions[atom]).all(1))
        other = int(there[there != atom][0]) if len(there) > 1 else int(atoms[atom])
        fractional = (
            "they look like fractional coordinates: multiply them by the sides of the cell"
            if positions.max() <= 1
            else "give positions in Å, and each atom once"
        )
        raise InputError(
            f"{name}: atoms {min(atom, other)} and {max(atom, other)} are "
            f"{distances[atom]:.3g} Å apart; expected at least {LEAST} Å: {fractional}."
        )
    return distances


def span(distances: Iterable[NDArray[np.float64]]) -> tuple[float, float]:
    """Return the smallest and the largest of the distances of several structures.

    Example:
        >>> span([np.array([1.4, 1.5]), np.array([1.3])])
        (1.3, 1.5)
    """
    ends = np.array([(own.min(), own.max()) for own in distances])
    return float(ends[:, 0].min()), float(ends[:, 1].max())


def require_seen(
    distances: NDArray[np.float64], seen: tuple[float, float] | None, name: str
) -> None:
    """Refuse a structure whose atoms are much nearer or farther than those a model has seen.

    Args:
        distances: of each atom to its nearest neighbour, (N,) in Å.
        seen: the smallest and the largest in the training data; None if they are not known.
        name: what the sentence calls the structure.

    Raises:
        InputError: half of the atoms or more are.

    Example:
        >>> require_seen(np.array([2.7, 2.7]), (1.2, 1.6), "mine")
        Traceback (most recent call last):
        ednn.core.errors.InputError: mine: the nearest neighbours are 2.7 Å apart in the median; ...
    """
    median = float(np.median(distances))
    if seen and not seen[0] / FACTOR <= median <= seen[1] * FACTOR:
        raise InputError(
            f"{name}: the nearest neighbours are {median:.3g} Å apart in the median; this model "
            f"was trained on {seen[0]:.3g} to {seen[1]:.3g} Å: are positions and cell in Å? If so, "
            f"train on such structures, or give extrapolate=true to take them all the same."
        )
