"""Predict structures, whose fields may be larger than the memory."""

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from ednn.core.features import Shares
from ednn.core.files import atomic
from ednn.core.shifts import even_shifts, moved
from ednn.core.structure_block import StructureBlock
from ednn.core.structure_model import StructureModel
from ednn.data.hdf5_file import create_hdf5
from ednn.inference.blocks import Block, cut
from ednn.inference.deviations import Deviations, kept, settled, warn_of_extrapolation
from ednn.inference.nearby import SortedAtoms
from ednn.inference.pieces import BY_GRADIENT, Arrays, Job, Piece, finished
from ednn.inference.places import batch, place
from ednn.physics.orientation import turned_rows, turned_tensor
from ednn.physics.structure import Structure

FORMATS = (".extxyz", ".csv")
DENSE = 2**17  # pixels, up to which a field is rendered as a product of matrices


class StructureJob(Job):
    """Structures, small ones as a whole and large ones in blocks.

    Args:
        sites: how many pixels a block may have.
        forces: in eV/Å, wanted as well.
        stress: wanted as well, for which all cells take the partition of unity.
        shifts: over how many shifts of the pixel grid (`ednn.core.shifts.even_shifts`) everything
            is averaged; a tile's contribution is then the mean over what it holds under each.

    Raises:
        InputError: a structure that doesn't fit the model.

    Example:
        >>> from ednn.core.atomistic import AtomisticEDNN
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> from ednn.physics.sheets import crystal
        >>> model = AtomisticEDNN(EDNN(ANN, 8, 4), [6], pixel=[12.5 / 32, 12.99 / 32], gamma=0.4)
        >>> job = StructureJob(model, [crystal()], sites=10**6, forces=True)
        >>> job.lattice(0), job.evaluate(job.pieces[0])["forces"].shape
        ((32, 32), (60, 2))
    """

    def __init__(
        self,
        model: StructureModel,
        structures: Sequence[Structure],
        sites: int,
        forces: bool,
        shifts: int = 1,
        stress: bool = False,
    ) -> None:
        self.model, self.structures, self.forces, self.stress = model, structures, forces, stress
        self.shifts = even_shifts(model, shifts)  # (shifts, D) Å
        self.shape = (len(structures), len(model.info.outputs))
        self.places = [place(structure, model, self.shifts, stress) for structure in structures]
        sites = sites // BY_GRADIENT if forces or stress else sites
        self.pieces = []
        for i, own in enumerate(self.places):
            if own.first is None and prod(own.lattice) <= min(DENSE, sites):
                self.pieces.append(Piece(slice(i, i + 1)))
            else:
                blocks = cut(model.field_model.tiling, own.lattice, sites)
                self.pieces += [Piece(slice(i, i + 1), block) for block in blocks]
        self._sorted = lru_cache(maxsize=1)(lambda i: SortedAtoms(self.places[i].structure))

    def lattice(self, number: int) -> tuple[int, ...]:
        """Count the pixels on which a structure is evaluated along each axis."""
        return self.places[number].lattice

    def evaluate(self, piece: Piece) -> Arrays:
        number = piece.samples.start
        with torch.set_grad_enabled(self.forces or self.stress):
            if piece.block is None:
                arrays = _mean([self._whole(number, shift) for shift in self.shifts])
            else:
                arrays = _mean([self._block(number, piece.block, shift) for shift in self.shifts])
            return settled(self.model, piece, arrays)

    def per_volume(self, number: int, virial: np.ndarray) -> np.ndarray:
        """Return the stress of a structure, (D, D) in eV/Å^D, from the slope by a strain."""
        return (virial + virial.T) / 2 / abs(np.linalg.det(self.structures[number].cell))

    def _whole(self, number: int, shift: torch.Tensor) -> Arrays:
        structures = moved(batch(self.structures[number], self.model), shift)
        positions = structures.positions.requires_grad_(self.forces)
        shares = self.model.call("shares", structures._replace(positions=positions))
        return self._arrays(shares, positions, np.arange(positions.shape[1]))

    def _block(self, number: int, block: Block, shift: torch.Tensor) -> Arrays:
        own, device = self.places[number], self.model.renderer.pixel.device
        start, stop = (np.array([getattr(s, end) for s in block]) for end in ("start", "stop"))
        reach = np.array(self.model.renderer.reach(own.tiling, own.pixel.tolist()))
        back = shift.numpy()  # the block moves against the atoms, which stay in order
        corner = own.corner(block) - back
        near = self._sorted(number).near(corner, corner + (stop - start) * own.tile, reach)
        positions = torch.from_numpy(near.positions).to(device).requires_grad_(self.forces)
        strain = torch.zeros(2 * (len(corner),), dtype=torch.float64, requires_grad=self.stress)
        stretch = strain + torch.eye(len(corner))  # about the origin of the atoms, not the block's
        origin = torch.from_numpy(corner).to(device)
        stretched = (positions + origin) @ stretch.to(device) - origin
        weights = own.weights(block, back, stretch)
        part = StructureBlock(
            torch.from_numpy(own.structure.numbers[near.atoms]).to(device),
            stretched if self.stress else positions,
            torch.from_numpy(own.tile_of(near, back) - start).to(device),
            own.pixel.tolist(),
            (stop - start).tolist(),
            None if weights is None else weights.to(device),
            own.structure.is_open,
        )
        shares = self.model.call("block_shares", part)
        return self._arrays(shares, positions, near.atoms, strain)

    def _arrays(
        self,
        shares: Shares,
        positions: torch.Tensor,
        atoms: np.ndarray,
        strain: torch.Tensor | None = None,
    ) -> Arrays:
        arrays = kept(shares)
        wanted = [leaf for leaf in (positions, strain) if leaf is not None and leaf.requires_grad]
        slopes = [*torch.autograd.grad(shares.tiles.sum(), wanted)] if wanted else []
        if self.stress:
            arrays["virial"] = slopes.pop().numpy()  # (D, D) eV
        if self.forces:
            forces = -slopes.pop().reshape(-1, positions.shape[-1])  # (A, D) eV/Å
            arrays |= {"atoms": atoms, "forces": forces.cpu().numpy()}
        return arrays


