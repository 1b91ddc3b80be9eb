"""Files that ASE reads, as flat structures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ednn.core.errors import InputError
from ednn.data.hdf5_file import require_finite
from ednn.physics.structure import Structure

if TYPE_CHECKING:
    from ase import Atoms

FLAT = 0.1  # Å; how far atoms may be from one plane
EDGE = 1e-3  # Å; what is rounding: of atoms outside the cell, which are wrapped, and of its corners


def read_frames(path: Path) -> list[Any]:
    r"""Read all structures of a file as `ase.Atoms`.

    Raises:
        InputError: there is no such file, ASE is missing or cannot read it or not all of it, or it
            is empty.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "own.extxyz")
        ...     _ = path.write_text('1\nLattice="9 0 0 0 9 0 0 0 9"\nC 1 1 1\n')
        ...     [frame.symbols[0] for frame in read_frames(path)]
        ['C']
    """
    if not path.is_file():
        whole, at, index = str(path).rpartition("@")
        if at and Path(whole).is_file():
            raise InputError(
                f"There is no file {path}, and no choice such as @{index} of the structures of "
                f"{whole}: all are taken; write those that you want into a file of their own."
            )
        raise InputError(f"There is no file {path}; check the path.")
    try:
        frames, rest = _read(str(path)) if path.stat().st_size else ([], "")
    except ImportError as error:
        raise InputError(
            f'Reading {path} needs ASE ({error}); run `pip install "ednn[atoms]"`.'
        ) from error
    except Exception as error:  # each of ASE's formats raises what it likes
        raise InputError(
            f"ASE cannot read {path} ({type(error).__name__}: {error}); give a file in one of its "
            f"formats, such as extxyz."
        ) from error
    if rest.strip():
        raise InputError(
            f"{path} has a blank line behind its first {len(frames)} structure(s), where ASE stops "
            f"reading; remove blank lines between structures."
        )
    if not frames:
        raise InputError(f"{path} holds no structures; give a file with at least one.")
    return frames


def _read(name: str) -> tuple[list[Any], str]:
    """Return all structures of a file, and the text behind the last that ASE sees."""
    from ase.io import iread
    from ase.io.formats import filetype, open_with_compression

    kind = filetype(name)
    if kind in ("db", "json"):
        return _read_database(name), ""
    if kind != "extxyz":
        return list(iread(name, do_not_split_by_at_sign=True)), ""
    with open_with_compression(name) as file:
        return list(iread(file, format="extxyz")), file.read()


def _read_database(name: str) -> list[Any]:
    """Return the structures of a database of ASE's, with what else it has of each in `info`.

    ASE itself leaves that out; SchNetPack keeps energies, forces and their units there.
    """
    from ase.db import connect

    frames = []
    with connect(name, serial=True) as database:
        about = database.metadata
        named = {"length": about.get("_distance_unit"), **about.get("_property_unit_dict", {})}
        units = {quantity: unit for quantity, unit in named.items() if unit}
        for row in database.select():
            frame = row.toatoms()
            frame.info |= row.key_value_pairs | ({"units": units} if units else {})
            for key, value in row.data.items():
                per_atom = np.shape(value) == frame.positions.shape and key not in frame.arrays
                (frame.arrays if per_atom else frame.info)[key] = value
            frames.append(frame)
    return frames


def flat_structures(frames: Sequence["Atoms"], path: Path) -> list[Structure]:
    """Take all frames of a file as flat structures.

    Raises:
        InputError: some are isolated atoms, hold atoms of no element, or are no such structures.

    Example:
        >>> from ase import Atoms
        >>> flat_structures([Atoms("C")], Path("own.extxyz"))
        Traceback (most recent call last):
        ednn.core.errors.InputError: own.extxyz holds 1 isolated atom(s), the first as structure ...
    """
    isolated = [i for i, frame in enumerate(frames) if _is_isolated(frame)]
    if isolated:
        raise InputError(
            f"{path} holds {len(isolated)} isolated atom(s), the first as structure {isolated[0]} "
            f"({frames[isolated[0]].symbols}); leave them out of the file: the reference energies "
            f"of the elements are fitted to the structures."
        )
    return [flat_structure(i, frame, path) for i, frame in enumerate(frames)]


def note_on_open(structures: Sequence[Structure], path: Path) -> str:
    """Say how many structures don't repeat in all directions; empty if all do.

    Example:
        >>> molecule = Structure(np.array([6]), np.zeros((1, 2)), np.zeros((2, 2)))
        >>> note_on_open([molecule], Path("own.extxyz"))[:50]
        "own.extxyz: 1 of 1 structures don't repeat along x"
    """
    count = sum(structure.is_open for structure in structures)
    if not count:
        return ""
    return (
        f"{path}: {count} of {len(structures)} structures don't repeat along x and y (pbc); empty "
        f"space around their atoms counts as nothing."
    )


def _is_isolated(frame: "Atoms") -> bool:
    named = "isolated" in str(frame.info.get("config_type", "")).lower()
    return len(frame) == 1 and (named or not frame.pbc.any())


def flat_structure(number: int, frame: "Atoms", path: Path) -> Structure:
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
    if not len(frame):
        raise InputError(f"{where} has no atoms; remove it.")
    cell, corner, period = _plane(frame, where)
    height = frame.positions[:, 2]
    require_finite(height, f"{where}: z", row="atom")
    thickness = _thickness(height, period)
    if thickness > 2 * FLAT:
        raise InputError(
            f"{where} is {thickness:.3g} Å thick, but a two-dimensional field doesn't show z: "
            f"expected atoms within {FLAT} Å of a plane parallel to x and y."
        )
    positions = frame.positions[:, :2] - corner
    if cell.any(1).all():
        positions = _wrapped(positions, cell)
    structure = Structure(frame.numbers.astype(np.int64), positions, cell)
    structure.require_elements(where)
    return structure


def _wrapped(positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Move atoms (N, 2) that are outside of a cell into it; the others stay as they are."""
    fractional = positions @ np.linalg.inv(cell)
    cells = np.floor(fractional)
    return np.where(cells.any(1, keepdims=True), positions - cells @ cell, positions)


