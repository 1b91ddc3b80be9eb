"""What subnetworks are made of, and the base of those that give every site a value."""

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from ednn.core.tiling import Tiling

CONV: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class SiteWise(nn.Module):
    """Base of the subnetworks that give every site a value; a tile's is the mean over its focus.

    Maps tiles (n, channels, *window) to contributions (n, outputs). The mean, not the sum, because
    a model counts a tile's sites itself.

    Neighbouring tiles repeat each other's work in their contexts, and a field is evaluated faster
    as a whole.
    """

    @abstractmethod
    def sites(self, padded: Tensor) -> Tensor:
        """Map a padded field (B, C, *(L + 2c)) to values per site (B, outputs, *L)."""

    def periodic_sites(self, field: Tensor, tiling: Tiling) -> Tensor:
        """The same of a whole periodic field (B, C, *L); a child may do it without the padding."""
        return self.sites(tiling.pad(field))

    def fit_fields(self, padded: Tensor) -> bool:
        """Adapt to padded training fields (n, C, *(L + 2c)), if a child can; tell whether it did.

        Where it doesn't, the model takes fields to mean 0 and spread 1.
        """
        return False

    def forward(self, tiles: Tensor) -> Tensor:
        return self.sites(tiles).flatten(2).mean(2)  # (n, outputs, *focus) → (n, outputs)
