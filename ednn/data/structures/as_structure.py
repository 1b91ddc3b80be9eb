"""A frame of ASE's as a structure: along the two axes of a plane, or the three of space."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError
from ednn.data.hdf5_file import require_finite
from ednn.physics.structure import Structure, in_cell

if TYPE_CHECKING:
    from ase import Atoms

Vectors = NDArray[np.float64]

FLAT = 0.1  # Å; how far atoms may be from one plane
EDGE = 1e-3  # Å; what is rounding: of atoms outside the cell, which are wrapped, and of its corners


def is_flat(frame: "Atoms") -> bool:
    """Tell whether a frame may be a structure in the plane of x and y.

    Example:
        >>> from ase.build import bulk, graphene
        >>> is_flat(graphene()), is_flat(bulk("Cu"))
        (True, False)
    """
    flat, upright = _directions(frame)
    thickness = thickness_of(frame.positions[:, 2], _period(frame, upright)) if len(frame) else 0
    # not of a height that is no number, which has a sentence of its own
    return bool(flat.sum() <= 2 and upright.sum() <= 1 and not thickness > 2 * FLAT)


def as_structure(
    number: int, frame: "Atoms", path: Path, dims: int, edge: float = EDGE
) -> Structure:
    """Take a frame as a structure along two axes or three.

    Args:
        number: of the frame in its file.
        frame: as ASE has it.
        path: of the file.
        dims: 2 for the plane of x and y, 3 for space.
        edge: by how many Å the corners of a rectangle may be off, which is then made one.

    Raises:
        InputError: it is none.

    Example:
        >>> from ase.build import bulk
        >>> as_structure(0, bulk("Cu", cubic=True), Path("own.extxyz"), dims=3).is_rectangular
        True
    """
    take = flat_structure if dims == 2 else spatial_structure
    return take(number, frame, path, edge)


def flat_structure(number: int, frame: "Atoms", path: Path, edge: float = EDGE) -> Structure:
    """Take a frame as a structure in the plane of x and y, in any cell.

    Raises:
        InputError: the atoms don't lie in such a plane or are of no element, or the lattice vectors
            don't.

    Example:
        >>> from ase import Atoms
        >>> frame = Atoms("C2", [[1, 1, 5], [2.4, 1, 5]], cell=[9, 8, 10], pbc=True)
        >>> flat_structure(0, frame, Path("own.extxyz")).positions.tolist()
        [[1.0, 1.0], [2.4, 1.0]]
    """
    where = f"{path}: structure {number}"
    _require_atoms(frame, where)
    given = frame.cell.array[frame.cell.lengths() > 0]
    if not len(given) or given[:, 2].any():  # no sheet with no height
        _require_vectors(frame, where)
    flat, upright = _directions(frame)
    if flat.sum() > 2 or upright.sum() > 1:
        raise InputError(
            f"{where} has the cell {frame.cell.array.round(4).tolist()} Å; expected two lattice "
            f"vectors in the plane of x and y, and the third out of it{turn_hint(frame)}."
        )
    height = frame.positions[:, 2]
    require_finite(height, f"{where}: z", row="atom")
    thickness = thickness_of(height, _period(frame, upright))
    if thickness > 2 * FLAT:
        raise InputError(
            f"{where} is {thickness:.3g} Å thick, but a two-dimensional field doesn't show z: "
            f"expected atoms within {FLAT} Å of a plane parallel to x and y{turn_hint(frame)}."
        )
    cell = np.zeros((2, 2))
    cell[: flat.sum()] = frame.cell.array[flat, :2]
    _require_independent(cell, where, "which lie in one line; expected two that span the plane")
    return _in_cell(frame.numbers, frame.positions[:, :2], cell, where, edge)


def spatial_structure(number: int, frame: "Atoms", path: Path, edge: float = EDGE) -> Structure:
    """Take a frame as a structure in space, in any cell: a crystal, a slab, a wire or a cluster.

    Raises:
        InputError: atoms are of no element, or the lattice vectors don't fit.

    Example:
        >>> from ase.build import bulk
        >>> spatial_structure(0, bulk("Cu", a=3.6), Path("own.extxyz")).cell.tolist()
        [[0.0, 1.8, 1.8], [1.8, 0.0, 1.8], [1.8, 1.8, 0.0]]
    """
    where = f"{path}: structure {number}"
    _require_atoms(frame, where)
    _require_vectors(frame, where)
    cell = frame.cell.array * frame.pbc[:, None]
    _require_independent(cell, where, "which don't span space; expected three that do")
    return _in_cell(frame.numbers, frame.positions, cell, where, edge)


def _require_atoms(frame: "Atoms", where: str) -> None:
    if not len(frame):
        raise InputError(f"{where} has no atoms; remove it.")


def _require_vectors(frame: "Atoms", where: str) -> None:
    """Raise InputError if there is no lattice vector along a periodic direction."""
    missing = np.flatnonzero(frame.pbc & (frame.cell.lengths() == 0))
    if len(missing):
        raise InputError(
            f"{where} has no cell along the periodic direction {missing[0]}; give its cell in the "
            f'file (in extxyz: Lattice="12.5 0 0 0 12.99 0 0 0 15" pbc="T T F").'
        )


def _require_independent(cell: Vectors, where: str, fault: str) -> None:
    """Raise InputError if some lattice vectors, (D, D), depend on the others."""
    rows = cell[cell.any(1)]
    if len(rows) > 1 and np.sqrt(max(0, np.linalg.det(rows @ rows.T))) < EDGE:
        raise InputError(f"{where} has the lattice vectors {rows.round(4).tolist()} Å, {fault}.")


def _directions(frame: "Atoms") -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which lattice vectors lie in the plane of x and y, (3,), and which out of it."""
    repeats = frame.pbc & (frame.cell.lengths() > 0)
    flat = repeats & (abs(frame.cell.array[:, 2]) <= EDGE)
    return flat, repeats & ~flat


def _period(frame: "Atoms", upright: NDArray[np.bool_]) -> float:
    """Return the period along z in Å; 0 is none."""
    return float(abs(frame.cell.array[upright, 2]).sum())


def turn_hint(frame: "Atoms") -> str:
    """Say how to turn a frame that lies in the plane of x and z, or y and z; else nothing.

    Example:
        >>> from ase.build import graphene_nanoribbon
        >>> turn_hint(graphene_nanoribbon(2, 2))
        "; turn it by atoms.rotate(90, 'x', rotate_cell=True)"
    """
    thin = np.ptp(frame.positions, axis=0) <= 2 * FLAT  # (3,)
    for normal, axis in ((0, "y"), (1, "x")):
        if thin[normal] and not thin[2]:
            return f"; turn it by atoms.rotate(90, '{axis}', rotate_cell=True)"
    return ""


def thickness_of(height: Vectors, period: float) -> float:
    """Return how far atoms spread along z in Å.

    Args:
        height: z of all atoms, (N,) in Å.
        period: along z in Å; 0 is none.

    Example:
        >>> round(thickness_of(np.array([0.1, 14.9]), period=15.0), 6)
        0.2
    """
    if not period:
        return float(np.ptp(height))
    inside = np.sort(height % period)
    gaps = np.diff(inside, append=inside[0] + period)
    return float(period - gaps.max())


def _in_cell(
    numbers: NDArray[np.int64], positions: Vectors, cell: Vectors, where: str, edge: float
) -> Structure:
    """Return a structure with its atoms inside of its cell; raises InputError if it is none."""
    structure = in_cell(Structure(numbers.astype(np.int64), positions, cell), edge)
    structure.require_elements(where)
    return structure
