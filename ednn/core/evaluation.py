"""How the tiles of a field are evaluated: exactly, in the fastest way that the subnetwork allows.

Equal tiles of a discrete field are evaluated once. A site-wise subnetwork sees whole fields, or
blocks of them. Any other subnetwork gets tiles in chunks that stay in a processor's cache.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from ednn.core.distinct import group, tile_codes
from ednn.core.probe import Probe
from ednn.core.subnets.site_wise import SiteWise
from ednn.core.tiling import Tiling


@dataclass(frozen=True)
class ChunkPolicy:
    """How much is evaluated at once.

    Attributes:
        tile_values: most values of the widest layer for one chunk of tiles. A CPU is fastest while
            they stay in a core's cache.
        site_values: the same for the blocks that a site-wise subnetwork sees: more, because small
            blocks repeat too much of each other's context.
        gpu_values: the same for tiles and blocks on a GPU, which needs large chunks; a large field
            is still divided.
        per_weight: least values per weight of the subnetwork, since every chunk reads the weights
            again (measured with the paper's DNN: 8 tiles of 128²).
        per_weight_in_training: the same while gradients are recorded, when every chunk also writes
            the weights' gradients (16 tiles).
        distinct_share: equal tiles are grouped if their distinct ones are at most this share of the
            work; grouping takes 3 to 7 % of a training step of the ANN.

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
        """Return the number of tiles that are evaluated at once.

        Args:
            widest: values that the widest layer holds for one tile.
            weights: number of weights of the subnetwork.
            site_wise: whether the subnetwork sees blocks instead of tiles.
            device: the device that computes.
        """
        on_cpu = self.site_values if site_wise else self.tile_values
        values = on_cpu if device.type == "cpu" else self.gpu_values
        share = self.per_weight_in_training if torch.is_grad_enabled() else self.per_weight
        return max(1, int(max(values, share * weights) / widest))


class TileEvaluation:
    """Evaluates subnetworks of one geometry over fields.

    Args:
        tiling: the tiles.
        probe: what is known of the subnetwork from a trial.
        alphabet: the values that a discrete field can take, ascending; empty for a continuous one.
        policy: how much is evaluated at once.

    Example:
        >>> from ednn.core.probe import probe
        >>> from ednn.core.subnets import ANN
        >>> tiling, subnet = Tiling(2, focus=2, context=1), ANN((4, 4))
        >>> trial = probe(subnet, torch.ones(2, 1, 4, 4), outputs=1)
        >>> evaluation = TileEvaluation(tiling, trial, (), ChunkPolicy())
        >>> evaluation.padded(subnet, tiling.pad(torch.ones(1, 1, 8, 8))).shape
        torch.Size([1, 4, 4, 1])
    """

    def __init__(
        self, tiling: Tiling, probe: Probe, alphabet: Sequence[float], policy: ChunkPolicy
    ) -> None:
        self.tiling, self.probe, self.alphabet, self.policy = tiling, probe, alphabet, policy
        self._foci = Tiling(tiling.dims, tiling.focus, 0)

    def periodic(self, subnet: nn.Module, field: Tensor) -> Tensor | None:
        """Run a site-wise subnetwork over periodic fields (B, C, *L): (B, *grid, outputs), or None.

        A whole periodic field is its own context, so that nothing is computed twice.

        Returns:
            None if the subnetwork is not site-wise, the padding not periodic, or a field too large.
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

        A chunk is as many whole fields as fit; a field that doesn't fit is halved.
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

    def distinct(
        self, subnet: nn.Module, padded: Tensor, seen: Callable[[Tensor], Tensor]
    ) -> Tensor | None:
        """Run a subnetwork once per distinct tile of padded fields: (B, *grid, outputs), or None.

        Args:
            subnet: the subnetwork.
            padded: fields as they are given, (B, C, *(L + 2c)).
            seen: how the subnetwork sees them.

        Returns:
            None if the field isn't discrete, if equal tiles may differ (dropout in training), if
            the gradient with respect to the field is wanted, or if too few tiles are equal.
        """
        random = self.probe.random and any(module.training for module in subnet.modules())
        if not self.alphabet or padded.requires_grad or random:
            return None
        coded = tile_codes(padded, self.tiling, self.alphabet)
        if coded is None:
            return None
        codes, bound = coded
        slot, representative = group(codes.flatten(), bound)
        work = len(padded) * self._work(subnet, padded)  # in tiles
        if len(representative) > self.policy.distinct_share * work:
            return None
        tiles = self.tiling.windows(padded)  # (B, *grid, C, *window)
        chosen = tiles[torch.unravel_index(representative, codes.shape)]  # (slots, C, *window)
        parts = chosen.split(self._tiles_at_once(subnet, chosen.device))
        table = torch.cat([subnet(seen(part)) for part in parts])  # (slots, outputs)
        return table.index_select(0, slot).unflatten(0, codes.shape)  # (B, *grid, outputs)

    def _means(self, sites: Tensor) -> Tensor:
        """Average values per site (B, outputs, *L) over every focus: (B, *grid, outputs)."""
        values = self._foci.windows(sites).flatten(-self.tiling.dims)  # (…, outputs, f^d)
        wide = torch.promote_types(values.dtype, torch.float32)
        return values.mean(-1, dtype=wide)  # autocast may have made the sites bfloat16

    def _halves(self, padded: Tensor, axis: int, tiles: int) -> tuple[Tensor, Tensor]:
        """Cut padded fields after so many tiles of an axis; each part has its own context."""
        cut, border = tiles * self.tiling.focus[axis - 1], 2 * self.tiling.context[axis - 1]
        side = padded.shape[1 + axis]
        return padded.narrow(1 + axis, 0, cut + border), padded.narrow(1 + axis, cut, side - cut)

    def _work(self, subnet: nn.Module, padded: Tensor) -> float:
        """Return the work of one padded field, in units of one tile's work."""
        if isinstance(subnet, SiteWise):
            return prod(padded.shape[2:]) / prod(self.tiling.window)
        return prod(self.tiling.windows(padded).shape[1 : 1 + self.tiling.dims])

    def _tiles_at_once(self, subnet: nn.Module, device: torch.device) -> int:
        weights = sum(weight.numel() for weight in subnet.parameters())
        site_wise = isinstance(subnet, SiteWise)
        return self.policy.tiles(self.probe.widest, weights, site_wise, device)
