"""Labelled structures in memory, as batches that are padded to their largest."""

import numpy as np
import torch
from torch import Tensor

from ednn.core.interface import ExtensiveModel
from ednn.core.structure_batch import StructureBatch
from ednn.data.samples import Batch, ExtensiveDataset
from ednn.data.structures.file import LabelledSet


class StructureDataset(ExtensiveDataset):
    """Labelled structures in memory; a batch is padded to its largest.

    Example:
        >>> from ednn.data.structures.file import join
        >>> carbon = {"seed": 0, "numbers": [6], "positions": [[0.0, 0.0]], "cell": np.eye(2) * 9}
        >>> labels = join({0: {**carbon, "energy": -1.0, "forces": [[0.0, 0.0]]}}, {})
        >>> StructureDataset(labels).inputs(torch.tensor([0])).positions.shape
        torch.Size([1, 1, 2])
    """

    def __init__(self, labels: LabelledSet) -> None:
        atoms = np.diff(labels.offsets)  # (N,)
        super().__init__(torch.from_numpy(labels.energy)[:, None], torch.from_numpy(atoms))
        self.offsets = torch.from_numpy(labels.offsets)
        self.numbers = torch.from_numpy(labels.numbers.astype(np.int64))  # (all atoms,)
        self.positions = torch.from_numpy(labels.positions)  # (all atoms, D)
        self.cell = torch.from_numpy(labels.cell)  # (N, D, D)
        self.on_atoms = torch.from_numpy(labels.forces)  # (all atoms, D)
        self.on_cells = torch.from_numpy(labels.stress)  # (N, D, D)

    def inputs(self, sample: Tensor) -> StructureBatch:
        numbers = self._padded(self.numbers, sample)
        return StructureBatch(numbers, self._padded(self.positions, sample), self.cell[sample])

    def slopes(self, sample: Tensor) -> dict[str, Tensor]:
        forces = {"forces": self._padded(self.on_atoms, sample)} if len(self.on_atoms) else {}
        return forces | ({"stress": self.on_cells[sample]} if len(self.on_cells) else {})

    def known(self, model: ExtensiveModel, sample: Tensor) -> Tensor:
        """Return the reference energies, by a model in the host's memory."""
        return model.known(self.inputs(sample)).cpu()

    def example(self) -> StructureBatch:
        return self.inputs(torch.arange(len(self)))

    def _padded(self, column: Tensor, sample: Tensor) -> Tensor:
        """Gather the atoms of some structures, (B, A, …), zeros behind the last of each."""
        start, count = self.offsets[sample], self.sites[sample]  # (B,)
        slots = torch.arange(int(count.max()))  # (A,)
        real = slots < count[:, None]  # (B, A)
        padded = column.new_zeros(*real.shape, *column.shape[1:])
        padded[real] = column[(start[:, None] + slots)[real]]
        return padded


def moved(batch: Batch, rng: np.random.Generator, rotate: bool) -> Batch:
    """Translate each structure by any vector and mirror it along each axis, or not.

    Args:
        batch: of structures, with forces and stress where they are known.
        rng: what is drawn from.
        rotate: turns each in any direction, too.

    Example:
        >>> numbers, cell = torch.tensor([[6]]), torch.eye(2)[None] * 9
        >>> inputs = StructureBatch(numbers, torch.zeros(1, 1, 2), cell)
        >>> batch = Batch(inputs, torch.zeros(1, 1), torch.ones(1), torch.arange(1))
        >>> after = moved(batch, np.random.default_rng(0), rotate=False)
        >>> bool((after.inputs.positions.abs() < 9).all())
        True
    """
    structures: StructureBatch = batch.inputs
    count, dims = len(structures.cell), structures.cell.shape[-1]
    sign = rng.choice([-1.0, 1.0], (count, 1, dims))
    shift = torch.from_numpy(rng.uniform(size=sign.shape)).to(structures.positions)
    turns = sign * np.eye(dims)  # (B, D, D)
    if rotate:
        # Gaussian matrices know no direction
        turns = np.linalg.svd(rng.normal(size=turns.shape))[0] @ turns
    turn = torch.from_numpy(turns).to(structures.positions)
    cell = structures.cell @ turn
    positions = structures.positions @ turn + shift @ cell
    slopes = {name: values @ turn.to(values) for name, values in batch.slopes.items()}
    if "stress" in slopes:
        slopes["stress"] = turn.mT.to(slopes["stress"]) @ slopes["stress"]
    return batch._replace(inputs=structures._replace(positions=positions, cell=cell), slopes=slopes)
