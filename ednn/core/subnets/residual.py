"""A residual block, and the initial weights of convolutions between layers of SiLU."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ednn.core.subnets.site_wise import CONV

SILU_GAIN = 1.68  # 1 / sqrt(E[SiLU(z)²]) for normal z: keeps the size of signals through layers
SHARE = 0.3  # of the usual size: then a dozen blocks together add no more than they start from


class Residual(nn.Module):
    """Adds to each site what an unpadded convolution, SiLU and a 1×1 convolution make of it.

    Maps fields (B, width, *(L + 2 reach)) to (B, width, *L), where the convolution reaches
    (kernel − 1) / 2 · dilation sites to either side.

    Args:
        width: number of channels.
        kernel: taps per axis, odd.
        dilation: distance of the taps per axis.

    Example:
        >>> block = Residual(4, kernel=(3, 1), dilation=(2, 1))
        >>> block(torch.ones(5, 4, 9, 7)).shape
        torch.Size([5, 4, 5, 7])
    """

    def __init__(self, width: int, kernel: Sequence[int], dilation: Sequence[int]) -> None:
        super().__init__()
        conv = CONV[len(kernel)]
        self.conv = conv(width, width, tuple(kernel), dilation=tuple(dilation))
        self.mix = conv(width, width, 1)
        initialise(self.conv)
        initialise(self.mix, SHARE)

    def change(self, field: Tensor) -> Tensor:
        """Return what is added to the sites: (B, width, *(L + 2 reach)) → (B, width, *L)."""
        return self.mix(silu(self.conv(field)))

    def forward(self, field: Tensor) -> Tensor:
        change = self.change(field)
        for axis in range(2, field.ndim):
            sites = change.shape[axis]
            field = field.narrow(axis, (field.shape[axis] - sites) // 2, sites)
        return field + change


@torch.no_grad()
def initialise(conv: Any, size: float = 1.0) -> None:
    """Draw weights and biases with which signals behind SiLU keep their size, times a factor.

    Example:
        >>> conv = torch.nn.Conv2d(100, 50, 3)
        >>> initialise(conv)
        >>> round(30 * conv.weight.std().item(), 1)  # 30² weights of each channel
        1.7
    """
    weight, bias = conv.parameters()
    nn.init.normal_(weight, std=size * SILU_GAIN / sqrt(weight[0].numel()))
    nn.init.uniform_(bias, -0.5 * size, 0.5 * size)
    if isinstance(conv, nn.Conv2d):  # faster on a CPU, most of all in bfloat16
        weight.data = weight.data.contiguous(memory_format=torch.channels_last)
