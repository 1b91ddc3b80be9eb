"""Where the channels of a field stand: before its sides, behind them, or nowhere."""

from collections.abc import Sequence

import numpy as np

from ednn.core.errors import InputError


def find_channels(shape: Sequence[int], dims: int, first: bool | None) -> tuple[int, bool]:
    """Tell how many channels fields of a shape have, and whether these stand before the sides.

    Args:
        shape: (N, *L), (N, C, *L) or (N, *L, C).
        dims: number of sides.
        first: the answer, if it is known; None takes the shorter of the two axes for the channels.

    Raises:
        InputError: another number of axes, or two axes of the same length.

    Example:
        >>> find_channels((100, 8, 8, 3), dims=2, first=None)
        (3, False)
    """
    if len(shape) == dims + 1:
        return 1, True
    if len(shape) != dims + 2:
        raise InputError(
            f"Fields of shape {tuple(shape)} don't fit data.dims={dims}: expected (N, sides), (N, "
            f"channels, sides) or (N, sides, channels) with {dims} side(s); give another data.dims."
        )
    if first is None and shape[1] == shape[-1]:
        raise InputError(
            f"Fields of shape {tuple(shape)} don't show where their channels stand; give "
            f"data.channels_first=true or false, or data.dims={dims + 1} if they have no channels."
        )
    if first is None:
        first = shape[1] < shape[-1]
    return (shape[1] if first else shape[-1]), first


def channel_axis(
    shape: Sequence[int], dims: int, channels: int, first: bool | None = None
) -> int | None:
    """Tell which axis of fields holds their channels: 1, −1, or None where there is no such axis.

    Args:
        shape: (N, *L), (N, C, *L) or (N, *L, C).
        dims: number of sides.
        channels: how many there are.
        first: which of the two it is where both fit, as in a training; None takes the first.

    Raises:
        InputError: neither axis has the expected number of channels.

    Example:
        >>> channel_axis((5, 3, 8, 8), 2, 3), channel_axis((5, 8, 8, 3), 2, 3)
        (1, -1)
        >>> channel_axis((5, 4, 8, 4), 2, 4, first=False)
        -1
    """
    if len(shape) == dims + 1 and channels == 1:
        return None
    if len(shape) == dims + 2:
        order = (-1, 1) if first is False else (1, -1)
        for axis in order:
            if shape[axis] == channels:
                return axis
    raise InputError(
        f"Fields of shape {tuple(shape)} don't fit: expected (N, channels, sides) or "
        f"(N, sides, channels) with {channels} channel(s) and {dims} side(s)."
    )


def channels_first(
    fields: np.ndarray, dims: int, channels: int, first: bool | None = None
) -> np.ndarray:
    """Bring fields (N, *L), (N, C, *L) or (N, *L, C) to (N, C, *L), as a view.

    Arguments and errors are those of `channel_axis`.

    Example:
        >>> channels_first(np.zeros((5, 8, 8, 3)), dims=2, channels=3).shape
        (5, 3, 8, 8)
    """
    axis = channel_axis(fields.shape, dims, channels, first)
    return fields[:, None] if axis is None else np.moveaxis(fields, axis, 1)
