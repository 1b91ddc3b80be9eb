"""Files of predicted structures: totals, and what each tile contributes."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from ednn.core.files import atomic
from ednn.data.hdf5_file import create_hdf5
from ednn.inference.deviations import Deviations, warn_of_extrapolation
from ednn.inference.pieces import finished
from ednn.inference.stored_structure import StoredStructure
from ednn.inference.structure_job import StructureJob
from ednn.physics.orientation import turned_rows, turned_tensor
from ednn.physics.structure import Structure

FORMATS = (".extxyz", ".csv")
STORED = (".csv",)  # of structures in files of sorted atoms
GAP = 4096  # rows without a force that are read and written as they are, in place of two slices
COPIED = 2**20  # rows at a time


def write_structures(
    output: Path,
    frames: Sequence[Any],
    name: str,
    job: StructureJob,
    folder: Path,
    total: np.ndarray,
    attributes: Mapping[str, Any],
) -> Path:
    """Write predictions to `output` and the maps to an HDF5 file beside it; return that path.

    Args:
        output: one of `FORMATS`: the structures with their predictions, or a row for each.
        frames: the structures as ASE has read them.
        name: what the predicted quantity is called.
        job: what was predicted.
        folder: of the finished pieces.
        total: the sums, (N, outputs).
        attributes: of the HDF5 file.

    Example:
        ednn predict ckpt_path=RUN input=own.extxyz output=predicted.csv
    """
    staged = _staged(maps := output.with_suffix(".h5"), folder), _staged(output, folder)
    counts = np.array([structure.count for structure in job.structures])
    with atomic(staged[1]) as path, create_hdf5(staged[0]) as file:
        file.attrs.update(attributes)
        deviations = _gather(job, folder, file)
        columns = {name: total[:, 0]}
        if (known := deviations.values()) is not None:
            columns[f"{name}_uncertainty"] = known[:, 0]
            warn_of_extrapolation(job.model, known, counts)
        table = pd.DataFrame({"atoms": counts})
        for quantity, values in columns.items():
            table[quantity], table[f"{quantity}_per_atom"] = values, values / counts
        if output.suffix == ".csv":
            table.to_csv(path, index_label="structure")
        else:
            _write_frames(frames, table.drop(columns="atoms"), name, file, path)
    os.replace(staged[0], maps)
    os.replace(staged[1], output)  # last: until then the same command goes on
    return maps


def _gather(job: StructureJob, folder: Path, file: h5py.File) -> Deviations:
    """Put the pieces together into an HDF5 file: contributions, forces and stress by structure."""
    dims, tiling = job.model.info.dims, job.model.field_model.tiling
    structures = dict(enumerate(job.structures))
    for i, structure in structures.items():
        made = file.create_dataset(f"contributions/{i}", tiling.grid(job.lattice(i)), np.float64)
        made.attrs["turned_by"] = structure.turned_by  # degrees
    deviations = Deviations(job.model, job)
    forces = {i: _Forces(own, file, i) for i, own in structures.items() if job.forces}
    virial = np.zeros((len(structures), dims, dims))
    for number, arrays in finished(folder):
        deviations.add(piece := job.pieces[number], arrays)
        i, block = piece.samples.start, piece.block or ()
        file[f"contributions/{i}"][block] = arrays["contributions"][0, ..., 0]
        virial[i] += arrays.get("virial", 0.0)
        if job.forces:
            forces[i].add(arrays["atoms"], arrays["forces"])
    for own in forces.values():
        own.finish()
    for i, structure in structures.items():
        if job.stress:
            stress = job.per_volume(i, virial[i])
            file[f"stress/{i}"] = turned_tensor(stress, -structure.turned_by)
    return deviations


class _Forces:
    """The forces on a structure's atoms, of which every block brings parts.

    Those in a file of sorted atoms are too many for the memory, and those of a block a few slices.
    """

    def __init__(self, structure: Structure | StoredStructure, file: h5py.File, i: int) -> None:
        self._structure, self._file, self._i = structure, file, i
        shape = (structure.count, len(structure.cell))
        self._sums: Any = np.zeros(shape) if isinstance(structure, Structure) else None
        if self._sums is None:
            self._sums = file.create_dataset(f"forces/{i}", shape, np.float64, fillvalue=0.0)

    def add(self, atoms: np.ndarray, forces: np.ndarray) -> None:
        """Add forces (n, D) to those on atoms (n,), some of which may be there several times."""
        forces = turned_rows(forces, -self._structure.turned_by)
        if isinstance(self._sums, np.ndarray):
            np.add.at(self._sums, atoms, forces)
            return
        order = np.argsort(atoms)
        gaps = np.flatnonzero(np.diff(atoms[order]) > GAP) + 1
        for own in np.split(order, gaps) if len(order) else []:
            start, stop = atoms[own[0]], atoms[own[-1]] + 1
            rows = self._sums[start:stop]
            np.add.at(rows, atoms[own] - start, forces[own])
            self._sums[start:stop] = rows

    def finish(self) -> None:
        """Write what isn't in the file yet: the forces, or whose they are."""
        if isinstance(self._structure, Structure):
            self._file[f"forces/{self._i}"] = self._sums
            return
        given = self._structure.file.index
        index = self._file.create_dataset(f"index/{self._i}", given.shape, given.dtype)
        for start in range(0, len(given), COPIED):
            index[start : start + COPIED] = given[start : start + COPIED]


def _write_frames(
    frames: Sequence[Any], table: pd.DataFrame, name: str, file: h5py.File, path: Path
) -> None:
    """Write the structures as extxyz with all that is predicted."""
    from ase.io import write

    for i, (frame, row) in enumerate(zip(frames, table.to_dict("records"), strict=True)):
        frame.info |= row
        if "forces" in file:
            forces = file[f"forces/{i}"][()]  # (A, D)
            frame.arrays[f"{name}_forces"] = np.pad(forces, ((0, 0), (0, 3 - forces.shape[1])))
        if "stress" in file:
            frame.info[f"{name}_stress"] = file[f"stress/{i}"][()]
    write(path, list(frames), format="extxyz")


def is_half_written(output: Path, folder: Path) -> bool:
    """Tell whether a kill has come between the renames: then a file of maps is that of `output`.

    Example:
        >>> is_half_written(Path("out.csv"), Path(".out.csv.unfinished"))
        False
    """
    return _staged(output, folder).exists()


def _staged(path: Path, folder: Path) -> Path:
    """Return where a file waits for the other one, until both are whole."""
    return folder / "whole" / path.name
