"""Predict fields in a file, which may be larger than the memory."""

import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from math import prod

import numpy as np
import torch
from torch import Tensor

from ednn.core.errors import InputError
from ednn.core.interface import FieldModel
from ednn.data.fields.layout import (
    Layout,
    bring_first,
    channel_axis,
    refuse_flat,
)
from ednn.data.fields.spacing import require_same_spacing
from ednn.data.formats.stored import StoredNumbers
from ednn.inference.blocks import PIECE_SITES, Block, cut, positions
from ednn.inference.deviations import kept, settled
from ednn.inference.pieces import BY_GRADIENT, Arrays, Job, Piece


class FieldJob(Job):
    """The fields of an array in a file, (N, *L), (N, C, *L) or (N, *L, C), or flat.

    Args:
        model: what predicts.
        numbers: the fields.
        sites: how many a block may have.
        first: whether the channels stand before the sides; None for as in the training.
        sides: those of flat fields.
        derivative: whether the derivative by the fields is wanted, too.
        sums: whether sums alone are wanted, not what every tile contributes.

    Raises:
        InputError: they don't fit the model or, in their chunks, in memory, or are not all there.

    Example:
        >>> from pathlib import Path
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> fields = StoredNumbers(np.zeros((3, 8, 8)), Path("fields.npy"))
        >>> job = FieldJob(EDNN(ANN, 2, 1), fields, sites=10**6)
        >>> len(job.pieces), job.evaluate(job.pieces[0])["contributions"].shape
        (1, (3, 4, 4, 1))
    """

    def __init__(
        self,
        model: FieldModel,
        numbers: StoredNumbers,
        sites: int,
        first: bool | None = None,
        sides: Sequence[int] = (),
        derivative: bool = False,
        sums: bool = False,
    ) -> None:
        self.model, self.numbers, self.derivative, self.sums = model, numbers, derivative, sums
        model.require_slopes(["derivative"] if derivative else [])
        self.name, shape, chunks = numbers.name, numbers.shape, numbers.chunks
        if not prod(shape):
            raise InputError(f"{self.name} of shape {shape} holds no fields.")
        info = model.info
        if not sides:
            refuse_flat(shape, info.dims)
        if first is None:
            first = numbers.axes.channels_first(self.name) if not sides else None
        stored_first = info.channels_first if first is None else first
        self.layout = Layout(info.dims, info.channels, stored_first, tuple(sides))
        self.axis = channel_axis(shape, *self.layout)
        numbers.require_present()
        found = () if sides else numbers.axes.spacing(self.axis)
        require_same_spacing(info.spacing, found, self.name)
        self.lattice = self.layout.lattice(shape)
        self.shape = (len(numbers), len(info.outputs))
        if chunks and prod(chunks) > sites * info.channels:
            raise InputError(
                f"{self.name} is stored in chunks of {chunks}, which don't fit in memory; "
                f"store it in smaller ones (of HDF5: h5repack) or give a larger memory=… (GB)."
            )
        sites //= BY_GRADIENT if derivative else 1
        if model.indivisible and prod(self.lattice) > sites:
            raise InputError(
                f"{self.name} does not fit in memory, and the model can't take it in blocks, as "
                f"{model.indivisible}; give a larger memory=… (GB)."
            )
        self.pieces = self._cut(len(numbers), sites)
        self.warned = False

    @property
    def reading(self) -> str:
        """How the fields are read, in one line."""
        fields = self.layout.words(self.numbers.shape, self.model.info.site)
        return f"{self.name}: {fields}{self.numbers.packing.words}"

    def _cut(self, count: int, sites: int) -> list[Piece]:
        """Cut so many fields into pieces: some fields, or a block of one."""
        tiling = self.model.tiling
        blocks = [] if self.model.indivisible else cut(tiling, self.lattice, sites)
        if len(blocks) > 1 and self.layout.sides:
            raise InputError(
                f"{self.name} does not fit in memory, and flat fields can't be read in blocks; "
                f"give a larger memory=… (GB), or store them with their sides."
            )
        if len(blocks) > 1:
            samples = [slice(i, i + 1) for i in range(count)]
            return [Piece(sample, block) for sample in samples for block in blocks]
        field = prod(n + 2 * c for n, c in zip(self.lattice, tiling.context, strict=True))
        n = max(1, min(sites, PIECE_SITES) // field)
        return [Piece(slice(i, i + n)) for i in range(0, count, n)]

    def evaluate(self, piece: Piece) -> Arrays:
        if piece.block is None:
            method, values = "shares", self.numbers.read(piece.samples)
        else:
            method, values = "block_shares", self._read(piece.samples.start, piece.block)
        fields = self._tensor(values).requires_grad_(self.derivative)
        with torch.set_grad_enabled(self.derivative):
            shares = self.model.call(method, fields)
            arrays = settled(self.model, piece, kept(shares))
            if self.derivative:
                # By the context as well: blocks add up to the whole derivative.
                (slope,) = torch.autograd.grad(shares.tiles.sum(), fields)
                arrays["derivative"] = (slope / prod(self.model.info.spacing)).cpu().numpy()
        return {**arrays, "contributions": _sum(arrays["contributions"])} if self.sums else arrays

    def sources(self, block: Block) -> list[np.ndarray]:
        """Return the site that each position of a block with its context shows, along every axis.

        It is −1 for a position that shows none but zeros.
        """
        tiling = self.model.tiling
        return [
            tiling.source(torch.arange(line.start, line.stop), side).numpy()
            for line, side in zip(positions(tiling, block), self.lattice, strict=True)
        ]

    def _read(self, sample: int, block: Block) -> np.ndarray:
        """Read a block of a sample with its context, laid out as in the file."""
        sources = self.sources(block)
        shape = [1, *self.numbers.shape[1:]]
        before = 2 if self.axis == 1 else 1  # axes before the sides
        axes = range(before, before + len(sources))
        for axis, line in zip(axes, sources, strict=True):
            shape[axis] = len(line)
        values = np.zeros(shape, self._kind)
        for runs in product(*map(site_runs, sources)):
            there, here = [slice(None)] * len(shape), [slice(None)] * len(shape)
            for axis, (position, source) in zip(axes, runs, strict=True):
                here[axis], there[axis] = position, source
            part = self.numbers.read(slice(sample, sample + 1), tuple(there[1:]))
            self._check(part)
            values[tuple(here)] = part
        return values

    def _check(self, part: np.ndarray) -> None:
        """Refuse values never trained on, and warn of unusual ones once, not in every block."""
        seen = self.model.values_seen
        words = seen.unusual(self._tensor(part), part=True) if seen is not None else None
        if words and not self.warned:
            warnings.warn(words, stacklevel=2)
            self.warned = True

    @property
    def _kind(self) -> type[np.floating]:
        return np.float64 if self.model.precision == torch.float64 else np.float32

    def _tensor(self, fields: np.ndarray) -> Tensor:
        """Bring fields as they are stored to (B, C, *L), on the model's device."""
        device = self.model.shift.device
        first = bring_first(fields, self.axis, self.layout.sides)
        return torch.from_numpy(np.ascontiguousarray(first, dtype=self._kind)).to(device)


def _sum(shares: np.ndarray) -> np.ndarray:
    """Sum (B, *tiles, outputs) over the tiles, as if they were one."""
    return shares.sum(tuple(range(1, shares.ndim - 1)), dtype=np.float64, keepdims=True)


def site_runs(sites: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Yield runs of positions that show neighbouring sites, and the sites; none that show zero.

    Example:
        >>> list(site_runs(np.array([-1, 0, 1, 0])))
        [(slice(1, 3, None), slice(0, 2, None)), (slice(3, 4, None), slice(0, 1, None))]
    """
    ends = np.flatnonzero((np.diff(sites) != 1) | (sites[:-1] < 0)) + 1
    for start, stop in pairwise([0, *ends.tolist(), len(sites)]):
        if (site := int(sites[start])) >= 0:
            yield slice(start, stop), slice(site, site + stop - start)