def _mean(under: Sequence[Arrays]) -> Arrays:
    """Average what was evaluated under every shift; an atom's forces may come in several parts."""
    if len(under) == 1:
        return under[0]
    averaged = [name for name in under[0] if name in ("contributions", "features", "virial")]
    mean = {name: np.mean([arrays[name] for arrays in under], axis=0) for name in averaged}
    if "forces" in under[0]:
        mean["atoms"] = np.concatenate([arrays["atoms"] for arrays in under])
        mean["forces"] = np.concatenate([arrays["forces"] for arrays in under]) / len(under)
    return mean


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
        ednn predict ckpt_path=RUN/checkpoints/best.ckpt input=own.extxyz output=predicted.csv
    """
    staged = _staged(maps := output.with_suffix(".h5"), folder), _staged(output, folder)
    with atomic(staged[1]) as path, create_hdf5(staged[0]) as file:
        file.attrs.update(attributes)
        deviations = _gather(job, folder, file)
        for i, frame in enumerate(frames):
            if job.forces:
                missing = 3 - job.model.info.dims
                frame.arrays[f"{name}_forces"] = np.pad(file[f"forces/{i}"], ((0, 0), (0, missing)))
            if job.stress:
                frame.info[f"{name}_stress"] = file[f"stress/{i}"][()]
        columns = {name: total[:, 0]}
        if (known := deviations.values()) is not None:
            columns[f"{name}_uncertainty"] = known[:, 0]
            warn_of_extrapolation(job.model, known, np.array([len(frame) for frame in frames]))
        _note(frames, columns)
        _write(frames, [*columns], path, output.suffix)
    os.replace(staged[0], maps)
    os.replace(staged[1], output)  # last: until then the same command goes on
    return maps


def _gather(job: StructureJob, folder: Path, file: Any) -> Deviations:
    """Put the pieces together into an HDF5 file: contributions, forces and stress by structure."""
    dims, tiling = job.model.info.dims, job.model.field_model.tiling
    for i in range(len(job.structures)):
        file.create_dataset(f"contributions/{i}", tiling.grid(job.lattice(i)), np.float64)
    deviations = Deviations(job.model, job)
    forces = [np.zeros((len(own.numbers), dims)) for own in job.structures]
    virial = np.zeros((len(forces), dims, dims))
    for number, arrays in finished(folder):
        deviations.add(piece := job.pieces[number], arrays)
        i, block = piece.samples.start, piece.block or ()
        file[f"contributions/{i}"][block] = arrays["contributions"][0, ..., 0]
        virial[i] += arrays.get("virial", 0.0)
        if job.forces:
            np.add.at(forces[i], arrays["atoms"], arrays["forces"])
    for i, (own, structure) in enumerate(zip(forces, job.structures, strict=True)):
        back = -structure.turned_by
        file[f"contributions/{i}"].attrs["turned_by"] = structure.turned_by  # degrees
        if job.forces:
            file[f"forces/{i}"] = turned_rows(own, back)
        if job.stress:
            file[f"stress/{i}"] = turned_tensor(job.per_volume(i, virial[i]), back)
    return deviations


def _note(frames: Sequence[Any], columns: Mapping[str, np.ndarray]) -> None:
    """Keep quantities (N,) in the frames, and what each is per atom."""
    for quantity, values in columns.items():
        for frame, value in zip(frames, values.tolist(), strict=True):
            frame.info |= {quantity: value, f"{quantity}_per_atom": value / len(frame)}


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


def _write(frames: Sequence[Any], quantities: list[str], path: Path, suffix: str) -> None:
    if suffix == ".extxyz":
        from ase.io import write

        write(path, list(frames), format="extxyz")
        return
    shown = [key for name in quantities for key in (name, f"{name}_per_atom")]
    rows = [{"atoms": len(f), **{key: f.info[key] for key in shown}} for f in frames]
    pd.DataFrame(rows).to_csv(path, index_label="structure")
