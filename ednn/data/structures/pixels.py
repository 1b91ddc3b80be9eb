"""The pixels of a data set of structures: so many of them along the sides of a cell."""

import warnings
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError
from ednn.data.module import require_whole

MOST = 2**21  # of a cell; 128³
FINE = 0.3  # Å, below which a volume takes minutes where a sheet takes seconds
AXES = {2: "two", 3: "three"}
LENGTHS = {2: "[12.5,13]", 3: "[7.2,7.2,7.2]"}


def cell_of_pixels(
    wanted: Sequence[float] | None, first: NDArray[np.float64], path: Path
) -> NDArray[np.float64]:
    """Return the lengths in Å that the pixels lie along, (D,).

    Args:
        wanted: what the config says; None for the lengths of the first structure's cell, of which
            the largest stands for directions along which nothing repeats.
        first: that cell (D, D) in Å.
        path: of the structures, for the message.

    Raises:
        InputError: not one length above 0 for each axis, or a first structure without a cell.

    Example:
        >>> cell_of_pixels(None, np.diag([9.0, 0.0]), Path("own.extxyz")).tolist()
        [9.0, 9.0]
    """
    dims = len(first)
    if wanted is not None:
        if len(wanted) != dims or min(wanted) <= 0:
            raise InputError(
                f"data.cell={[*wanted]} is not possible; give {AXES[dims]} sides above 0 Å, such "
                f"as {LENGTHS[dims]}, or null for the cell of the first structure."
            )
        return np.array(wanted, dtype=float)
    lengths = np.linalg.norm(first, axis=1)  # (D,)
    if not lengths.any():
        raise InputError(
            f"{path}: structure 0 has no cell; put one first that has, or give in data.cell the "
            f"lengths that data.grid pixels lie along, such as {LENGTHS[dims]}."
        )
    return np.where(lengths > 0, lengths, lengths.max())


def grid_of_pixels(wanted: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """Return the number of pixels along each axis.

    Args:
        wanted: one for all axes, or one per axis.
        dims: number of axes.

    Raises:
        InputError: no such numbers, or more pixels than a volume can have.

    Example:
        >>> grid_of_pixels(32, dims=2), grid_of_pixels([12, 12, 36], dims=3)
        ((32, 32), (12, 12, 36))
    """
    grid = (wanted,) * dims if isinstance(wanted, int) else tuple(wanted)
    if len(grid) != dims:
        raise InputError(
            f"data.grid={[*grid]} is not possible; give {AXES[dims]} numbers of pixels, or one for "
            f"all axes."
        )
    for side in grid:
        require_whole(grid=side, least=1)
    if prod(grid) > MOST:
        raise InputError(
            f"data.grid={wanted} makes {prod(grid):.3g} pixels in a cell; give fewer, of about 0.6 "
            f"Å, and Gaussians as wide (data.gamma=0.5)."
        )
    return grid


def warn_of_fine_pixels(pixel: Sequence[float], path: str) -> None:
    """Warn of pixels in a volume that are as small as those of a sheet.

    Args:
        pixel: sides in Å, (D,).
        path: of the structures, for the message.

    Example:
        >>> warn_of_fine_pixels((0.2, 0.2), "sheets.extxyz")
    """
    if len(pixel) == 3 and min(pixel) < FINE:
        warnings.warn(
            f"{path}: in a volume, pixels of {min(pixel):.2g} Å make a step take minutes; begin "
            f"with those of 0.6 Å of experiment=alloys, data.cell=[1.2,1.2,1.2] data.grid=2 "
            f"data.gamma=0.5.",
            stacklevel=2,
        )
