"""Atoms rendered as Gaussians on a grid (paper, Eq. 3), differentiably and in batches.

Grids have one to three axes; a Gaussian is a product over them.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import threshold

from ednn.core.errors import InputError
from ednn.core.precision import full_precision

GAMMA = 0.2  # Å, the width of the wells in the paper
REACH = 9.0  # in units of γ: a Gaussian is 3e-18 there, below the rounding of a double at its peak
GAUSSIAN_VALUES = 2**22  # most values of Gaussians computed at once by `render_part`
SMALLEST = math.exp(-(REACH**2) / 2)  # smaller values of a Gaussian count as zero
LEAST = -(REACH**2)  # an exponent whose value counts as zero, and is no denormal number yet


def render(
    weights: Tensor, positions: Tensor, sides: Tensor, grid: Sequence[int], gamma: float = GAMMA
) -> Tensor:
    """Render V(x, y) = Σ_i w_i exp(−r_i² / 2γ²), periodic, at x = i Lx / nx, y = j Ly / ny.

    With atomic numbers as weights, that is Eq. 3.

    Args:
        weights: heights w of the Gaussians in each channel, (B, A, C), 0 for padding.
        positions: (B, A, D) in Å, inside the cell or not.
        sides: of the orthorhombic cell, (B, D) in Å.
        grid: number of points along each of the D axes.
        gamma: width γ of the Gaussians in Å.

    Returns:
        Fields (B, C, *grid) in the dtype of `positions`, differentiable with respect to them.

    Raises:
        InputError: shapes that don't fit together.

    Example:
        >>> sides, centre = torch.tensor([[4.0, 4.0]]), torch.tensor([[[1.0, 2.0]]])
        >>> field = render(torch.tensor([[[6]]]), centre, sides, (8, 8))
        >>> field.shape, round(field[0, 0, 2, 4].item(), 4)  # at the carbon atom, V = Z = 6
        (torch.Size([1, 1, 8, 8]), 6.0)
    """
    dims = len(grid)
    if positions.shape != (*weights.shape[:2], dims) or sides.shape != (len(weights), dims):
        raise InputError(
            f"weights {tuple(weights.shape)}, positions {tuple(positions.shape)} and sides "
            f"{tuple(sides.shape)} do not fit together: pass (B, A, C), (B, A, {dims}) and "
            f"(B, {dims})."
        )
    # A Gaussian is a product over the axes, so the field is a product of thin matrices.
    factors = [
        _periodic_gaussian(positions[..., axis], sides[:, axis], n, gamma)  # (B, A, n)
        for axis, n in enumerate(grid)
    ]
    return _products(weights, factors)


def render_window(
    weights: Tensor,
    positions: Tensor,
    pixel: Sequence[float],
    shape: Sequence[int],
    gamma: float = GAMMA,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Render V at the points x = i dx, y = j dy (i < nx, j < ny) of windows, one per structure.

    Args:
        weights: heights (B, A, C) of all Gaussians that reach a window, 0 for padding; a periodic
            image is an atom of its own.
        positions: (B, A, D) in Å from the corner of the window.
        pixel: dx, dy, … in Å.
        shape: number of points along each axis.
        gamma: width of the Gaussians in Å.
        dtype: of the result; None for that of `positions`.

    Returns:
        Fields (B, C, *shape), differentiable with respect to `positions`.

    Example:
        >>> boron = torch.tensor([[[5]]]), torch.tensor([[[0.5, 1.0]]])
        >>> field = render_window(*boron, (0.5, 0.5), (4, 4))
        >>> round(field[0, 0, 1, 2].item(), 4)  # at the boron atom, V = Z = 5
        5.0
    """
    centres = positions.to(dtype or positions.dtype)
    points = _points(shape, pixel, centres)
    return _products(weights, _gaussians(centres, points, gamma))


