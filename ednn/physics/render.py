"""Atoms drawn as Gaussian wells on a grid (Eq. 3 of the paper), differentiably and in batches."""

import math

import torch
from torch import Tensor
from torch.nn.functional import threshold

from ednn.errors import InputError

GAMMA = 0.2  # Å, the width of the wells in the paper
REACH = 9.0  # in γ: a Gaussian's value there is 3e-18, below the rounding of a double at its peak
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
    with torch.autocast(x.device.type, enabled=False):  # half precision would round the data
        return (weighted.mT @ y).unsqueeze(1)  # (B, 1, nx, ny)


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
    # Exact zeros, not denormal numbers, which make the matrix product several times slower.
    return threshold(total, TINY, 0.0)
