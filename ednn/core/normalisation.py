"""What is taken off labels and fields before a network learns them; per site, so extensive."""

import torch
from torch import Tensor, nn


class FieldScaling(nn.Module):
    """Fields less their mean and over their spread, channel by channel; at first as they are.

    Args:
        channels: field components.

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
    def fit(self, fields: Tensor) -> None:
        """Take mean and spread from fields (n, C, *L)."""
        values = fields.movedim(1, 0).flatten(1)  # (C, n · sites)
        if not values.is_floating_point():
            values = values.double()
        spread = values.std(1) if values.shape[1] > 1 else torch.ones_like(self.spread)
        self.mean.copy_(values.mean(1))
        self.spread.copy_(torch.where(spread > 0, spread, 1.0))  # a constant needs no scale


@torch.no_grad()
def fit_shift_and_scale(shift: Tensor, scale: Tensor, target: Tensor, sites: Tensor) -> None:
    """Overwrite shift and scale with the mean and the spread of the labels per site.

    Args:
        shift, scale: (outputs,), per site.
        target: extensive labels of the training split, (N, outputs), physical units.
        sites: lattice sites of each sample, (N,).
    """
    per_site = target.double() / sites.double()[:, None]  # (N, outputs)
    spread = per_site.std(0, correction=0)
    shift.copy_(per_site.mean(0))
    scale.copy_(torch.where(spread > 0, spread, 1.0))  # a constant target needs no scale


def fit_references(counts: Tensor, target: Tensor) -> Tensor:
    """Return the reference energy of each element, (species, outputs), by least squares.

    The shortest solution, where the compositions don't tell all elements apart.

    Args:
        counts: atoms of each element, (N, species).
        target: extensive labels of the training split, (N, outputs), physical units.

    Example:
        >>> counts = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
        >>> fit_references(counts, torch.tensor([[5.0], [4.0]])).round().flatten().tolist()
        [1.0, 2.0]
    """
    return torch.linalg.lstsq(counts.double().cpu(), target.double().cpu(), driver="gelsd").solution
