"""The nearest neighbours of atoms, which tell positions in Å from other values."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ednn.core.errors import InputError
from ednn.physics.structure import Structure

FAR = 5.0  # Å; no bond is as long
LEAST = 0.5  # Å; no two nuclei come as near
SOME = 100_000  # atoms, evenly spaced in their order, whose bonds tell those of all
FACTOR = 1.3  # by which a structure's distances may leave the range of those that a model has seen
# What to do with structures that a model doesn't know; the second where `extrapolate` is a setting.
TRAIN = "train on such structures"
ANYWAY = f"{TRAIN}, or give extrapolate=true to take them all the same"


def nearest_distances(
    structure: Structure, name: str, numbers: Callable[[int], int] = int
) -> NDArray[np.float64]:
    """Return each atom's distance to its nearest neighbour, (N,) in Å, images included.

    Args:
        structure: in any cell.
        name: what the sentence calls the structure.
        numbers: by which the sentence calls an atom; those in the structure, if it is whole.

    Raises:
        InputError: two atoms are nearer than any two nuclei come.

    Example:
        >>> two = Structure(np.array([6, 6]), np.array([[0.1, 1.0], [8.9, 1.0]]), np.eye(2) * 9)
        >>> nearest_distances(two, "mine")
        Traceback (most recent call last):
        ednn.core.errors.InputError: mine: atoms 0 and 1 are 0.2 Å apart; expected at least 0.5 ...
    """
    positions = structure.positions
    distances, atoms = _nearest(structure)
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
            f"{name}: atoms {_both(numbers, atom, other)} are {distances[atom]:.3g} Å apart; "
            f"expected at least {LEAST} Å: {fractional}."
        )
    return distances


def require_apart(positions: NDArray[np.float64], numbers: Callable[[int], int], name: str) -> None:
    """Make sure that no two atoms are nearer than any two nuclei come.

    Args:
        positions: (N, D) in Å, images among them.
        numbers: of the atom at each position, by which the sentence calls it.
        name: what the sentence calls the structure.

    Raises:
        InputError: two atoms are.

    Example:
        >>> require_apart(np.array([[0.0, 0.0], [0.1, 0.0]]), lambda i: 7 + i, "mine")
        Traceback (most recent call last):
        ednn.core.errors.InputError: mine: atoms 7 and 8 are 0.1 Å apart; expected at least 0.5 ...
    """
    pairs = cKDTree(positions).query_pairs(LEAST, output_type="ndarray")
    if len(pairs):
        one, other = pairs[0].tolist()
        distance = np.linalg.norm(positions[one] - positions[other])
        raise InputError(
            f"{name}: atoms {_both(numbers, one, other)} are {distance:.3g} Å apart; "
            f"expected at least {LEAST} Å: give positions in Å, and each atom once."
        )


def _both(numbers: Callable[[int], int], *atoms: int) -> str:
    return " and ".join(str(number) for number in sorted(map(numbers, atoms)))


def bonds(structure: Structure, count: int = 3) -> NDArray[np.float64]:
    """Return the vectors in Å from each atom to its nearest neighbours, (n, D), images included.

    Of more than 100,000 atoms, those of as many are returned.

    Args:
        structure: in any cell.
        count: neighbours of an atom, fewer where they are more than `FAR` away.

    Example:
        >>> two = Structure(np.array([6, 6]), np.array([[0.1, 1.0], [8.7, 1.0]]), np.eye(2) * 9)
        >>> bonds(two).round(1).tolist()
        [[-0.4, 0.0], [0.4, 0.0]]
    """
    positions, every = structure.positions, -(-len(structure.numbers) // SOME)
    if structure.is_rectangular and structure.sides.min() > 2 * FAR:
        sides = structure.sides
        near = positions % sides % sides
        tree, some = cKDTree(near, boxsize=sides), near[::every]
    else:
        sides = None
        near, _ = _with_images(structure)
        tree, some = cKDTree(near), positions[::every]
    distances, index = tree.query(some, k=count + 1, distance_upper_bound=FAR)
    known = (distances < FAR) & (distances > 0)  # the first is the atom itself
    vectors = near[index[known]] - some[np.nonzero(known)[0]]
    return vectors if sides is None else vectors - sides * np.round(vectors / sides)


def _nearest(structure: Structure) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return each atom's distance to its nearest neighbour, and that neighbour, (N,) each.

    In a cell that is not rectangular, `FAR` stands for every larger distance.
    """
    positions, own = structure.positions, np.arange(len(structure.numbers))
    if not structure.is_rectangular:
        near, images = _with_images(structure)
        found, index = cKDTree(near).query(positions, k=2, distance_upper_bound=FAR)
        known = found[:, 1] < FAR
        return np.where(known, found[:, 1], FAR), np.where(
            known, images[index[:, 1] % len(near)], own
        )
    sides = structure.sides
    tree = cKDTree(positions % sides % sides, boxsize=sides)  # twice: -1e-20 % side is side
    distances, atoms = (found[:, 1] for found in tree.query(positions, k=2))
    image = sides.min()  # the way to an atom's own image, which the tree leaves out
    return np.minimum(distances, image), np.where(distances < image, atoms, own)


def _with_images(structure: Structure) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return positions of the atoms and of images up to `FAR` away, and whose each is."""
    cell, positions = structure.cell, structure.positions
    inverse = np.linalg.pinv(cell)
    reach = FAR * np.linalg.norm(inverse, axis=0)  # in lattice vectors; 0 where nothing repeats
    fractional = positions @ inverse
    low, high = fractional.min(0) - reach, fractional.max(0) + reach
    most = np.where(cell.any(1), np.floor(high - fractional.min(0)), 0).astype(int)
    near, images = [positions], [np.arange(len(positions))]
    for numbers in product(*(range(-n, n + 1) for n in most)):
        inside = ((fractional + numbers >= low) & (fractional + numbers <= high)).all(1)
        if any(numbers):
            near.append((positions + numbers @ cell)[inside])
            images.append(np.flatnonzero(inside))
    return np.concatenate(near), np.concatenate(images)


def span(distances: Iterable[NDArray[np.float64]]) -> tuple[float, float]:
    """Return the smallest and the largest of the distances of several structures.

    Example:
        >>> span([np.array([1.4, 1.5]), np.array([1.3])])
        (1.3, 1.5)
    """
    ends = np.array([(own.min(), own.max()) for own in distances])
    return float(ends[:, 0].min()), float(ends[:, 1].max())


def require_seen(
    distances: NDArray[np.float64],
    seen: tuple[float, float] | None,
    name: str,
    cure: str = TRAIN,
) -> None:
    """Refuse a structure whose atoms are much nearer or farther than those a model has seen.

    Args:
        distances: of each atom to its nearest neighbour, (N,) in Å.
        seen: the smallest and the largest in the training data; None if they are not known.
        name: what the sentence calls the structure.
        cure: what to do if the structure is as it should be.

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
            f"{cure}."
        )


def require_all_seen(
    distances: Sequence[NDArray[np.float64]],
    seen: tuple[float, float] | None,
    path: str,
    cure: str,
) -> None:
    """Refuse the first structure of a file that `require_seen` refuses.

    Example:
        >>> require_all_seen([np.array([2.7, 2.7])], (1.2, 1.6), "a.xyz", "leave ckpt_path out")
        Traceback (most recent call last):
        ednn.core.errors.InputError: a.xyz: structure 0: the nearest neighbours are 2.7 Å apart ...
    """
    for number, own in enumerate(distances):
        require_seen(own, seen, f"{path}: structure {number}", cure)
