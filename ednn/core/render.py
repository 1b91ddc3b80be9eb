"""Atoms drawn as Gaussian wells on a grid (Eq. 3 of the paper), differentiably and in batches."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import threshold

from ednn.core.errors import InputError
from ednn.core.precision import full_precision

GAMMA = 0.2  # Å, the width of the wells in the paper
REACH = 9.0  # in γ: a Gaussian's value there is 3e-18, below the rounding of a double at its peak
BINNED = 2**22  # values of Gaussians at a time, where points are binned
TINY = math.exp(-(REACH**2) / 2)


def render(
    numbers: Tensor, positions: Tensor, cell: Tensor, grid: tuple[int, int], gamma: float = GAMMA
) -> Tensor:
    """V(x, y) = Σ_i Z_i exp(-r_i² / 2γ²), periodic, at x = i Lx / nx, y = j Ly / ny (Eq. 3).

    `numbers` (B, A): atomic numbers, 0 for padding. `positions` (B, A, 2) and the orthorhombic
    `cell` (B, 2) in Å; positions may lie outside the cell. Returns (B, 1, nx, ny) in the dtype of
    `positions`, differentiable with respect to them. Raises InputError for shapes that disagree.
    """
    if positions.shape != (*numbers.shape, 2) or cell.shape != (len(numbers), 2):
        raise InputError(
            f"numbers {tuple(numbers.shape)}, positions {tuple(positions.shape)} and cell "
            f"{tuple(cell.shape)} do not fit together: pass (B, A), (B, A, 2) and (B, 2)."
        )
    # A Gaussian is a product over the axes, so the image is a product of two thin matrices.
    x = _periodic_gaussian(positions[..., 0], cell[:, 0], grid[0], gamma)  # (B, A, nx)
    y = _periodic_gaussian(positions[..., 1], cell[:, 1], grid[1], gamma)  # (B, A, ny)
    weighted = numbers.to(x.dtype).unsqueeze(-1) * x  # (B, A, nx)
    return _product(weighted, y).unsqueeze(1)  # (B, 1, nx, ny)


def render_part(
    numbers: Tensor,
    positions: Tensor,
    pixel: Sequence[float],
    shape: tuple[int, int],
    gamma: float = GAMMA,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """The same at x = i dx, y = j dy (i < nx, j < ny) alone, in a time linear in their number.

    `numbers` (A,) and `positions` (A, 2) in Å of all atoms whose Gaussians reach there, periodic
    images being atoms of their own; `pixel` dx and dy in Å. Returns (nx, ny) in `dtype` (that of
    `positions` if None), differentiable with respect to them.
    """
    dtype = dtype or positions.dtype
    # Points go in bins as wide as a Gaussian reaches: they see the atoms in the nine bins around.
    side = [math.ceil(REACH * gamma / step) for step in pixel]  # points
    bins = [math.ceil(n / points) for n, points in zip(shape, side, strict=True)]
    width = positions.new_tensor([n * step for n, step in zip(side, pixel, strict=True)])  # Å
    near = _near(positions.detach(), width, bins)  # (bins_x, bins_y, n) atoms; A for none
    numbers = torch.cat([numbers, numbers.new_zeros(1)])  # (A + 1,)
    positions = torch.cat([positions, positions.new_zeros(1, 2)])  # (A + 1, 2)
    corners = torch.cartesian_prod(*(torch.arange(n, device=near.device) for n in bins)) * width
    points = [
        torch.arange(n, dtype=dtype, device=positions.device) * step
        for n, step in zip(side, pixel, strict=True)
    ]
    parts = []
    at_once = max(1, BINNED // (near.shape[-1] * sum(side)))
    for atoms, corner in zip(
        near.flatten(0, 1).split(at_once), corners.split(at_once), strict=True
    ):
        # of few Å, which single precision tells apart as the positions in a large sheet it doesn't
        centres = (positions[atoms] - corner[:, None]).to(dtype)  # (b, n, 2)
        x, y = (
            _flushed(torch.exp(-0.5 * ((points[i] - centres[..., i, None]) / gamma) ** 2))
            for i in range(2)
        )  # (b, n, side)
        parts.append(_product(numbers[atoms].to(x.dtype)[..., None] * x, y))  # (b, *side)
    tiles = torch.cat(parts).unflatten(0, bins)  # (bins_x, bins_y, *side)
    image = tiles.transpose(1, 2).flatten(2).flatten(0, 1)  # (bins_x · side, bins_y · side)
    return image[: shape[0], : shape[1]]


def _near(positions: Tensor, width: Tensor, bins: list[int]) -> Tensor:
    """List the atoms in and around every bin, (*bins, 9 · most in a bin); A stands for none."""
    columns = bins[1] + 2  # a border of bins for the atoms outside
    place = (positions / width).floor().long() + 1  # (A, 2)
    inside = ((place >= 0) & (place <= positions.new_tensor(bins) + 1)).all(-1)  # (A,)
    bin_of = torch.where(inside, place[:, 0] * columns + place[:, 1], (bins[0] + 2) * columns)
    ordered, atom = bin_of.sort(stable=True)  # (A,)
    slot = torch.arange(len(atom), device=atom.device) - torch.searchsorted(ordered, ordered)
    most = int(slot[inside[atom]].max()) + 1 if inside.any() else 1
    table = atom.new_full(((bins[0] + 2) * columns, most), len(atom))
    kept = inside[atom]
    table[ordered[kept], slot[kept]] = atom[kept]
    table = table.unflatten(0, (-1, columns))  # (bins_x + 2, bins_y + 2, most)
    return table.unfold(0, 3, 1).unfold(1, 3, 1).flatten(2)


def _product(x: Tensor, y: Tensor) -> Tensor:
    """Sum the products of Gaussians (B, A, nx) and (B, A, ny) over the atoms: (B, nx, ny)."""
    with full_precision(x.device):
        return x.mT @ y


def _flushed(values: Tensor) -> Tensor:
    """Make zeros, not denormal numbers, which slow a matrix product down several times."""
    return threshold(values, TINY, 0.0)


def _periodic_gaussian(centres: Tensor, lengths: Tensor, n: int, gamma: float) -> Tensor:
    """Σ_k exp(-(x - c + kL)² / 2γ²) of centres (B, A) in boxes (B,) at n points → (B, A, n)."""
    # The images left out are further than REACH, so that a cell longer than 2 REACH γ needs one.
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
