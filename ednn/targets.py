"""What is taken off the target before a network learns it: per site or atom, so extensive."""

import torch
from torch import Tensor

from ednn.model import EDNN
from ednn.multiscale import MultiScale


@torch.no_grad()
def standardise(model: EDNN | MultiScale, target: Tensor, sites: Tensor) -> None:
    """Set a model's shift and scale from training labels, so that its subnetwork works near one.

    The shift is the mean label per site and the scale the spread of the labels per site, times the
    sites of one tile: the sum over tiles carries both to a system of any size.

    Args:
        model: its `shift` and `scale` buffers are overwritten.
        target: extensive labels of the training split, (N, outputs), physical units.
        sites: lattice sites of each sample, (N,).
    """
    per_site = target.double() / sites.double()[:, None]  # (N, outputs)
    spread = per_site.std(0, correction=0)
    spread = torch.where(spread > 0, spread, 1.0)  # a constant target needs no scale
    model.shift.copy_(per_site.mean(0) * model.sites_per_tile)
    model.scale.copy_(spread * model.sites_per_tile)


def fit_references(counts: Tensor, target: Tensor) -> Tensor:
    """Return the reference energy of each element, (species, outputs), by least squares.

    The shortest solution, where the compositions don't tell all elements apart.

    Args:
        counts: atoms of each element, (N, species).
        target: extensive labels of the training split, (N, outputs), physical units.
    """
    return torch.linalg.lstsq(counts.double().cpu(), target.double().cpu(), driver="gelsd").solution