def _plane(frame: "Atoms", where: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the lattice vectors in the plane, (2, 2), its corner (2,), and the period along z.

    Vectors along which nothing repeats are zero. Those of a rectangle may stand in any order and
    point either way: the crystal is the same. A period of 0 is none.
    """
    vectors = frame.cell.array  # (3, 3)
    given = frame.cell.lengths() > 0
    for vector in np.flatnonzero(frame.pbc & ~given):
        if given.any() and not frame.cell.array[given][:, 2].any():
            continue  # that along z, of a sheet with no height
        raise InputError(
            f"{where} has no cell along the periodic direction {vector}; give its cell in the file "
            f'(in extxyz: Lattice="12.5 0 0 0 12.99 0 0 0 15" pbc="T T F").'
        )
    repeats = frame.pbc & given
    flat = repeats & (abs(vectors[:, 2]) <= EDGE)
    upright = repeats & ~flat
    if flat.sum() > 2 or upright.sum() > 1:
        raise InputError(
            f"{where} has the cell {vectors.round(4).tolist()} Å; expected two lattice vectors in "
            f"the plane of x and y, and the third out of it."
        )
    period = float(abs(vectors[upright, 2]).sum())
    cell = np.zeros((2, 2))
    cell[: flat.sum()] = vectors[flat, :2]
    if flat.sum() < 2:
        return cell, np.zeros(2), period
    if abs(np.linalg.det(cell)) < EDGE:
        raise InputError(
            f"{where} has the lattice vectors {cell.round(4).tolist()} Å, which lie in one line; "
            f"expected two that span the plane."
        )
    order = abs(cell).argmax(1)  # the axis along each vector
    if set(order) == {0, 1} and (np.sort(abs(cell), 1)[:, 0] <= EDGE).all():
        ends = cell[order.argsort(), [0, 1]]
        return np.diag(abs(ends)), np.minimum(ends, 0), period
    return cell, np.zeros(2), period


def _thickness(height: np.ndarray, period: float) -> float:
    """Return how far atoms spread along z in Å."""
    if not period:
        return float(np.ptp(height))
    inside = np.sort(height % period)
    gaps = np.diff(inside, append=inside[0] + period)
    return float(period - gaps.max())
