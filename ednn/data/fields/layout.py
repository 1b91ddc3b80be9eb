"""Where channels and sides stand in the fields of a file; fields whose lattice is flat."""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ednn.core.errors import InputError

FEW = 4  # an axis of at most so many entries holds the channels if the other has twice as many


class Layout(NamedTuple):
    """How fields are stored.

    Attributes:
        dims: number of sides.
        channels: number of field components.
        first: whether the channels stand before the sides; None if only one axis fits.
        sides: those of flat fields, whose sites stand row by row in one axis; empty for others.

    Example:
        >>> Layout(2, 3, False).words((200, 8, 8, 3), "site")
        '200 fields of 8 × 8 sites, 3 channels (last axis)'
        >>> Layout(2, 1, None, (8, 8)).words((200, 64), "spin")
        '200 fields of 8 × 8 spins (flat in the file, row by row), 1 channel'
    """

    dims: int
    channels: int
    first: bool | None = None
    sides: tuple[int, ...] = ()

    def lattice(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the sides of fields of a shape."""
        axis = channel_axis(shape, *self)
        stored = {None: shape[1:], 1: shape[2:], -1: shape[1:-1]}[axis]
        return self.sides or tuple(stored)

    def words(self, shape: Sequence[int], site: str) -> str:
        """Say how fields of a shape are read; `site` is what one point of them is called."""
        axis = channel_axis(shape, *self)
        sides = " × ".join(map(str, self.lattice(shape)))
        flat = " (flat in the file, row by row)" if self.sides else ""
        where = {None: "", 1: " (axis 1)", -1: " (last axis)"}[axis]
        channels = f"{self.channels} channel{'s' * (self.channels != 1)}{where}"
        return f"{shape[0]} fields of {sides} {site}s{flat}, {channels}"


def find_layout(
    shape: Sequence[int], dims: int, first: bool | None, sides: Sequence[int] = ()
) -> Layout:
    """Tell how fields of a shape are stored, where no model says how many channels they have.

    Args:
        shape: (N, *L), (N, C, *L) or (N, *L, C), or flat.
        dims: number of sides.
        first: whether the channels stand before the sides; None asks where that is not clear.
        sides: those of flat fields.

    Raises:
        InputError: another number of axes, or more than one way to read them.

    Example:
        >>> find_layout((100, 8, 8, 3), dims=2, first=None)
        Layout(dims=2, channels=3, first=False, sides=())
    """
    if sides:
        return _find_flat(shape, first, tuple(sides))
    refuse_flat(shape, dims, "data.")
    if len(shape) == dims + 1:
        return Layout(dims, 1, True)
    if len(shape) != dims + 2:
        raise InputError(
            f"Fields of shape {tuple(shape)} don't fit data.dims={dims}: expected (N, sides), (N, "
            f"channels, sides) or (N, sides, channels) with {dims} side(s); give another data.dims."
        )
    if first is None:
        few, many = sorted((shape[1], shape[-1]))
        if few > FEW or many < 2 * few:
            raise _unclear(shape, dims)
        first = shape[1] < shape[-1]
    return Layout(dims, shape[1] if first else shape[-1], first)


def channel_axis(
    shape: Sequence[int],
    dims: int,
    channels: int,
    first: bool | None = None,
    sides: Sequence[int] = (),
) -> int | None:
    """Tell which axis of fields holds their channels: 1, −1, or None where there is no such axis.

    Args:
        shape: (N, *L), (N, C, *L) or (N, *L, C), or flat.
        dims: number of sides.
        channels: how many there are.
        first: which of the two it is where both fit, as in a training.
        sides: those of flat fields.

    Raises:
        InputError: neither axis has the expected number of channels, or both and `first` is None.

    Example:
        >>> channel_axis((5, 3, 8, 8), 2, 3), channel_axis((5, 8, 8, 3), 2, 3)
        (1, -1)
        >>> channel_axis((5, 4, 8, 4), 2, 4, first=False)
        -1
    """
    stored, sites = (1, prod(sides)) if sides else (dims, None)  # axes without channels
    if len(shape) == stored + 1 and channels == 1 and sites in (None, shape[1]):
        return None
    ends = ((1, shape[-1]), (-1, shape[1])) if len(shape) == stored + 2 else ()
    fits = [axis for axis, other in ends if shape[axis] == channels and sites in (None, other)]
    if len(fits) == 2 and first is None:
        raise InputError(
            f"Fields of shape {tuple(shape)} may have their {channels} channels before the sides "
            f"or behind them, and the model doesn't say; give channels_first=true or false."
        )
    if fits:
        return fits[-1] if first is False else fits[0]
    flat = f", flat ones {prod(sides)} sites (sides={list(sides)})" if sides else ""
    raise InputError(
        f"Fields of shape {tuple(shape)} don't fit: expected (N, channels, sides) or "
        f"(N, sides, channels) with {channels} channel(s) and {dims} side(s){flat}."
    )


def channels_first(
    fields: np.ndarray,
    dims: int,
    channels: int,
    first: bool | None = None,
    sides: Sequence[int] = (),
) -> np.ndarray:
    """Bring fields (N, *L), (N, C, *L), (N, *L, C) or flat ones to (N, C, *L), as a view.

    Arguments and errors are those of `channel_axis`.

    Example:
        >>> channels_first(np.zeros((5, 8, 8, 3)), dims=2, channels=3).shape
        (5, 3, 8, 8)
    """
    return bring_first(fields, channel_axis(fields.shape, dims, channels, first, sides), sides)


def bring_first(fields: np.ndarray, axis: int | None, sides: Sequence[int] = ()) -> np.ndarray:
    """Bring the channels of fields from an axis that `channel_axis` found to axis 1, as a view.

    Example:
        >>> bring_first(np.zeros((5, 64, 3)), axis=-1, sides=(8, 8)).shape
        (5, 3, 8, 8)
    """
    moved = fields[:, None] if axis is None else np.moveaxis(fields, axis, 1)
    return moved.reshape(*moved.shape[:2], *sides) if sides else moved


def require_sides(sides: Any, option: str) -> tuple[int, ...]:
    """Return the sides of flat fields as the user gave them; none for null.

    Raises:
        InputError: they are not one to three whole numbers.

    Example:
        >>> require_sides([8, 8], "data.sides"), require_sides(None, "data.sides")
        ((8, 8), ())
    """
    if sides is None:
        return ()
    given = list(sides) if isinstance(sides, Sequence) and not isinstance(sides, str) else []
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in given)
    if not whole or not 1 <= len(given) <= 3:
        raise InputError(
            f"{option}={sides} is not possible; give the sides of the lattice, one to three whole "
            f"numbers such as [8,8]."
        )
    return tuple(given)


def require_first(first: Any, option: str) -> bool | None:
    """Return whether channels stand first as the user gave it.

    Raises:
        InputError: it is not true, false or null.

    Example:
        >>> require_first("last", "data.channels_first")
        Traceback (most recent call last):
        ednn.core.errors.InputError: data.channels_first=last is not possible; give true, false ...
    """
    if first is not None and not isinstance(first, bool):
        raise InputError(f"{option}={first} is not possible; give true, false or null.")
    return first


def _find_flat(shape: Sequence[int], first: bool | None, sides: tuple[int, ...]) -> Layout:
    """Tell how flat fields are stored: the axis of their sites is known by its length."""
    sites, row = prod(sides), shape[1:]
    if len(shape) == 2 and shape[1] == sites:
        return Layout(len(sides), 1, True, sides)
    if len(shape) != 3 or sites not in row:
        others = _lattices(max(row)) if len(shape) == 2 or (len(shape) == 3 and 1 in row) else ""
        cure = f"give {others}" if others else "give others, or leave data.sides out"
        raise InputError(
            f"data.sides={list(sides)} are {sites} sites in one axis, but the fields have the "
            f"shape {tuple(shape)}; {cure}."
        )
    if row[0] == row[1] and first is None:
        raise _unclear(shape, 1)
    first = row[1] == sites if row[0] != row[1] else first
    return Layout(len(sides), row[0] if first else row[1], first, sides)


def refuse_flat(shape: Sequence[int], dims: int, prefix: str = "") -> None:
    """Ask for the sides of fields whose sites stand in one axis, alone or beside one of length 1.

    Args:
        shape: of the fields.
        dims: number of sides that they should have.
        prefix: of the options, such as "data.".

    Raises:
        InputError: they are flat.

    Example:
        >>> refuse_flat((200, 64), dims=2)
        Traceback (most recent call last):
        ednn.core.errors.InputError: Fields of shape (200, 64) are flat: their 64 sites stand in ...
    """
    row = [n for n in shape[1:] if n > 1]
    if dims == 1 or len(shape) not in (2, 3) or len(row) > 1:
        return
    sites = max(row, default=1)
    if len(shape) == 3 and sites == 1:
        return
    known = _lattices(sites, (2, 3) if prefix else (dims,)) or "such as data.sides=[4,8] for 32"
    chain = f", or data.dims=1 if they are chains of {sites}" if prefix else ""
    raise InputError(
        f"Fields of shape {tuple(shape)} are flat: their {sites} sites stand in one axis; give the "
        f"sides of the lattice, {known.replace('data.', prefix)}{chain}."
    )


def _lattices(sites: int, possible: Sequence[int] = (2, 3)) -> str:
    """Name the square and the cube of so many sites, where there are any."""
    roots = {dims: round(sites ** (1 / dims)) for dims in possible}
    equal = [[root] * dims for dims, root in roots.items() if root**dims == sites]
    return " or ".join(f"data.sides={sides}".replace(" ", "") for sides in equal)


def _unclear(shape: Sequence[int], dims: int) -> InputError:
    """Ask where the channels stand."""
    readings = [
        f"{word}: {channels} channels on {' × '.join(map(str, lattice))} sites"
        for word, channels, lattice in (
            ("true", shape[1], shape[2:]),
            ("false", shape[-1], shape[1:-1]),
        )
    ]
    none = f", or data.dims={dims + 1} if they have no channels" if dims < 3 else ""
    return InputError(
        f"Fields of shape {tuple(shape)} don't show where their channels stand; give "
        f"data.channels_first=true or false{none} ({'; '.join(readings)})."
    )
