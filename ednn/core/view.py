"""What a picture needs to show a field cut into tiles."""

from dataclasses import dataclass

from torch import Tensor

from ednn.core.tiling import Tiling


@dataclass(frozen=True)
class TiledView:
    """A field as one tiling sees it, for a picture.

    Attributes:
        name: name of the branch, or of the field.
        values: first channel, or the sum of those of atoms, (*L).
        tiling: how the field is cut into tiles.
        padded: values with the context around them; None for those that the tiling pads.
        cell: sides in Å, if the field shows atoms.
        weight: weight of the branch in a linear join; None without one.
        coarse: side of the blocks of sites over which each value is averaged.
        space: "real", or the kind of reciprocal space.

    Example:
        >>> import torch
        >>> TiledView("field", torch.zeros(8, 8), Tiling(2, focus=2, context=1)).space
        'real'
    """

    name: str
    values: Tensor
    tiling: Tiling
    cell: tuple[float, ...] = ()
    weight: float | None = None
    coarse: int = 1
    space: str = "real"
    padded: Tensor | None = None