def render_part(
    weights: Tensor,
    positions: Tensor,
    pixel: Sequence[float],
    shape: Sequence[int],
    gamma: float = GAMMA,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Render what `render_window` does of one structure, in a time linear in the number of points.

    Args:
        weights: heights (A, C) of all Gaussians that reach these points; a periodic image is an
            atom of its own.
        positions: (A, D) in Å.
        pixel: dx, dy, … in Å.
        shape: number of points along each axis.
        gamma: width of the Gaussians in Å.
        dtype: of the result; None for that of `positions`.

    Returns:
        Field (C, *shape), differentiable with respect to `positions`.

    Example:
        >>> boron = torch.tensor([[5]]), torch.tensor([[0.5, 1.0]])
        >>> field = render_part(*boron, (0.5, 0.5), (4, 4))
        >>> field.shape, round(field[0, 1, 2].item(), 4)  # at the boron atom, V = Z = 5
        (torch.Size([1, 4, 4]), 5.0)
    """
    # Points are sorted into bins as wide as a Gaussian reaches: only atoms of the bins around a
    # point matter for it.
    side = [math.ceil(REACH * gamma / step) for step in pixel]  # points
    bins = [math.ceil(n / points) for n, points in zip(shape, side, strict=True)]
    width = positions.new_tensor([n * step for n, step in zip(side, pixel, strict=True)])  # Å
    near = _near(positions.detach(), width, bins)  # (*bins, n) atoms; A for none
    points = _points(side, pixel, positions.to(dtype or positions.dtype))
    field = _render_bins(weights, positions, near, width, points, gamma)  # (*bins, C, *side)
    dims = len(bins)
    order = [dims, *(k for axis in range(dims) for k in (axis, dims + 1 + axis))]
    field = field.permute(order)  # (C, bins_x, side_x, bins_y, side_y, …)
    for axis in range(dims):
        field = field.flatten(1 + axis, 2 + axis)
    return field[(slice(None), *(slice(n) for n in shape))]


def _render_bins(
    weights: Tensor,
    positions: Tensor,
    near: Tensor,
    width: Tensor,
    points: Sequence[Tensor],
    gamma: float,
) -> Tensor:
    """Render every bin at its points along each axis: (*bins, C, *side).

    Args:
        weights: heights of the Gaussians (A, C).
        positions: (A, D) in Å.
        near: atoms that each bin sees, as `_near` returns them.
        width: sides of a bin (D,) in Å.
        points: coordinates in a bin in Å along each axis, (side,) each.
        gamma: width of the Gaussians in Å.
    """
    channels, dims = weights.shape[1], len(points)
    weights = torch.cat([weights, weights.new_zeros(1, channels)])  # (A + 1, C)
    positions = torch.cat([positions, positions.new_zeros(1, dims)])  # (A + 1, D)
    bins = near.shape[:dims]
    corners = torch.cartesian_prod(*(torch.arange(n, device=near.device) for n in bins))
    corners = corners.view(-1, dims) * width  # (bins, D) Å
    *first, last = (len(along) for along in points)
    values = near.shape[-1] * (channels * math.prod(first) + last)  # of a bin's Gaussians
    at_once = max(1, GAUSSIAN_VALUES // values)
    parts = []
    for atoms, corner in zip(
        near.flatten(0, dims - 1).split(at_once), corners.split(at_once), strict=True
    ):
        # Within a bin, coordinates are small enough for single precision; in a large sheet they
        # are not.
        centres = (positions[atoms] - corner[:, None]).to(points[0].dtype)  # (b, n, D)
        parts.append(_products(weights[atoms], _gaussians(centres, points, gamma)))
    return torch.cat(parts).unflatten(0, bins)  # of (b, C, *side)


def _near(positions: Tensor, width: Tensor, bins: list[int]) -> Tensor:
    """List the atoms in and around every bin, (*bins, 3^D · most in a bin); A for no atom."""
    bordered = [n + 2 for n in bins]  # with the atoms outside
    strides = [math.prod(bordered[axis + 1 :]) for axis in range(len(bins))]
    cell = (positions / width).floor().long() + 1  # (A, D)
    inside = ((cell >= 0) & (cell < cell.new_tensor(bordered))).all(-1)  # (A,)
    total = math.prod(bordered)
    bin_of = torch.where(inside, (cell * cell.new_tensor(strides)).sum(-1), total)
    ordered, atom = bin_of.sort(stable=True)  # (A,)
    slot = torch.arange(len(atom), device=atom.device) - torch.searchsorted(ordered, ordered)
    most = int(slot[inside[atom]].max()) + 1 if inside.any() else 1
    table = atom.new_full((total, most), len(atom))
    valid = inside[atom]
    table[ordered[valid], slot[valid]] = atom[valid]
    table = table.unflatten(0, bordered)  # (*(bins + 2), most)
    for axis in range(len(bins)):
        table = table.unfold(axis, 3, 1)
    return table.flatten(len(bins))


def _points(shape: Sequence[int], pixel: Sequence[float], like: Tensor) -> list[Tensor]:
    """Return the coordinates of points along each axis, (n,) each, in Å."""
    return [
        torch.arange(n, dtype=like.dtype, device=like.device) * step
        for n, step in zip(shape, pixel, strict=True)
    ]


def _gaussians(centres: Tensor, points: Sequence[Tensor], gamma: float) -> list[Tensor]:
    """Return exp(−(x − c)² / 2γ²) for centres (B, A, D), at points along each axis: (B, A, n)."""
    return [
        _flushed(_exp(-0.5 * ((along - centres[..., axis, None]) / gamma) ** 2))
        for axis, along in enumerate(points)
    ]


def _products(weights: Tensor, factors: Sequence[Tensor]) -> Tensor:
    """Sum weights (B, A, C) times Gaussians (B, A, n) of each axis over atoms: (B, C, *n).

    All channels are one product of matrices.
    """
    *first, last = factors
    product = weights.to(last.dtype)  # (B, A, C)
    for factor in first:  # (B, A, C, …, n)
        along = factor.view(*factor.shape[:2], *(1,) * (product.ndim - 2), -1)
        product = product[..., None] * along
    with full_precision(last.device):
        return (product.flatten(2).mT @ last).unflatten(1, product.shape[2:])


def _exp(exponents: Tensor) -> Tensor:
    """Return exp(x) without denormal numbers, which take four times as long."""
    return torch.exp(exponents.clamp(min=LEAST))


def _flushed(values: Tensor) -> Tensor:
    """Replace the smallest values by zero: denormal numbers slow matrix products down."""
    return threshold(values, SMALLEST, 0.0)


def _periodic_gaussian(centres: Tensor, lengths: Tensor, n: int, gamma: float) -> Tensor:
    """Return Σ_k exp(−(x − c + kL)² / 2γ²) for centres (B, A), lengths (B,): (B, A, n)."""
    # Images further away than REACH are left out: a cell longer than 2 REACH γ needs one image.
    images = max(0, math.ceil(REACH * gamma / float(lengths.min()) - 0.5))
    lengths = lengths.to(centres).unsqueeze(-1)  # (B, 1)
    points = torch.arange(n, dtype=centres.dtype, device=centres.device) / n  # (n,)
    distance = points - (centres / lengths).unsqueeze(-1)  # (B, A, n) in units of L
    distance = distance - distance.round()  # to the nearest image
    factor = -0.5 * (lengths.unsqueeze(-1) / gamma) ** 2  # (B, 1, 1)
    total = _exp(factor * distance**2)  # (B, A, n)
    for k in range(1, images + 1):
        for image in (distance - k, distance + k):
            total = total + _exp(factor * image**2)
    return _flushed(total)
