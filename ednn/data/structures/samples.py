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
        self.positions = torch.from_numpy(labels.positions)  # (all atoms, 2)
        self.cell = torch.from_numpy(labels.cell)  # (N, 2, 2)
        self.on_atoms = torch.from_numpy(labels.forces)  # (all atoms, 2)

    def inputs(self, sample: Tensor) -> StructureBatch:
        numbers = self._padded(self.numbers, sample)
        return StructureBatch(numbers, self._padded(self.positions, sample), self.cell[sample])

    def forces(self, sample: Tensor) -> Tensor | None:
        return self._padded(self.on_atoms, sample) if len(self.on_atoms) else None

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
    """Translate each structure by any vector and mirror it along x and y, each or not.

    Args:
        batch: of structures, and forces where they are known.
        rng: what is drawn from.
        rotate: turns each by any angle, too.

    Example:
        >>> numbers, cell = torch.tensor([[6]]), torch.eye(2)[None] * 9
        >>> inputs = StructureBatch(numbers, torch.zeros(1, 1, 2), cell)
        >>> batch = Batch(inputs, torch.zeros(1, 1), torch.ones(1), torch.arange(1))
        >>> after = moved(batch, np.random.default_rng(0), rotate=False)
        >>> bool((after.inputs.positions.abs() < 9).all())
        True
    """
    structures: StructureBatch = batch.inputs
    size = (len(structures.cell), 1, 2)
    sign = torch.from_numpy(rng.choice([-1.0, 1.0], size)).to(structures.positions)
    turn = sign[:, 0].diag_embed()  # (B, 2, 2)
    shift = torch.from_numpy(rng.uniform(size=size)).to(structures.positions)
    if rotate:
        angle = torch.from_numpy(rng.uniform(0, 2 * np.pi, len(turn))).to(turn)
        cos, sin = angle.cos(), angle.sin()
        turn = turn @ torch.stack([cos, sin, -sin, cos], -1).unflatten(-1, (2, 2))
    cell = structures.cell @ turn
    positions = structures.positions @ turn + shift @ cell
    forces = None if batch.forces is None else batch.forces @ turn.to(batch.forces)
    return batch._replace(inputs=structures._replace(positions=positions, cell=cell), forces=forces)
