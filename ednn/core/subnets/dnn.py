"""The paper's deep convolutional network ("EDNN topology and training")."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch.nn.functional as F
from torch import Tensor, nn

from ednn.core.subnets.site_wise import CONV


class DNN(nn.Sequential):
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

    def __init__(self, window: Sequence[int], channels: int = 1, outputs: int = 1) -> None:
        dims = len(window)
        filters = [channels, *(n for n, _, _ in self.CONVOLUTIONS)]
        layers: list[nn.Module] = []
        for (before, after), (_, kernel, stride) in zip(
            pairwise(filters), self.CONVOLUTIONS, strict=True
        ):
            layers += [
                # "same" padding of an even kernel: the extra zero goes to the far side
                _Pad(((kernel - 1) // 2, kernel // 2) * dims),
                CONV[dims](before, after, kernel, stride),
                nn.ReLU(),
            ]
        reduced = [-(-width // 8) for width in window]  # three strides of two, rounded up
        super().__init__(
            *layers,
            nn.Flatten(),
            nn.Linear(filters[-1] * prod(reduced), self.HIDDEN),
            nn.ReLU(),
            nn.Linear(self.HIDDEN, outputs),
        )


class _Pad(nn.Module):
    """Zero padding in any dimension; torch has one class per dimension."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = widths

    def forward(self, field: Tensor) -> Tensor:
        return F.pad(field, self.widths)
