"""A subnetwork for tiles of a single site, such as those of one wave vector."""

from torch import nn


class Spectral(nn.Sequential):
    """A smooth function of one site's channels, such as |k|: (n, C, 1, …) → (n, outputs).

    Example:
        >>> import torch
        >>> Spectral()(torch.ones(5, 1, 1, 1)).shape
        torch.Size([5, 1])
    """

    def __init__(self, channels: int = 1, outputs: int = 1, hidden: int = 32) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(channels, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, outputs),
        )
