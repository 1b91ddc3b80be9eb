"""Tiles: a focus region of side f inside a context border of width c, in any dimension.

Everything here is index arithmetic. A padded field is *viewed* as overlapping windows; nothing is
copied until a subnetwork asks for a contiguous batch of tiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from numbers import Integral

import torch
import torch.nn.functional as F
from torch import Tensor

from ednn.core.errors import InputError
from ednn.core.wrap import wrap

PADDINGS = ("periodic", "zeros", "reflect", "replicate")


@dataclass(frozen=True)
class Tiling:
    """How a field on a `dims`-dimensional lattice is cut into tiles (paper, Fig. 1).

    Args:
        dims: dimension of the lattice (1, 2 or 3).
        focus: side f of the focus, one integer or one per axis.
        context: width c of the context border, one integer or one per axis.
        padding: what lies beyond the edge: "periodic", "zeros", "reflect" or "replicate".

    Raises:
        InputError: f < 1, c < 0, a wrong number of axes, or an unknown padding.

    Example:
        >>> tiling = Tiling(dims=2, focus=4, context=1)
        >>> tiling.window, tiling.grid((8, 12))
        ((6, 6), (2, 3))
        >>> tiling.tiles(torch.ones(5, 1, 8, 12)).shape
        torch.Size([5, 2, 3, 1, 6, 6])
    """

    dims: int
    focus: tuple[int, ...]
    context: tuple[int, ...]
    padding: str = "periodic"

    def __init__(
        self,
        dims: int,
        focus: int | Sequence[int],
        context: int | Sequence[int],
        padding: str = "periodic",
    ) -> None:
        if dims not in (1, 2, 3):
            raise InputError(f"dims={dims}: fields have 1, 2 or 3 axes; set dims to one of these.")
        if padding not in PADDINGS:
            known = ", ".join(PADDINGS)
            raise InputError(f"padding={padding!r} is unknown; choose one of {known}.")
        object.__setattr__(self, "dims", dims)
        object.__setattr__(self, "focus", _per_axis(focus, dims, "focus f", least=1))
        object.__setattr__(self, "context", _per_axis(context, dims, "context c", least=0))
        object.__setattr__(self, "padding", padding)

    @property
    def window(self) -> tuple[int, ...]:
        """Sides f + 2c of a whole tile."""
        return tuple(f + 2 * c for f, c in zip(self.focus, self.context, strict=True))

    @property
    def sites(self) -> int:
        """Number of sites in one focus; every site belongs to the focus of exactly one tile."""
        return prod(self.focus)

    @property
    def values(self) -> int:
        """Number of sites in a whole tile, including its context."""
        return prod(self.window)

    def grid(self, lattice: Sequence[int]) -> tuple[int, ...]:
        """Return the number of tiles per axis for a lattice whose sides are multiples of f.

        Raises:
            InputError: a side is not a positive multiple of f.
        """
        lattice = tuple(lattice)
        if len(lattice) != self.dims:
            raise InputError(
                f"The lattice {_times(lattice)} has {len(lattice)} axes, but the tiles have "
                f"{self.dims}; give fields of shape (batch, channels, {self.dims} sides)."
            )
        for side, f in zip(lattice, self.focus, strict=True):
            if side < f or side % f:
                near = max(f, side - side % f)
                raise InputError(
                    f"A side of {side} in the lattice {_times(lattice)} is not a multiple of the "
                    f"focus f={f}; use a side such as {near} or {near + f}, or another tile.f."
                )
        return tuple(side // f for side, f in zip(lattice, self.focus, strict=True))

    def longest(self, tiles: Sequence[int]) -> int:
        """Return the axis along which a block is longest, among those with two tiles or more.

        Blocks are halved along it: square blocks repeat the least of each other's context.
        """
        sides = [n * f if n > 1 else 0 for n, f in zip(tiles, self.focus, strict=True)]
        return sides.index(max(sides))

    def padded(self, tiles: Sequence[int]) -> tuple[int, ...]:
        """Return the sides of a block of so many tiles per axis with its context."""
        return tuple(n * f + 2 * c for n, f, c in zip(tiles, self.focus, self.context, strict=True))

    def mean(self, values: Tensor) -> Tensor:
        """Average values of sites over the focus of each tile: (B, *L) → (B, *grid)."""
        for axis, f in enumerate(self.focus):
            values = values.unflatten(1 + axis, (-1, f)).mean(2 + axis)
        return values

    def pad(self, field: Tensor) -> Tensor:
        """Add the context border: (..., *L) → (..., *(L + 2c)); c may exceed the lattice."""
        if self.padding == "zeros":
            widths = [c for c in reversed(self.context) for _ in range(2)]
            return F.pad(field, widths)
        for axis, c in enumerate(self.context, start=field.ndim - self.dims):
            side = field.shape[axis]
            if self.padding == "periodic" and 0 < c <= side:  # faster, in the same memory format
                field = wrap(field, axis, c)
            elif c:
                positions = torch.arange(-c, side + c, device=field.device)
                field = field.index_select(axis, self.source(positions, side))
        return field

    def windows(self, padded: Tensor) -> Tensor:
        """View a padded field as tiles: (B, C, *(L + 2c)) → (B, *grid, C, *window), no copy."""
        for axis, (f, width) in enumerate(zip(self.focus, self.window, strict=True), start=2):
            padded = padded.unfold(axis, width, f)  # (B, C, …, tiles along this axis, …, width)
        return padded.movedim(1, 1 + self.dims)  # (B, *grid, C, *window)

    def tiles(self, field: Tensor) -> Tensor:
        """Cut a field (B, C, *L) into overlapping tiles (B, *grid, C, *window), as a view."""
        self.grid(field.shape[2:])
        return self.windows(self.pad(field))

    def source(self, positions: Tensor, side: int) -> Tensor:
        """Map positions along an axis (n,), also beyond its ends, to the sites shown there.

        A position where the padding is zero is mapped to -1.
        """
        if self.padding == "periodic":
            return positions % side
        if self.padding == "replicate":
            return positions.clamp(0, side - 1)
        if self.padding == "zeros":
            return torch.where((positions >= 0) & (positions < side), positions, -1)
        period = max(1, 2 * (side - 1))  # reflect: mirrors at both ends, edge sites not repeated
        positions = positions % period
        return torch.minimum(positions, period - positions)


def _per_axis(value: int | Sequence[int], dims: int, name: str, least: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, Sequence) else (value,) * dims
    if len(values) != dims:
        raise InputError(
            f"{name}={list(values)} has {len(values)} values for {dims} axes; "
            f"give one integer or one per axis."
        )
    for v in values:
        if not isinstance(v, Integral) or v < least:
            raise InputError(f"{name}={v} is not possible; give an integer of at least {least}.")
    return tuple(int(v) for v in values)


def _times(sides: Sequence[int]) -> str:
    return " × ".join(map(str, sides))
