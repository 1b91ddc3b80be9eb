"""The distance of neighbouring sites, which makes derivatives by fields ones per volume."""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from ednn.core.errors import InputError


def require_spacing(spacing: Any, dims: int) -> tuple[float, ...]:
    """Return the distance of neighbouring sites along each axis; none for null.

    Raises:
        InputError: it is not one number above 0, or one per axis.

    Example:
        >>> require_spacing(0.25, dims=2), require_spacing(None, dims=2)
        ((0.25, 0.25), ())
    """
    if spacing is None:
        return ()
    given = list(spacing) if isinstance(spacing, Sequence) else [spacing] * dims
    numbers = all(isinstance(d, int | float) and not isinstance(d, bool) for d in given)
    if not numbers or len(given) != dims or not all(0 < d < inf for d in given):
        raise InputError(
            f"data.spacing={spacing} is not possible; give the distance of neighbouring sites, a "
            f"number above 0, or {dims}: one per axis."
        )
    return tuple(map(float, given))


def require_same_spacing(trained: Sequence[float], found: Sequence[float], what: str) -> None:
    """Make sure that fields have the spacing of those that a model was trained on.

    Args:
        trained: distance of the sites along each axis in the training; empty if not known.
        found: the same of the fields.
        what: their name.

    Raises:
        InputError: both are known and differ.

    Example:
        >>> require_same_spacing((0.25,), (0.5,), "a.nc")
        Traceback (most recent call last):
        ednn.core.errors.InputError: a.nc has a spacing of (0.5,), and the model was trained ...
    """
    if not trained or not found:
        return
    if len(trained) != len(found) or not np.allclose(trained, found, rtol=1e-3, atol=0):
        raise InputError(
            f"{what} has a spacing of {tuple(found)}, and the model was trained on fields of "
            f"{tuple(trained)}, which its derivatives refer to; give fields of that spacing."
        )
