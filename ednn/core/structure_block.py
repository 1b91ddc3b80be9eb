"""A block of the tiles of one structure, for fields that don't fit in memory."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor


class StructureBlock(NamedTuple):
    """A block of tiles, and the atoms whose Gaussians reach it; an image is an atom of its own.

    Attributes:
        numbers: atomic numbers (A,) of all atoms within `Renderer.reach` of the block.
        positions: (A, D) in Å, from the corner of the block without its context.
        tile: indices of the tile in whose focus each atom lies, (A, D); outside the block's grid
            for atoms outside the block.
        pixel: sides of a pixel in Å, (D,).
        tiles: number of tiles of the block along each axis.
        weights: of the sites of the block, (*L), in a cell that is not whole tiles; else None.
        is_open: whether there are directions along which nothing repeats.

    Example:
        >>> import torch
        >>> atom = torch.tensor([6]), torch.zeros(1, 2), torch.zeros(1, 2, dtype=torch.long)
        >>> StructureBlock(*atom, pixel=[0.25, 0.25], tiles=[2, 1]).is_open
        False
    """

    numbers: Tensor
    positions: Tensor
    tile: Tensor
    pixel: Sequence[float]
    tiles: Sequence[int]
    weights: Tensor | None = None
    is_open: bool = False
