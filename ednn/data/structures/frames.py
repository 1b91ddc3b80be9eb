"""Files that ASE reads, as structures along two axes or three."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ednn.core.errors import InputError
from ednn.core.files import require_file
from ednn.data.structures.as_structure import as_structure, is_flat
from ednn.physics.structure import Structure

if TYPE_CHECKING:
    from ase import Atoms

DIMS = (None, 2, 3)


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
    with reading(path):
        frames, rest = _read(str(path)) if path.stat().st_size else ([], "")
    if rest.strip():
        raise InputError(
            f"{path} has a blank line behind its first {len(frames)} structure(s), where ASE stops "
            f"reading; remove blank lines between structures."
        )
    if not frames:
        raise InputError(f"{path} holds no structures; give a file with at least one.")
    return frames


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what ASE raises while it reads a file into one sentence.

    Raises:
        InputError: there is no such file, ASE is missing or cannot read it.

    Example:
        >>> with reading(Path("nowhere.xyz")):
        ...     pass
        Traceback (most recent call last):
        ednn.core.errors.InputError: There is no file nowhere.xyz; check the path.
    """
    require_file(path)
    try:
        yield
    except InputError:
        raise
    except ImportError as error:
        raise InputError(
            f'Reading {path} needs ASE ({error}); run `pip install "ednn[atoms]"`.'
        ) from error
    except Exception as error:  # each of ASE's formats raises what it likes
        raise InputError(
            f"ASE cannot read {path} ({type(error).__name__}: {error}); give a whole file in one "
            f"of its formats, such as extxyz."
        ) from error


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


def structures_of(frames: Sequence["Atoms"], path: Path, dims: int | None) -> list[Structure]:
    """Take all frames of a file as structures along as many axes.

    Args:
        frames: as ASE has read them.
        path: of the file.
        dims: 2 for flat structures, 3 for any; None for 2 if all are flat.

    Raises:
        InputError: some are isolated atoms, hold atoms of no element, or are no such structures.

    Example:
        >>> from ase import Atoms
        >>> structures_of([Atoms("C")], Path("own.extxyz"), dims=2)
        Traceback (most recent call last):
        ednn.core.errors.InputError: own.extxyz holds 1 isolated atom(s), the first as structure ...
    """
    if dims not in DIMS:
        raise InputError(f"data.dims={dims} is not possible; give 2 or 3, or leave it out.")
    isolated = [i for i, frame in enumerate(frames) if _is_isolated(frame)]
    if isolated:
        raise InputError(
            f"{path} holds {len(isolated)} isolated atom(s), the first as structure {isolated[0]} "
            f"({frames[isolated[0]].symbols}); leave them out of the file: the reference energies "
            f"of the elements are fitted to the structures."
        )
    dims = dims or dims_of(frames)
    return [as_structure(i, frame, path, dims) for i, frame in enumerate(frames)]


def dims_of(frames: Sequence["Atoms"]) -> int:
    """Return 2 if all frames are flat, and 3 otherwise.

    Example:
        >>> from ase.build import bulk, graphene
        >>> dims_of([graphene()]), dims_of([graphene(), bulk("Cu")])
        (2, 3)
    """
    return 2 if all(is_flat(frame) for frame in frames) else 3


def note_on_open(structures: Sequence[Structure], path: Path) -> str:
    """Say how many structures don't repeat in all their directions; empty if all do.

    Example:
        >>> molecule = Structure(np.array([6]), np.zeros((1, 2)), np.zeros((2, 2)))
        >>> note_on_open([molecule], Path("own.extxyz"))
        "own.extxyz: 1 of 1 structures don't repeat in both directions of their plane (pbc); ..."
    """
    count = sum(structure.is_open for structure in structures)
    if not count:
        return ""
    where = "both directions of their plane" if len(structures[0].cell) == 2 else "all directions"
    return (
        f"{path}: {count} of {len(structures)} structures don't repeat in {where} (pbc); empty "
        f"space around their atoms counts as nothing."
    )


def _is_isolated(frame: "Atoms") -> bool:
    named = "isolated" in str(frame.info.get("config_type", "")).lower()
    return len(frame) == 1 and (named or not frame.pbc.any())
