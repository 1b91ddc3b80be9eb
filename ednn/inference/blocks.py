"""Blocks: parts of a lattice in whole tiles, which are evaluated alone with their context."""

from collections.abc import Sequence
from itertools import product
from math import prod

from ednn.core.errors import InputError
from ednn.core.tiling import Tiling

Block = tuple[slice, ...]  # the tiles along every axis

# Sites of a piece, even if more fit in memory: enough that in two dimensions little context is
# repeated, and so few that there are pieces for many processes and a kill loses seconds.
PIECE_SITES = 2**20


def cut(tiling: Tiling, lattice: Sequence[int], sites: int) -> list[Block]:
    """Cut a lattice into blocks that with their context have at most so many sites.

    They have no more than `PIECE_SITES` either, but always one tile.

    Raises:
        InputError: one tile has more sites, or the lattice isn't whole tiles.

    Example:
        >>> cut(Tiling(2, 2, 1), (8, 4), sites=24)
        [(slice(0, 1, None), slice(0, 2, None)), (slice(1, 2, None), slice(0, 2, None)), ...]
    """
    grid = tiling.grid(lattice)
    if prod(tiling.window) > sites:
        raise InputError(
            f"A tile of {' × '.join(map(str, tiling.window))} sites doesn't fit in memory, which "
            f"has room for blocks of {sites} sites; give a larger memory=… (GB)."
        )
    sides, sites = list(grid), max(prod(tiling.window), min(sites, PIECE_SITES))
    while prod(tiling.padded(sides)) > sites:
        axis = tiling.longest(sides)
        sides[axis] = (sides[axis] + 1) // 2
    spans = [
        [slice(start, min(start + side, tiles)) for start in range(0, tiles, side)]
        for tiles, side in zip(grid, sides, strict=True)
    ]
    return list(product(*spans))


def positions(tiling: Tiling, block: Block) -> list[range]:
    """Where a block with its context stands along every axis; it may reach beyond the lattice.

    Example:
        >>> positions(Tiling(1, 4, 2), (slice(0, 2),))
        [range(-2, 10)]
    """
    return [
        range(span.start * f - c, span.stop * f + c)
        for span, f, c in zip(block, tiling.focus, tiling.context, strict=True)
    ]
