"""A batch of structures of atoms, as models take it."""

from typing import Any, NamedTuple

from torch import Tensor

from ednn.core.errors import InputError


class StructureBatch(NamedTuple):
    """Structures along the two axes of a plane or the three of space.

    Attributes:
        numbers: atomic numbers (B, A), 0 where a structure has fewer atoms than the largest.
        positions: (B, A, D) in Å, inside the cell or not.
        cell: lattice vectors, (B, D, D) in Å, one per row; a row of zeros is a direction along
            which nothing repeats.

    Example:
        >>> import torch
        >>> positions = torch.tensor([[[0.0, 0.0], [1.4, 0.0]]])
        >>> carbon = StructureBatch(torch.tensor([[6, 6]]), positions, torch.eye(2)[None] * 9)
        >>> carbon.part(slice(0, 1)).numbers.tolist()
        [[6, 6]]
    """

    numbers: Tensor
    positions: Tensor
    cell: Tensor

    def part(self, index: Tensor | slice) -> "StructureBatch":
        """Return the structures of these indices."""
        return StructureBatch(*(column[index] for column in self))


def require_structures(inputs: Any) -> None:
    """Make sure that a model of structures is given some.

    Raises:
        InputError: a tensor or anything else, or tensors without the axis of the batch.

    Example:
        >>> require_structures("CH4")
        Traceback (most recent call last):
        ednn.core.errors.InputError: This model takes a StructureBatch and was given a str; ...
    """
    expected = "numbers (B, A), positions (B, A, D) and cell (B, D, D) for D axes"
    if not isinstance(inputs, StructureBatch):
        raise InputError(
            f"This model takes a StructureBatch and was given a {type(inputs).__name__}; give "
            f"StructureBatch(numbers, positions, cell), tensors {expected}."
        )
    numbers, positions, cell = (tuple(column.shape) for column in inputs)
    if (
        len(numbers) != 2
        or len(positions) != 3
        or positions[:2] != numbers
        or cell != (numbers[0], *positions[2:] * 2)
    ):
        raise InputError(
            f"A StructureBatch of numbers {numbers}, positions {positions} and cell {cell} has "
            f"shapes that don't go together; expected {expected}."
        )
