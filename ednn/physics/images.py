"""Random smooth images: the potentials of Mills, Spanner and Tamblyn (arXiv 1702.01361)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import binary_fill_holes, fourier_gaussian
from scipy.spatial import ConvexHull

from ednn.core.errors import InputError

EXTENT = 40.0  # side of the source's images in a.u.
HEIGHT = 20.0  # value of the flat border, and range of an image
CELLS = 16  # number of random cells along EXTENT
SOURCE_PIXELS = 256  # pixels along EXTENT for which the source gives its lengths
CANVAS = 200  # side in pixels of the source's canvas for the outline of the mask


def random_image(
    seed: int | Sequence[int],
    side: int = 250,
    pixels_per_extent: int = 250,
    powers: Sequence[float] = (0.1, 0.5, 1.0, 2.0),
) -> NDArray[np.float64]:
    """Return a random smooth periodic image, (side, side), with values in [0, 20].

    A pixel is 40 a.u. / `pixels_per_extent` wide whatever the side, and so are the random cells and
    both blurs: images of any size have the same local structure. Only the mask grows with the box.
    The border is flat at the default size, and merely smooth in a box not much larger than the
    mask's blur (about 80 pixels). All blurs are periodic, and so is the image.

    Args:
        seed: determines the image.
        side: of the image, in pixels.
        pixels_per_extent: number of pixels per 40 a.u.
        powers: exponents, one of which sharpens or flattens the image. Implementations of the
            source disagree between (0.1, 0.5, 1, 2) and (0.5, 1, 1.5, 2).

    Raises:
        InputError: a side below a fifth of `pixels_per_extent`, with too few random cells.

    Example:
        >>> image = random_image(seed=0, side=64, pixels_per_extent=64)
        >>> image.shape, float(image.min()), float(image.max()) <= 20
        ((64, 64), 0.0, True)
    """
    if side < pixels_per_extent / 5:
        raise InputError(
            f"An image side of {side} pixels is too small at {pixels_per_extent} pixels per "
            f"{EXTENT:g} a.u.: use at least {-(-pixels_per_extent // 5)}."
        )
    rng = np.random.default_rng(seed)
    scale = pixels_per_extent / SOURCE_PIXELS
    noise = _blur(_binary_noise(rng, side, pixels_per_extent), rng.uniform(6, 10) * scale)
    mask = _blur(_blob(rng, side), rng.uniform(10, 16) * scale)
    wells = np.abs(noise) ** rng.choice(powers) * mask
    return HEIGHT * (1 - wells / wells.max())


def _binary_noise(
    rng: np.random.Generator, side: int, pixels_per_extent: int
) -> NDArray[np.float64]:
    """Return coarse random cells of 0 and 1, minus cells of half the width in the central half."""
    image = _binary_cells(rng, side, CELLS / pixels_per_extent)
    half = side // 2
    centre = slice((side - half) // 2, (side - half) // 2 + half)
    image[centre, centre] -= _binary_cells(rng, half, 2 * CELLS / pixels_per_extent)
    return image


def _binary_cells(
    rng: np.random.Generator, side: int, cells_per_pixel: float
) -> NDArray[np.float64]:
    cell = (np.arange(side) * cells_per_pixel).astype(int)  # (side,) index of each pixel's cell
    return rng.integers(2, size=(cell[-1] + 1,) * 2)[np.ix_(cell, cell)].astype(float)


def _blob(rng: np.random.Generator, side: int) -> NDArray[np.bool_]:
    """Return a filled smooth outline through the convex hull of random points, centred."""
    points = rng.uniform(0, CANVAS, (rng.integers(2, 8) ** 2, 2))
    corners = points[ConvexHull(points).vertices]
    corners = np.vstack([corners, corners[:1]])
    length = np.cumsum([0, *np.hypot(*np.diff(corners, axis=0).T)])
    spline = CubicSpline(length, corners, bc_type="periodic")
    # Samples are dense enough to touch each other: the outline is a closed line of pixels.
    outline = spline(np.linspace(0, length[-1], 16 * side)).clip(0, CANVAS) / CANVAS - 0.5
    width = rng.uniform(80, 180) / SOURCE_PIXELS * side
    row, column = np.rint(side / 2 + width * outline).astype(int).T
    image = np.zeros((side, side), dtype=bool)
    image[row, column] = True
    return binary_fill_holes(image)


def _blur(image: NDArray, sigma: float) -> NDArray[np.float64]:
    """Blur periodically with a Gaussian of `sigma` pixels."""
    spectrum = fourier_gaussian(np.fft.rfft2(image), sigma, n=image.shape[-1])
    return np.fft.irfft2(spectrum, s=image.shape)
