"""Structures of one's own, in any file that ASE reads."""

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ednn.core.errors import InputError
from ednn.data.extent import extent
from ednn.data.structures import columns
from ednn.data.structures.as_structure import turn_hint
from ednn.data.structures.file import LabelledSet, join
from ednn.data.structures.frames import dims_of, note_on_open, read_frames, structures_of
from ednn.data.structures.module import StructureData, digest
from ednn.data.structures.units import require_units
from ednn.physics.structure import Structure

if TYPE_CHECKING:
    from ase import Atoms

SKETCH = 16  # smallest digests of a set, by which it is known again in any order, and in parts


class AtomsData(StructureData):
    r"""Structures with energies, and forces and stress if all have them, in a file ASE reads.

    A frame's `info["theory"]`, if there is one, names the theory of its energy.

    Args:
        path: the file.
        dims: 2 for flat structures, 3 for any; None for 2 if all are flat.
        energy: what the energies are called there; None for those that ASE knows as such, of which
            free energies come first where all have them: forces are their gradient.
        forces: what the column of forces is called; None for that which ASE knows as such.
        stress: what the stress is called; None for that which ASE knows as such.

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

    def __init__(
        self,
        path: str,
        dims: int | None = None,
        energy: str | None = None,
        forces: str | None = None,
        stress: str | None = None,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        self.file, self.dims = Path(path), dims
        self.energy, self.forces, self.stress = energy, forces, stress
        if re.search("grad", str(forces), re.IGNORECASE):
            raise InputError(
                f"data.forces={forces} names gradients, whose sign is opposite to that of forces; "
                f"store them with the other sign, in a column of another name."
            )

        if re.search("virial", str(stress), re.IGNORECASE):
            raise InputError(
                f"data.stress={stress} names virials, which are the stress times minus the volume; "
                f"store the stress, under another name."
            )

    @property
    def path(self) -> Path:
        return self.file

    @cached_property
    def labels(self) -> LabelledSet:
        frames = read_frames(self.path)
        require_units(frames, self.path, ("energy", "force", "length"))
        structures = structures_of(frames, self.path, self.dims)
        if self.dims is None and dims_of(frames) == 3:
            hints = {turn_hint(frame) for frame in frames}
            hint = hints.pop() if len(hints) == 1 else ""
            self.notes.append(
                f"{self.path}: structures that aren't flat, so that all have three axes "
                f"(data.dims=2 takes flat ones alone{hint})."
            )
        if note := note_on_open(structures, self.path):
            self.notes.append(note)
        theory = _theory(frames, self.path)
        energies, forces = self._energies(frames), self._forces(frames, len(structures[0].cell))
        records = {
            i: {**vars(structure), "energy": energies[i], "forces": forces[i], "seed": i}
            for i, structure in enumerate(structures)
        }
        for i, stress in enumerate(self._stress(frames, structures)):
            records[i]["stress"] = stress
        labels = join(records, {"theory": theory})
        per_atom = labels.energy / np.diff(labels.offsets)  # (N,)
        self.notes.append(
            f"{self.path}: {len(labels)} structures with energies of {extent(per_atom)} eV per "
            f"atom."
        )
        labels.attributes["structures"] = " ".join(_digests(labels)[:SKETCH])
        return labels

    def same_samples(self, trained_on: dict[str, Any]) -> bool:
        return not set(_digests(self.labels)).isdisjoint(trained_on["structures"].split())

    def _energies(self, frames: Sequence["Atoms"]) -> list[float]:
        name = self.energy
        free = all(f.calc and f.calc.results.get("free_energy") is not None for f in frames)
        if name is None and free:
            name = "free_energy"
        return [columns.energy(f, name, self._where(i)) for i, f in enumerate(frames)]

    def _forces(self, frames: Sequence["Atoms"], dims: int) -> list[np.ndarray]:
        """Return the forces on every structure's atoms, (N, D); of none unless all have them.

        Raises:
            InputError: there is no column of the name that was asked for, or a wrong one.
        """
        found = [columns.forces(f, self.forces, self._where(i)) for i, f in enumerate(frames)]
        without = [i for i, forces in enumerate(found) if forces is None]
        if not without:
            return [forces[:, :dims] for forces in found if forces is not None]
        others = sorted({name for f in frames for name in columns.force_like(f)})
        others.sort(key=lambda name: "forc" not in name.lower())  # the likeliest first
        if len(without) == len(found) and self.forces is not None:
            raise InputError(
                f"{self.path} has no column {self.forces!r} for data.forces; its columns of three "
                f"numbers per atom are: {', '.join(others) or 'none'}."
            )
        if len(without) < len(found):
            which = ", ".join(map(str, without[:5])) + ", …" * (len(without) > 5)
            self.notes.append(
                f"{self.path}: {len(without)} of {len(found)} structures have no "
                f"{self.forces or 'forces'} ({which}); all forces are left out."
            )
        elif others:
            self.notes.append(
                f"{self.path}: no forces are used; if {' or '.join(others)} holds forces in eV/Å, "
                f"add data.forces={others[0]} (of gradients, store the negative first)."
            )
        return [np.empty((0, dims))] * len(found)

    def _stress(
        self, frames: Sequence["Atoms"], structures: Sequence[Structure]
    ) -> list[np.ndarray]:
        """Return the stress (D, D) of every structure; of none unless all have one.

        Raises:
            InputError: one has none under the name that was asked for, or a wrong one.
        """
        found = []
        for i, (frame, structure) in enumerate(zip(frames, structures, strict=True)):
            stress = columns.stress(frame, self.stress, self._where(i))
            if stress is None or structure.is_open or not frame.cell.volume:
                if self.stress is None:
                    return []
                raise InputError(
                    f"{self._where(i)} has no {self.stress!r} for data.stress, or no cell in all "
                    f"directions; give all structures a stress, or leave data.stress out."
                )
            dims = len(structure.cell)
            size = abs(np.linalg.det(structure.cell))  # Å² of a sheet, Å³ in space
            found.append(stress[:dims, :dims] * frame.cell.volume / size)
        require_units(frames, self.path, ["stress"])
        return found

    def _where(self, number: int) -> str:
        return f"{self.path}: structure {number}"


def _theory(frames: Sequence["Atoms"], path: Path) -> str:
    """Return the one theory that all frames name, empty if none does."""
    theories = sorted({str(frame.info.get("theory", "")) for frame in frames})
    if len(theories) > 1:
        raise InputError(
            f"{path} mixes the theories {', '.join(t or '(none named)' for t in theories)}"
            f": energies of several theories have no common zero, so give each its own file."
        )
    if not re.fullmatch(r"[\w.+-]*", theories[0]):
        raise InputError(
            f"{path} names the theory {theories[0]!r}; give it a name of letters, digits, "
            f"'.', '+', '-' and '_', which names of columns and files can hold."
        )
    return theories[0]


def _digests(labels: LabelledSet) -> list[str]:
    """Return the digests of all structures, the smallest first."""
    return sorted(digest(labels.structure(i)).hex() for i in range(len(labels)))
