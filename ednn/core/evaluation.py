"""How the tiles of a field are evaluated: exactly, in the fastest way that the subnetwork allows.

Equal tiles of a discrete field are evaluated once; a site-wise subnetwork sees a whole field, or
blocks of it, at once; all others get tiles in chunks that stay in a processor's cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from ednn.core.distinct import group, tile_codes
from ednn.core.probe import Probe
from ednn.core.subnets.base import SiteWise
from ednn.core.tiling import Tiling


@dataclass(frozen=True)
class ChunkPolicy:
    """How much is evaluated together.

    Attributes:
        tile_values: values of the widest layer for the tiles of a chunk. A CPU is fastest while
            they stay in a core's cache.
        site_values: the same for the blocks that a site-wise subnetwork sees, larger: small
            ones repeat too much of each other's context.
        gpu_values: the same for either on a GPU, which wants many, but not all of a large field.
        per_weight: at least so many values for each weight, as weights are read again for every
            chunk (measured with the paper's DNN: 8 tiles of 128²);
        per_weight_in_training: and written too where gradients are recorded (16 tiles).
        distinct_share: equal tiles are gathered if that is no more than this share of the work;
            to do so takes 3 to 7 % of a training step of the ANN.

    Example:
        >>> ChunkPolicy().tiles(2**10, weights=0, site_wise=False, device=torch.device("cpu"))
        1024
    """

    tile_values: int = 2**20
    site_values: int = 2**22
    gpu_values: int = 2**28
    per_weight: float = 1 / 3
    per_weight_in_training: float = 1.0
    distinct_share: float = 0.9

    def tiles(self, widest: int, weights: int, site_wise: bool, device: torch.device) -> int:
        """Return how many tiles' work goes together.

        Args:
            widest: values that the widest layer holds for one tile.
            weights: of the subnetwork.
            site_wise: whether the subnetwork sees blocks instead of tiles.
            device: where it computes.
        """
        on_cpu = self.site_values if site_wise else self.tile_values
        values = on_cpu if device.type == "cpu" else self.gpu_values
        share = self.per_weight_in_training if torch.is_grad_enabled() else self.per_weight
        return max(1, int(max(values, share * weights) / widest))


class TileEvaluation:
    """Evaluates subnetworks of one geometry over fields.

    Args:
        tiling: the tiles.
        probe: what a trial has told of the subnetwork.
        alphabet: the values that a discrete field can take, ascending; empty for others.
        policy: how much is evaluated together.
    """

    def __init__(
        self, tiling: Tiling, probe: Probe, alphabet: Sequence[float], policy: ChunkPolicy
    ) -> None:
        self.tiling, self.probe, self.alphabet, self.policy = tiling, probe, alphabet, policy
        self._foci = Tiling(tiling.dims, tiling.focus, 0)

    def periodic(self, subnet: nn.Module, field: Tensor) -> Tensor | None:
        """Run a site-wise subnetwork over periodic fields (B, C, *L), or return None.

        Each is its own context: nothing is worked out twice, as it is in the border of a block.
        None where the subnetwork or the padding is of another kind, or a field is too large.
        """
        if self.tiling.padding != "periodic" or not isinstance(subnet, SiteWise):
            return None
        limit, work = self._tiles_at_once(subnet, field.device), self._work(subnet, field)
        if work > limit:
            return None
        parts = field.split(max(1, int(limit / work)))
        sites = [subnet.periodic_sites(part, self.tiling) for part in parts]
        return torch.cat([self._means(values) for values in sites])

    def padded(self, subnet: nn.Module, padded: Tensor) -> Tensor:
        """Run a subnetwork over padded fields (B, C, *(L + 2c)), in chunks: (B, *grid, outputs).

        Whole fields go together, as many as fit; a field that is too large is halved.
        """
        tiles = self.tiling.windows(padded)  # (B, *grid, C, *window)
        batch, *grid = lead = tiles.shape[: 1 + self.tiling.dims]
        limit, work = self._tiles_at_once(subnet, padded.device), self._work(subnet, padded)
        if batch > 1 and batch * work > limit:
            axis, parts = 0, padded.split(max(1, int(limit / work)))
        elif work > limit and max(grid) > 1:
            axis = 1 + self.tiling.longest(grid)
            parts = self._halves(padded, axis, grid[axis - 1] // 2)
        elif isinstance(subnet, SiteWise):
            return self._means(subnet.sites(padded))
        else:
            return subnet(tiles.flatten(0, self.tiling.dims)).unflatten(0, lead)
        return torch.cat([self.padded(subnet, part) for part in parts], axis)

    def distinct(self, subnet: nn.Module, padded: Tensor) -> Tensor | None:
        """Run a subnetwork once per distinct tile of discrete fields, or return None.

        None where the field isn't discrete, where equal tiles may differ (dropout in training),
        where the field's own gradient is wanted, and where it doesn't pay.
        """
        random = self.probe.random and subnet.training
        if not self.alphabet or padded.requires_grad or random:
            return None
        coded = tile_codes(padded, self.tiling, self.alphabet)
        if coded is None:
            return None
        codes, bound = coded
        slot, representative = group(codes.flatten(), bound)
        work = len(padded) * self._work(subnet, padded)  # of all tiles, or of the whole field
        if len(representative) > self.policy.distinct_share * work:
            return None
        tiles = self.tiling.windows(padded)  # (B, *grid, C, *window)
        chosen = tiles[torch.unravel_index(representative, codes.shape)]  # (slots, C, *window)
        parts = chosen.split(self._tiles_at_once(subnet, chosen.device))
        table = torch.cat([subnet(part) for part in parts])  # (slots, outputs)
        return table.index_select(0, slot).unflatten(0, codes.shape)  # (B, *grid, outputs)

    def _means(self, sites: Tensor) -> Tensor:
        """Average values per site (B, outputs, *L) over every focus: (B, *grid, outputs)."""
        values = self._foci.windows(sites).flatten(-self.tiling.dims)  # (…, outputs, f^d)
        wide = torch.promote_types(values.dtype, torch.float32)
        return values.mean(-1, dtype=wide)  # also where autocast made the sites bfloat16

    def _halves(self, padded: Tensor, axis: int, tiles: int) -> tuple[Tensor, Tensor]:
        """Cut padded fields after so many tiles of an axis; either part has its own context."""
        cut, border = tiles * self.tiling.focus[axis - 1], 2 * self.tiling.context[axis - 1]
        side = padded.shape[1 + axis]
        return padded.narrow(1 + axis, 0, cut + border), padded.narrow(1 + axis, cut, side - cut)

    def _work(self, subnet: nn.Module, padded: Tensor) -> float:
        """How many tiles' work one padded field is."""
        if isinstance(subnet, SiteWise):
            return prod(padded.shape[2:]) / prod(self.tiling.window)
        return prod(self.tiling.windows(padded).shape[1 : 1 + self.tiling.dims])

    def _tiles_at_once(self, subnet: nn.Module, device: torch.device) -> int:
        weights = sum(weight.numel() for weight in subnet.parameters())
        site_wise = isinstance(subnet, SiteWise)
        return self.policy.tiles(self.probe.widest, weights, site_wise, device)
