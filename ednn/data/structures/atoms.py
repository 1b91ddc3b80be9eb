"""Structures of one's own, in any file that ASE reads."""

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ednn.core.errors import InputError
from ednn.data.structures.file import LabelledSet, Record, join
from ednn.data.structures.module import StructureData, digest
from ednn.physics.sheets import Structure

if TYPE_CHECKING:
    from ase import Atoms

FLAT = 0.1  # Å; how far atoms may be from one plane
SKETCH = 16  # smallest digests of a set, by which it is known again in any order, and in parts
EDGE = 1e-3  # Å; how far outside the cell an atom is wrapped into it without a word


class AtomsData(StructureData):
    r"""Structures with energies, and forces if all have them, from a file that ASE reads.

    A frame's `info["theory"]`, if there is one, names the theory of its energy. Where all have free
    energies, these are taken: they are those whose gradient the forces are.

    Args:
        path: the file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> drawn = {"grid": 32, "gamma": 0.4, "augment": False, "val": 0.1, "test": 0.2}
        >>> shared = {"batch_size": 1, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "own.extxyz")
        ...     _ = path.write_text('1\nLattice="9 0 0 0 9 0 0 0 9" energy=-1.0\nC 1 1 1\n')
        ...     AtomsData(str(path), **drawn, **shared).info.species
        (6,)
    """

    def __init__(self, path: str, **shared: Any) -> None:
        super().__init__(**shared)
        self.file = Path(path)

    @property
    def path(self) -> Path:
        return self.file

    @cached_property
    def labels(self) -> LabelledSet:
        frames = read_frames(self.path)
        theories = sorted({str(frame.info.get("theory", "")) for frame in frames})
        if len(theories) > 1:
            raise InputError(
                f"{self.path} mixes the theories {', '.join(t or '(none named)' for t in theories)}"
                f": energies of several theories have no common zero, so give each its own file."
            )
        free = all(f.calc and f.calc.results.get("free_energy") is not None for f in frames)
        kind = "free_energy" if free else "energy"
        records = [_record(i, frame, kind, self.path) for i, frame in enumerate(frames)]
        if not re.fullmatch(r"[\w.+-]*", theories[0]):
            raise InputError(
                f"{self.path} names the theory {theories[0]!r}; give it a name of letters, digits, "
                f"'.', '+', '-' and '_', which names of columns and files can hold."
            )
        without = [record["seed"] for record in records if "forces" not in record]
        if 0 < len(without) < len(records):
            print(f"{self.path}: structure {without[0]} has no forces; all forces are left out.")
        if without:
            records = [{**record, "forces": np.empty((0, 2))} for record in records]
        labels = join(dict(enumerate(records)), {"theory": theories[0]})
        labels.attributes["structures"] = " ".join(_digests(labels)[:SKETCH])
        return labels

    def same_samples(self, trained_on: dict[str, Any]) -> bool:
        return not set(_digests(self.labels)).isdisjoint(trained_on["structures"].split())


def _digests(labels: LabelledSet) -> list[str]:
    """Return the digests of all structures, the smallest first."""
    return sorted(digest(labels.structure(i)).hex() for i in range(len(labels)))


def read_frames(path: Path) -> list[Any]:
    r"""Read all structures of a file as `ase.Atoms`.

    Raises:
        InputError: there is no such file, ASE is missing or cannot read it, or it is empty.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "own.extxyz")
        ...     _ = path.write_text('1\nLattice="9 0 0 0 9 0 0 0 9"\nC 1 1 1\n')
        ...     [frame.symbols[0] for frame in read_frames(path)]
        ['C']
    """
    try:
        from ase.io import iread
    except ImportError as error:
        raise InputError(
            f'Reading {path} needs ASE ({error}); run `pip install "ednn[atoms]"`.'
        ) from error

    if not path.is_file():
        raise InputError(f"There is no file {path}; check the path.")
    try:
        frames: list[Any] = list(iread(path)) if path.stat().st_size else []
    except Exception as error:  # each of ASE's formats raises what it likes
        raise InputError(
            f"ASE cannot read {path} ({type(error).__name__}: {error}); give a file in one of its "
            f"formats, such as extxyz."
        ) from error
    if not frames:
        raise InputError(f"{path} holds no structures; give a file with at least one.")
    return frames


def flat_structure(number: int, frame: "Atoms", path: Path) -> Structure:
    """Take a frame as a flat structure that is periodic along x and y.

    Raises:
        InputError: it isn't periodic, the cell isn't orthorhombic, or the atoms don't lie in a
            plane.

    Example:
        >>> from ase import Atoms
        >>> frame = Atoms("C2", [[1, 1, 5], [2.4, 1, 5]], cell=[9, 8, 10], pbc=True)
        >>> flat_structure(0, frame, Path("own.extxyz")).positions.tolist()
        [[1.0, 1.0], [2.4, 1.0]]
    """
    where = f"{path}: structure {number}"
    if not frame.pbc[:2].all():
        raise InputError(
            f"{where} has pbc={frame.pbc.tolist()}; expected a structure that is periodic along x "
            f'and y: set that in the file (in extxyz: pbc="T T F").'
        )
    sides = frame.cell.lengths()
    if not np.allclose(frame.cell.array, np.diag(sides), atol=1e-6) or not sides[:2].all():
        raise InputError(
            f"{where} has the cell {frame.cell.array.round(4).tolist()} Å; expected an "
            f"orthorhombic one with sides along x, y and z: choose such a supercell."
        )
    if not len(frame):
        raise InputError(f"{where} has no atoms; remove it.")
    height = frame.positions[:, 2]
    if np.ptp(height) > 2 * FLAT:
        raise InputError(
            f"{where} is {np.ptp(height):.3g} Å thick, but a two-dimensional field doesn't show z: "
            f"expected atoms within {FLAT} Å of a plane parallel to x and y."
        )
    positions, cell = frame.positions[:, :2], sides[:2]
    edge = (positions > -EDGE) & (positions < cell + EDGE)  # rounding puts atoms there
    wrapped = np.where(edge, positions % cell % cell, positions)  # twice: -1e-20 % cell is cell
    return Structure(frame.numbers.astype(np.int64), wrapped, cell)


def _record(number: int, frame: "Atoms", kind: str, path: Path) -> Record:
    """Take a frame with one kind of its energies, and its forces if it has them."""
    results = {} if frame.calc is None else frame.calc.results
    energy = results.get(kind)
    if energy is None or not np.isfinite(energy):
        raise InputError(
            f"{path}: structure {number} has no finite energy; give each one in eV, as ASE stores "
            f"it (in extxyz: energy=… in the comment line)."
        )
    structure = flat_structure(number, frame, path)
    record = {
        "numbers": structure.numbers,
        "positions": structure.positions,
        "cell": structure.cell,
        "energy": energy,
        "seed": number,
    }
    return record | ({"forces": results["forces"][:, :2]} if "forces" in results else {})
