"""Scaling of fields and labels before a network learns them, and reference energies."""

import torch
from torch import Tensor, nn


class FieldScaling(nn.Module):
    """Subtracts each channel's mean and divides by its standard deviation, once fitted.

    Args:
        channels: number of field components.

    Example:
        >>> scaling = FieldScaling(1)
        >>> scaling.fit(torch.tensor([[[1.0, 3.0]]]))
        >>> [round(value, 2) for value in scaling(torch.tensor([[[1.0, 3.0]]])).flatten().tolist()]
        [-0.71, 0.71]
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("spread", torch.ones(channels))

    def forward(self, fields: Tensor) -> Tensor:
        """Scale fields (B, C, *L)."""
        shape = (-1, *[1] * (fields.ndim - 2))
        return (fields - self.mean.view(shape)) / self.spread.view(shape)

    @torch.no_grad()
    def fit(self, fields: Tensor, centred: bool = True) -> None:
        """Compute mean, unless that is to stay 0, and standard deviation of fields (n, C, *L)."""
        values = fields.movedim(1, 0).flatten(1)  # (C, n · sites)
        if not values.is_floating_point():
            values = values.double()
        spread = values.std(1) if values.shape[1] > 1 else torch.ones_like(self.spread)
        mean = values.mean(1)
        self.mean.copy_(mean if centred else torch.zeros_like(mean))
        self.spread.copy_(_scale_of(spread, values.abs().mean(1)))


@torch.no_grad()
def fit_shift_and_scale(shift: Tensor, scale: Tensor, target: Tensor, sites: Tensor) -> None:
    """Overwrite shift and scale with mean and standard deviation of the labels per site.

    Args:
        shift: per site, (outputs,).
        scale: per site, (outputs,).
        target: extensive labels of the training split, (N, outputs), physical units.
        sites: number of sites of each sample, (N,).

    Example:
        >>> shift, scale = torch.zeros(1), torch.ones(1)
        >>> fit_shift_and_scale(shift, scale, torch.tensor([[8.0], [24.0]]), torch.tensor([4, 4]))
        >>> shift.item(), scale.item()
        (4.0, 2.0)
    """
    per_site = target.double() / sites.double()[:, None]  # (N, outputs)
    spread = per_site.std(0, correction=0)
    shift.copy_(per_site.mean(0))
    scale.copy_(_scale_of(spread, per_site.abs().mean(0)))


def _scale_of(spread: Tensor, size: Tensor) -> Tensor:
    """Return a standard deviation, or 1 where it is the rounding of constant values of a size."""
    rounding = 10 * torch.finfo(spread.dtype).eps * size
    return torch.where(spread > rounding, spread, 1.0)


def fit_references(counts: Tensor, target: Tensor) -> Tensor:
    """Return the reference energy of each element, (species, outputs), by least squares.

    If the compositions don't determine all elements, the solution is the one of least norm.

    Args:
        counts: number of atoms of each element, (N, species).
        target: extensive labels of the training split, (N, outputs), physical units.

    Example:
        >>> counts = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
        >>> fit_references(counts, torch.tensor([[5.0], [4.0]])).round().flatten().tolist()
        [1.0, 2.0]
    """
    return torch.linalg.lstsq(counts.double().cpu(), target.double().cpu(), driver="gelsd").solution
