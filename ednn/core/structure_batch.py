"""A batch of structures of atoms, as models take it."""

from typing import NamedTuple

from torch import Tensor


class StructureBatch(NamedTuple):
    """Flat structures in periodic rectangular cells.

    Attributes:
        numbers: atomic numbers (B, A), 0 where a structure has fewer atoms than the largest.
        positions: (B, A, 2) in Å.
        cell: sides (B, 2) in Å.

    Example:
        >>> import torch
        >>> positions = torch.tensor([[[0.0, 0.0], [1.4, 0.0]]])
        >>> carbon = StructureBatch(torch.tensor([[6, 6]]), positions, torch.ones(1, 2) * 9)
        >>> carbon.part(slice(0, 1)).numbers.tolist()
        [[6, 6]]
    """

    numbers: Tensor
    positions: Tensor
    cell: Tensor

    def part(self, index: Tensor | slice) -> "StructureBatch":
        """Return the structures of these indices."""
        return StructureBatch(*(column[index] for column in self))
