"""The subnetwork for differential operators: one hidden layer per site, on whitened patches."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from ednn.core.precision import full_precision
from ednn.core.subnets.site_wise import CONV, SiteWise
from ednn.core.tiling import Tiling


class SiteANN(SiteWise):
    """One rectified hidden layer at every site, over its whole context, without biases.

    Each patch's mean is subtracted. So for any weights, a constant field has the value zero, and s
    times the field has s times the value (s > 0), as the magnitude of a derivative has: flat and
    gentle parts of a field need no training examples.

    A sum over sites is the same for a kernel and the kernel moved by a site. A moved one would be
    cut off at the edge of the context where the operator is as wide as the context, so kernels
    start out small away from their centre.

    Args:
        context: width c of the context per axis.
        channels: number of field components.
        outputs: number of values per site.
        units: number of hidden units.

    Example:
        >>> field = torch.arange(25.0).reshape(1, 1, 5, 5)
        >>> ann = SiteANN(context=(1, 1))
        >>> ann.sites(field).shape, torch.allclose(ann.sites(2 * field), 2 * ann.sites(field))
        (torch.Size([1, 1, 3, 3]), True)
    """

    def __init__(
        self, context: Sequence[int], channels: int = 1, outputs: int = 1, units: int = 6
    ) -> None:
        super().__init__()
        conv, self.context = CONV[len(context)], tuple(context)
        patch = tuple(2 * c + 1 for c in context)
        hidden = conv(channels, units, patch, bias=False)
        taper = torch.ones(())
        for c in context:
            taper = taper[..., None] * (1 - torch.arange(-c, c + 1).abs() / (c + 1)) ** 2
        with torch.no_grad():
            hidden.weight.mul_(taper)
        self.whitening = _Whitening(channels * prod(patch))
        register_parametrization(hidden, "weight", self.whitening)
        self.layers = nn.Sequential(hidden, nn.ReLU(), conv(units, outputs, 1, bias=False))

    def sites(self, padded: Tensor) -> Tensor:
        return self.layers(padded)

    fits_to = 100  # fields, whose patches determine the whitening

    def fit_fields(self, padded: Tensor) -> None:
        self.whiten(padded)

    def whiten(self, padded: Tensor) -> None:
        """Express the hidden weights for patches without correlation, of variance one.

        The values in a patch of a smooth field are nearly equal, so that a gradient hardly depends
        on their differences; a derivative depends on nothing else.

        Args:
            padded: fields (B, C, *(L + 2c)) whose patches become white.
        """
        patches = Tiling(len(self.context), 1, self.context).windows(padded)  # (B, *L, C, *patch)
        self.whitening.fit(patches.flatten(0, len(self.context)))


class _Whitening(nn.Module):
    """Converts kernels for white patches to kernels for raw patches, both (units, C, *patch)."""

    matrix: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.eye(size))

    def forward(self, kernels: Tensor) -> Tensor:
        with full_precision(kernels.device):  # the matrix spans many orders of magnitude
            raw = (kernels.flatten(1) @ self.matrix).unflatten(1, kernels.shape[1:])
        return _centred(raw)

    @torch.no_grad()
    def fit(self, patches: Tensor) -> None:
        """Whiten patches (n, C, *patch) about zero; directions without variance get no weight."""
        values = _centred(patches.double()).flatten(1)  # (n, C · patch)
        variance, mode = torch.linalg.eigh(values.T @ values / len(values))
        size = torch.where(variance > 1e-12 * variance[-1], variance.rsqrt(), 0.0)
        self.matrix.copy_((mode * size) @ mode.T)


def _centred(patches: Tensor) -> Tensor:
    """Subtract the mean of each patch: (n, C, *patch) → the same shape."""
    return patches - patches.mean(tuple(range(2, patches.ndim)), keepdim=True)
