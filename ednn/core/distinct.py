"""Distinct tiles of a discrete field: equal tiles share a number, so that each is evaluated once.

Spins at f = c = 1 have only 2⁹ possible tiles. To evaluate a subnetwork on these and to look up the
contribution of every tile is exact: values and gradients are those of evaluating every tile.
"""

from collections.abc import Sequence
from functools import reduce
from math import prod

import torch
from torch import Tensor

from ednn.core.tiling import Tiling


def tile_codes(
    padded: Tensor, tiling: Tiling, alphabet: Sequence[float]
) -> tuple[Tensor, int] | None:
    """Number the tiles of a padded field: two tiles are equal exactly when their codes are.

    The values of a tile are read as the digits of one integer, axis after axis.

    Args:
        padded: field with its context border, (B, C, *(L + 2c)).
        tiling: the tiles; the padding is done already.
        alphabet: the k values that the field can take, ascending.

    Returns:
        Codes (B, *grid) and their exclusive upper bound k^(C·(f + 2c)^d); None if the codes would
        not fit 63 bits or the field holds a value outside the alphabet.

    Example:
        >>> spins = torch.tensor([[[1.0, -1.0, 1.0]]])
        >>> codes, bound = tile_codes(spins, Tiling(1, focus=1, context=0), [-1.0, 1.0])
        >>> codes.tolist(), bound
        ([[1, 0, 1]], 2)
    """
    base, bound = len(alphabet), len(alphabet) ** (padded.shape[1] * prod(tiling.window))
    if bound >= 2**63:
        return None
    # Alphabets are short: comparing with each value is faster than a search.
    values = padded.new_tensor(alphabet)
    matches = [padded == value for value in values]  # k masks of (B, C, *(L + 2c))
    if not reduce(torch.logical_or, matches).all():
        return None
    digits = padded.new_zeros(padded.shape, dtype=torch.int32 if bound < 2**31 else torch.int64)
    for digit, match in enumerate(matches[1:], start=1):
        digits.add_(match, alpha=digit)
    code = _as_number(digits.unbind(1), base)  # (B, *(L + 2c)): one digit in base k^C per site
    base **= padded.shape[1]
    for axis, (f, width) in enumerate(zip(tiling.focus, tiling.window, strict=True), start=1):
        code = _as_number(code.unfold(axis, width, f).unbind(-1), base)  # (B, …, tiles, …)
        base **= width
    return code.long(), bound


def _as_number(digits: Sequence[Tensor], base: int) -> Tensor:
    number = digits[0].clone()
    for power, digit in enumerate(digits[1:], start=1):
        number.add_(digit, alpha=base**power)
    return number


def grouped(
    padded: Tensor, tiling: Tiling, alphabet: Sequence[float], most: float
) -> tuple[Tensor, Tensor] | None:
    """Group the equal tiles of padded fields (B, C, *(L + 2c)).

    Args:
        padded: fields with their context borders.
        tiling: the tiles; the padding is done already.
        alphabet: the values that the fields can take, ascending.
        most: groups that are worth it.

    Returns:
        Slot of every tile (B, *grid), and a tile for every slot (slots, C, *window); None if the
        tiles have no codes, or if there are too many slots.

    Example:
        >>> spins = torch.tensor([[[1.0, -1.0, 1.0]]])
        >>> slot, tiles = grouped(spins, Tiling(1, focus=1, context=0), [-1.0, 1.0], most=3)
        >>> slot.tolist(), tiles.flatten().tolist()
        ([[1, 0, 1]], [-1.0, 1.0])
    """
    coded = tile_codes(padded, tiling, alphabet)
    if coded is None:
        return None
    codes, bound = coded
    slot, representative = group(codes.flatten(), bound)
    if len(representative) > most:
        return None
    tiles = tiling.windows(padded)  # (B, *grid, C, *window)
    return slot.view(codes.shape), tiles[torch.unravel_index(representative, codes.shape)]


def group(codes: Tensor, bound: int) -> tuple[Tensor, Tensor]:
    """Group equal codes: give every tile a slot, and every slot one representative tile.

    Where the range of the codes is small, the codes are the slots, which saves sorting; a slot
    without tiles is then represented by tile 0, and is never looked up.

    Args:
        codes: one number per tile, (n,).
        bound: exclusive upper bound of the codes.

    Returns:
        Slot of each tile (n,), and for each slot the index of a tile with its code (slots,).

    Example:
        >>> codes = torch.tensor([7, 3, 7])
        >>> slot, representative = group(codes, bound=512)
        >>> slot.tolist(), codes[representative].tolist()
        ([1, 0, 1], [3, 7])
    """
    if bound <= len(codes):
        slot, slots = codes, bound
    else:
        distinct, slot = torch.unique(codes, return_inverse=True)
        slots = len(distinct)
    representative = codes.new_zeros(slots)
    representative.scatter_(0, slot, torch.arange(len(codes), device=codes.device))
    return slot, representative
