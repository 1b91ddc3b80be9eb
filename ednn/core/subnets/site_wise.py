"""The base of the subnetworks that give every site a value."""

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from ednn.core.tiling import Tiling

CONV: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}  # by dimension


class SiteWise(nn.Module):
    """Base of the subnetworks that give every site a value; a tile's is the mean over its focus.

    It maps tiles (n, channels, *window) to values per site (n, outputs). It takes the mean and not
    the sum, because a model multiplies by the number of sites itself.

    Neighbouring tiles repeat each other's work in their contexts; to evaluate a whole field is
    faster.

    Example:
        >>> import torch
        >>> class Centre(SiteWise):
        ...     def sites(self, padded):
        ...         return padded[..., 1:-1]
        >>> Centre()(torch.tensor([[[9.0, 1.0, 3.0, 9.0]]])).item()  # f = 2, c = 1
        2.0
    """

    # How many training fields it adapts to; if none, models scale fields to mean 0 and spread 1.
    fits_to = 0
    # Side of the blocks of sites that share one value, of which a focus has a whole number: moved
    # by a block, a field has moved values.
    stride = 1

    @abstractmethod
    def sites(self, padded: Tensor) -> Tensor:
        """Map a padded field (B, C, *(L + 2c)) to the values of its sites, (B, outputs, *L).

        With a stride, to those of its blocks of sites, (B, outputs, *(L / stride)).
        """

    def periodic_sites(self, field: Tensor, tiling: Tiling) -> Tensor:
        """Map a whole periodic field (B, C, *L) to what `sites` returns.

        A child class may do that without padding.
        """
        return self.sites(tiling.pad(field))

    def fit_fields(self, padded: Tensor) -> None:
        """Adapt to padded training fields (n, C, *(L + 2c)); only asked for if `fits_to` is set."""

    def forward(self, tiles: Tensor) -> Tensor:
        return self.sites(tiles).flatten(2).mean(2)  # (n, outputs, *blocks) → (n, outputs)
