"""The paper's network of one hidden layer ("EDNN topology and training")."""

from collections.abc import Sequence
from math import prod

from torch import nn


class ANN(nn.Sequential):
    """One hidden layer of 32 (f + 2c)^d rectified units, then a linear output.

    Maps tiles (n, channels, *window) to values per site (n, outputs). `hidden` sets another number
    of units.
    Source: paper, "EDNN topology and training".

    Example:
        >>> import torch
        >>> ann = ANN(window=(3, 3))
        >>> ann[1].out_features, ann(torch.ones(5, 1, 3, 3)).shape
        (288, torch.Size([5, 1]))
    """

    def __init__(
        self,
        window: Sequence[int],
        channels: int = 1,
        outputs: int = 1,
        hidden: int | None = None,
    ) -> None:
        hidden = 32 * prod(window) if hidden is None else hidden
        super().__init__(
            nn.Flatten(),
            nn.Linear(channels * prod(window), hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )
