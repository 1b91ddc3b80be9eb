"""Predict fields in an HDF5 file, which may be larger than the memory."""

from collections.abc import Iterator, Mapping
from itertools import pairwise, product
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

from ednn.core.errors import InputError
from ednn.core.interface import FieldModel
from ednn.data.fields.layout import channel_axis, channels_first
from ednn.data.hdf5_file import create_hdf5, require_finite
from ednn.inference.blocks import PIECE_SITES, Block, cut, positions
from ednn.inference.pieces import Arrays, Job, Piece, finished


class FieldJob(Job):
    """The fields of a dataset, (N, *L), (N, C, *L) or (N, *L, C).

    Args:
        sites: how many a block may have.

    Raises:
        InputError: they don't fit the model, or are stored in chunks that don't fit in memory.

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> with h5py.File("fields.h5", "w", driver="core", backing_store=False) as file:
        ...     file["fields"] = np.zeros((3, 8, 8))
        ...     job = FieldJob(EDNN(ANN, 2, 1), file["fields"], sites=10**6)
        ...     len(job.pieces), job.evaluate(job.pieces[0])["contributions"].shape
        (1, (3, 4, 4, 1))
    """

    def __init__(self, model: FieldModel, stored: h5py.Dataset, sites: int) -> None:
        self.model, self.stored = model, stored
        self.name = f"{stored.file.filename}: {stored.name}"
        if not len(stored):
            raise InputError(f"{self.name} holds no fields.")
        tiling, shape = model.tiling, stored.shape
        info = model.info
        self.layout = (info.dims, info.channels, info.channels_first)
        first = 2 if channel_axis(shape, *self.layout) == 1 else 1  # of the sides
        self.axes = range(first, first + tiling.dims)
        self.lattice = shape[first : first + tiling.dims]
        self.shape = (len(stored), len(model.info.outputs))
        if stored.chunks and prod(stored.chunks) > sites * info.channels:
            raise InputError(
                f"{self.name} is stored in chunks of {stored.chunks}, which don't fit in memory; "
                f"store it in smaller ones (h5repack) or give a larger memory=… (GB)."
            )
        if model.indivisible and prod(self.lattice) > sites:
            raise InputError(
                f"{self.name} does not fit in memory, and the model can't take it in blocks, as "
                f"{model.indivisible}; give a larger memory=… (GB)."
            )
        blocks = [] if model.indivisible else cut(tiling, self.lattice, sites)
        if len(blocks) > 1:
            samples = [slice(i, i + 1) for i in range(len(stored))]
            self.pieces = [Piece(sample, block) for sample in samples for block in blocks]
        else:
            field = prod(n + 2 * c for n, c in zip(self.lattice, tiling.context, strict=True))
            n = max(1, min(sites, PIECE_SITES) // field)
            self.pieces = [Piece(slice(i, i + n)) for i in range(0, len(stored), n)]

    @torch.inference_mode()
    def evaluate(self, piece: Piece) -> Arrays:
        if piece.block is None:
            fields = self.stored[piece.samples]
            require_finite(fields, self.name, range(*piece.samples.indices(len(self.stored))))
            shares = self.model.contributions(self._tensor(fields))
        else:
            block = self._read(piece.samples.start, piece.block)
            shares = self.model.block_contributions(self._tensor(block))
        return {"contributions": shares.cpu().numpy()}

    def _read(self, sample: int, block: Block) -> np.ndarray:
        """Read a block of a sample with its context, laid out as in the file."""
        tiling = self.model.tiling
        reached = positions(tiling, block)
        sources = [
            tiling.source(torch.arange(line.start, line.stop), side).numpy()
            for line, side in zip(reached, self.lattice, strict=True)
        ]
        shape = [1, *self.stored.shape[1:]]
        for axis, line in zip(self.axes, reached, strict=True):
            shape[axis] = len(line)
        values = np.zeros(shape, self.stored.dtype)
        for runs in product(*map(_runs, sources)):
            there, here = [slice(None)] * len(shape), [slice(None)] * len(shape)
            there[0] = slice(sample, sample + 1)
            for axis, (position, source) in zip(self.axes, runs, strict=True):
                here[axis], there[axis] = position, source
            part = self.stored[tuple(there)]
            corner = [axis.start or 0 for axis in there[1:]]
            require_finite(part, self.name, [sample], corner=corner)
            values[tuple(here)] = part
        return values

    def _tensor(self, fields: np.ndarray) -> Tensor:
        """Bring fields as they are stored to (B, C, *L), on the model's device."""
        device = self.model.shift.device
        precision = np.float64 if self.model.precision == torch.float64 else np.float32
        first = channels_first(fields, *self.layout)
        return torch.from_numpy(np.ascontiguousarray(first, dtype=precision)).to(device)


def _runs(sites: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Yield runs of positions that show neighbouring sites, and the sites; none that show zero."""
    ends = np.flatnonzero((np.diff(sites) != 1) | (sites[:-1] < 0)) + 1
    for start, stop in pairwise([0, *ends.tolist(), len(sites)]):
        if (site := int(sites[start])) >= 0:
            yield slice(start, stop), slice(site, site + stop - start)


def write_fields(
    output: Path, job: FieldJob, folder: Path, total: np.ndarray, attributes: Mapping[str, Any]
) -> None:
    """Write `prediction` (N, outputs) and `contributions` (N, *grid, outputs) as HDF5.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> from ednn.inference.pieces import evaluate_all
        >>> from ednn.inference.processes import processes
        >>> with TemporaryDirectory() as name, h5py.File(Path(name, "in.h5"), "w") as file:
        ...     file["fields"], folder = np.zeros((3, 8, 8)), Path(name, "parts")
        ...     job = FieldJob(EDNN(ANN, 2, 1), file["fields"], sites=10**6)
        ...     with processes() as group:
        ...         total = evaluate_all(job, folder, {}, group)
        ...     write_fields(Path(name, "out.h5"), job, folder, total, {"unit": "J"})
        ...     with h5py.File(Path(name, "out.h5")) as out:
        ...         out["contributions"].shape
        (3, 4, 4, 1)
    """
    with create_hdf5(output) as file:
        file.attrs.update(attributes)
        file["prediction"] = total
        shares = None
        for number, arrays in finished(folder):
            piece, part = job.pieces[number], arrays["contributions"]
            if shares is None:
                grid = job.model.tiling.grid(job.lattice) if piece.block else part.shape[1:-1]
                shape = (len(total), *grid, part.shape[-1])
                shares = file.create_dataset("contributions", shape, part.dtype)
            shares[piece.position()] = part
