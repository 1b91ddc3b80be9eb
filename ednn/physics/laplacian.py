"""The Laplacian operator of Eq. 2 of the paper, and its finite-difference stencils."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import convolve1d

from ednn.core.errors import InputError

# Weights of the one-dimensional second derivative at distance 0, 1, 2, … pixels.
STENCILS = {
    "5-point": (-2.0, 1.0),  # second order, l = 1
    "4th-order": (-5 / 2, 4 / 3, -1 / 12),  # l = 2
    "central-twice": (-1 / 2, 0.0, 1 / 4),  # the central difference applied twice, l = 2
}


def laplacian(images: ArrayLike, stencil: str = "4th-order") -> NDArray[np.float64]:
    """Return ∇²X of periodic images (..., nx, ny) → (..., nx, ny), in units of X per pixel².

    Divide it by h² for pixels of side h.

    Args:
        images: X, (..., nx, ny).
        stencil: a name in `STENCILS`.

    Raises:
        InputError: an unknown stencil.

    Example:
        >>> point = np.zeros((5, 5))
        >>> point[2, 2] = 1
        >>> laplacian(point, "5-point")[2].tolist()
        [0.0, 1.0, -4.0, 1.0, 0.0]
    """
    if stencil not in STENCILS:
        raise InputError(f"stencil={stencil!r} is unknown: use one of {', '.join(STENCILS)}.")
    half = STENCILS[stencil]
    weights = [*half[:0:-1], *half]
    x = np.asarray(images, dtype=np.float64)
    return convolve1d(x, weights, axis=-2, mode="wrap") + convolve1d(x, weights, mode="wrap")


def laplacian_sum(images: ArrayLike, stencil: str = "4th-order") -> NDArray[np.float64]:
    """Return L = Σ_ij |∇²X_ij| (Eq. 2) of periodic images (..., nx, ny) → (...), in X per pixel².

    The arguments are those of `laplacian`.

    Example:
        >>> point = np.zeros((5, 5))
        >>> point[2, 2] = 1
        >>> float(laplacian_sum(point, "5-point"))
        8.0
    """
    return np.abs(laplacian(images, stencil)).sum(axis=(-2, -1))
