"""Atoms rendered as Gaussians on a grid (paper, Eq. 3), differentiably and in batches."""

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


def render(
    weights: Tensor, positions: Tensor, cell: Tensor, grid: tuple[int, int], gamma: float = GAMMA
) -> Tensor:
    """Render V(x, y) = Σ_i w_i exp(−r_i² / 2γ²), periodic, at x = i Lx / nx, y = j Ly / ny.

    With atomic numbers as weights, that is Eq. 3.

    Args:
        weights: heights w of the Gaussians in each channel, (B, A, C), 0 for padding.
        positions: (B, A, 2) in Å, inside the cell or not.
        cell: sides of the orthorhombic cell, (B, 2) in Å.
        grid: number of points nx and ny.
        gamma: width γ of the Gaussians in Å.

    Returns:
        Fields (B, C, nx, ny) in the dtype of `positions`, differentiable with respect to them.

    Raises:
        InputError: shapes that don't fit together.

    Example:
        >>> cell, centre = torch.tensor([[4.0, 4.0]]), torch.tensor([[[1.0, 2.0]]])
        >>> field = render(torch.tensor([[[6]]]), centre, cell, (8, 8))
        >>> field.shape, round(field[0, 0, 2, 4].item(), 4)  # at the carbon atom, V = Z = 6
        (torch.Size([1, 1, 8, 8]), 6.0)
    """
    if positions.shape != (*weights.shape[:2], 2) or cell.shape != (len(weights), 2):
        raise InputError(
            f"weights {tuple(weights.shape)}, positions {tuple(positions.shape)} and cell "
            f"{tuple(cell.shape)} do not fit together: pass (B, A, C), (B, A, 2) and (B, 2)."
        )
    # A Gaussian is a product over the axes, so the field is a product of two thin matrices.
    x = _periodic_gaussian(positions[..., 0], cell[:, 0], grid[0], gamma)  # (B, A, nx)
    y = _periodic_gaussian(positions[..., 1], cell[:, 1], grid[1], gamma)  # (B, A, ny)
    return _products(weights, x, y)


def render_part(
    weights: Tensor,
    positions: Tensor,
    pixel: Sequence[float],
    shape: tuple[int, int],
    gamma: float = GAMMA,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Render V at the points x = i dx, y = j dy (i < nx, j < ny), in a time linear in their number.

    Args:
        weights: heights (A, C) of all Gaussians that reach these points; a periodic image is an
            atom of its own.
        positions: (A, 2) in Å.
        pixel: dx and dy in Å.
        shape: number of points nx and ny.
        gamma: width of the Gaussians in Å.
        dtype: of the result; None for that of `positions`.

    Returns:
        Field (C, nx, ny), differentiable with respect to `positions`.

    Example:
        >>> boron = torch.tensor([[5]]), torch.tensor([[0.5, 1.0]])
        >>> field = render_part(*boron, (0.5, 0.5), (4, 4))
        >>> field.shape, round(field[0, 1, 2].item(), 4)  # at the boron atom, V = Z = 5
        (torch.Size([1, 4, 4]), 5.0)
    """
    dtype = dtype or positions.dtype
    # Points are sorted into bins as wide as a Gaussian reaches: only atoms of the nine bins around
    # a point matter for it.
    side = [math.ceil(REACH * gamma / step) for step in pixel]  # points
    bins = [math.ceil(n / points) for n, points in zip(shape, side, strict=True)]
    width = positions.new_tensor([n * step for n, step in zip(side, pixel, strict=True)])  # Å
    near = _near(positions.detach(), width, bins)  # (bins_x, bins_y, n) atoms; A for none
    points = [
        torch.arange(n, dtype=dtype, device=positions.device) * step
        for n, step in zip(side, pixel, strict=True)
    ]
    fields = _render_bins(weights, positions, near, width, points, gamma)
    field = fields.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)  # (C, bins_x · side, …)
    return field[:, : shape[0], : shape[1]]


def _render_bins(
    weights: Tensor,
    positions: Tensor,
    near: Tensor,
    width: Tensor,
    points: Sequence[Tensor],
    gamma: float,
) -> Tensor:
    """Render every bin at its points along x and y: (bins_x, bins_y, C, *side).

    Args:
        weights: heights of the Gaussians (A, C).
        positions: (A, 2) in Å.
        near: atoms that each bin sees, as `_near` returns them.
        width: sides of a bin (2,) in Å.
        points: coordinates in a bin in Å, along x and y, (side,) each.
        gamma: width of the Gaussians in Å.
    """
    channels = weights.shape[1]
    weights = torch.cat([weights, weights.new_zeros(1, channels)])  # (A + 1, C)
    positions = torch.cat([positions, positions.new_zeros(1, 2)])  # (A + 1, 2)
    bins = near.shape[:2]
    corners = torch.cartesian_prod(*(torch.arange(n, device=near.device) for n in bins)) * width
    values = near.shape[-1] * (channels * len(points[0]) + len(points[1]))  # of a bin's Gaussians
    at_once = max(1, GAUSSIAN_VALUES // values)
    parts = []
    for atoms, corner in zip(
        near.flatten(0, 1).split(at_once), corners.split(at_once), strict=True
    ):
        # Within a bin, coordinates are small enough for single precision; in a large sheet they
        # are not.
        centres = (positions[atoms] - corner[:, None]).to(points[0].dtype)  # (b, n, 2)
        x, y = (
            _flushed(torch.exp(-0.5 * ((points[i] - centres[..., i, None]) / gamma) ** 2))
            for i in range(2)
        )  # (b, n, side)
        parts.append(_products(weights[atoms], x, y))  # (b, C, *side)
    return torch.cat(parts).unflatten(0, bins)


def _near(positions: Tensor, width: Tensor, bins: list[int]) -> Tensor:
    """List the atoms in and around every bin, (*bins, 9 · most in a bin); A stands for no atom."""
    columns = bins[1] + 2  # a border of bins for the atoms outside
    x_and_y = (positions / width).floor().long() + 1  # (A, 2)
    inside = ((x_and_y >= 0) & (x_and_y <= positions.new_tensor(bins) + 1)).all(-1)  # (A,)
    bin_of = torch.where(inside, x_and_y[:, 0] * columns + x_and_y[:, 1], (bins[0] + 2) * columns)
    ordered, atom = bin_of.sort(stable=True)  # (A,)
    slot = torch.arange(len(atom), device=atom.device) - torch.searchsorted(ordered, ordered)
    most = int(slot[inside[atom]].max()) + 1 if inside.any() else 1
    table = atom.new_full(((bins[0] + 2) * columns, most), len(atom))
    valid = inside[atom]
    table[ordered[valid], slot[valid]] = atom[valid]
    table = table.unflatten(0, (-1, columns))  # (bins_x + 2, bins_y + 2, most)
    return table.unfold(0, 3, 1).unfold(1, 3, 1).flatten(2)


def _products(weights: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Sum weights (B, A, C) times Gaussians (B, A, nx) and (B, A, ny) over atoms: (B, C, nx, ny).

    All channels are one product of matrices.
    """
    weighted = weights.to(x.dtype)[..., None] * x[:, :, None]  # (B, A, C, nx)
    with full_precision(x.device):
        return (weighted.flatten(2).mT @ y).unflatten(1, weighted.shape[2:])


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
    total = torch.exp(factor * distance**2)  # (B, A, n)
    for k in range(1, images + 1):
        for image in (distance - k, distance + k):
            total = total + torch.exp(factor * image**2)
    return _flushed(total)
