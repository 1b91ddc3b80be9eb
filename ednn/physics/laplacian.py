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
    """∇²X of periodic images (..., nx, ny) → (..., nx, ny), in units of X per pixel².

    Divide by h² for a pixel of side h. Raises InputError for a stencil not in STENCILS.
    """
    if stencil not in STENCILS:
        raise InputError(f"stencil={stencil!r} is unknown: use one of {', '.join(STENCILS)}.")
    half = STENCILS[stencil]
    weights = [*half[:0:-1], *half]
    x = np.asarray(images, dtype=np.float64)
    return convolve1d(x, weights, axis=-2, mode="wrap") + convolve1d(x, weights, mode="wrap")


def laplacian_sum(images: ArrayLike, stencil: str = "4th-order") -> NDArray[np.float64]:
    """L = Σ_ij |∇²X_ij| (Eq. 2) of periodic images (..., nx, ny) → (...), in X per pixel²."""
    return np.abs(laplacian(images, stencil)).sum(axis=(-2, -1))
