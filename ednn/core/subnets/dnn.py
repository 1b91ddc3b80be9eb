"""The paper's deep convolutional network ("EDNN topology and training")."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch.nn.functional as F
from torch import Tensor, nn

from ednn.core.subnets.site_wise import CONV
from ednn.core.subnets.stemmed import Stemmed


class DNN(Stemmed):
    """The paper's 13 convolutions and two linear layers, with a linear output.

    Maps tiles (n, channels, *window) to values per site (n, outputs). Rectified units follow every
    layer but the last; padding is "same" throughout.
    Source: paper, "EDNN topology and training"; padding and activations as in the released code,
    but without its rectified output, which allows no negative energies.

    Example:
        >>> import torch
        >>> DNN(window=(8, 8), outputs=2)(torch.ones(3, 1, 8, 8)).shape
        torch.Size([3, 2])
    """

    # (filters, kernel, stride) of each convolution
    CONVOLUTIONS = (
        *[(64, 3, 2)] * 2,
        *[(16, 4, 1)] * 6,
        (64, 3, 2),
        *[(32, 3, 1)] * 4,
    )
    HIDDEN = 1024
    # Two convolutions, whose padding shows in the first of the rows that they make from four.
    stem, stride = 6, 4

    def __init__(self, window: Sequence[int], channels: int = 1, outputs: int = 1) -> None:
        dims = len(window)
        filters = [channels, *(n for n, _, _ in self.CONVOLUTIONS)]
        layers: list[nn.Module] = []
        for (before, after), (_, kernel, stride) in zip(
            pairwise(filters), self.CONVOLUTIONS, strict=True
        ):
            layers += [
                # "same" padding of an even kernel: the extra zero goes to the far side
                nn.Identity() if kernel % 2 else _Pad((0, 1) * dims),
                CONV[dims](before, after, kernel, stride, padding=(kernel - 1) // 2),
                nn.ReLU(inplace=True),  # new memory costs more than the arithmetic
            ]
        reduced = [-(-width // 8) for width in window]  # three strides of two, rounded up
        super().__init__(
            *layers,
            nn.Flatten(),
            nn.Linear(filters[-1] * prod(reduced), self.HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(self.HIDDEN, outputs),
        )


class _Pad(nn.Module):
    """Zero padding in any dimension; torch has one class per dimension."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = widths

    def forward(self, field: Tensor) -> Tensor:
        return F.pad(field, self.widths)
