"""How the tiles of a field are evaluated: exactly, in the fastest way that the subnetwork allows.

Equal tiles of a discrete field are evaluated once. A site-wise subnetwork sees whole fields, or
blocks of them. Any other subnetwork gets tiles in chunks that stay in a processor's cache; where
it has a stem, overlapping tiles of a chunk share that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from ednn.core.distinct import grouped
from ednn.core.features import Shares
from ednn.core.probe import Probe
from ednn.core.remembered import remembered
from ednn.core.subnets.site_wise import SiteWise
from ednn.core.subnets.stemmed import Stemmed
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
            again (measured with the paper's DNN: 16 tiles of 128²).
        per_weight_in_training: the same while gradients are recorded, when every chunk also writes
            the weights' gradients (32 tiles).
        distinct_share: equal tiles are grouped if their distinct ones are at most this share of the
            work; grouping takes 3 to 7 % of a training step of the ANN.

    Example:
        >>> ChunkPolicy().tiles(2**10, weights=0, site_wise=False, device=torch.device("cpu"))
        1024
    """

    tile_values: int = 2**20
    site_values: int = 2**22
    gpu_values: int = 2**28
    per_weight: float = 2 / 3
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

    Of features behind a subnetwork's outputs only the sum over the tiles is kept.

    Args:
        tiling: the tiles.
        outputs: number of values of a tile that are kept.
        probe: what is known of the subnetwork from a trial.
        alphabet: the values that a discrete field can take, ascending; empty for a continuous one.
        policy: how much is evaluated at once.

    Example:
        >>> from ednn.core.probe import probe
        >>> from ednn.core.subnets import ANN
        >>> tiling, subnet = Tiling(2, focus=2, context=1), ANN((4, 4))
        >>> trial = probe(subnet, torch.ones(2, 1, 4, 4), outputs=1)
        >>> evaluation = TileEvaluation(tiling, 1, trial, (), ChunkPolicy())
        >>> evaluation.padded(subnet, tiling.pad(torch.ones(1, 1, 8, 8))).tiles.shape
        torch.Size([1, 4, 4, 1])
    """

    def __init__(
        self,
        tiling: Tiling,
        outputs: int,
        probe: Probe,
        alphabet: Sequence[float],
        policy: ChunkPolicy,
    ) -> None:
        self.tiling, self.outputs = tiling, outputs
        self.probe, self.alphabet, self.policy = probe, alphabet, policy

    def periodic(self, subnet: nn.Module, field: Tensor) -> Shares | None:
        """Run a site-wise subnetwork over periodic fields (B, C, *L).

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
        return _joined([self._of_sites(values, subnet.stride) for values in sites], axis=0)

    def padded(self, subnet: nn.Module, padded: Tensor, weights: Tensor | None = None) -> Shares:
        """Run a subnetwork over padded fields (B, C, *(L + 2c)), in chunks.

        A chunk is as many whole fields as fit; a field that doesn't fit is halved. A site-wise
        subnetwork's values may be multiplied by weights of the sites, (B, *L).
        """
        tiles = self.tiling.windows(padded)  # (B, *grid, C, *window)
        batch, *grid = lead = tiles.shape[: 1 + self.tiling.dims]
        limit, work = self._tiles_at_once(subnet, padded.device), self._work(subnet, padded)
        if batch > 1 and batch * work > limit:
            axis, size = 0, max(1, int(limit / work))
            parts = padded.split(size)
            weighted = [None] * len(parts) if weights is None else weights.split(size)
        elif work > limit and max(grid) > 1:
            axis = 1 + self.tiling.longest(grid)
            cut = grid[axis - 1] // 2
            parts = _halves(self.tiling, padded, axis, cut)
            sites = [cut * self.tiling.focus[axis - 1]]
            weighted = [None] * 2 if weights is None else weights.tensor_split(sites, axis)
        elif isinstance(subnet, SiteWise):
            return self._of_sites(subnet.sites(padded), subnet.stride, weights)
        elif isinstance(subnet, Stemmed):
            return self._shares(subnet.of_tiles(padded, self.tiling))
        else:
            return self._shares(subnet(tiles.flatten(0, self.tiling.dims)).unflatten(0, lead))
        pairs = zip(parts, weighted, strict=True)
        return _joined([self.padded(subnet, part, own) for part, own in pairs], axis)

    def distinct(
        self,
        subnet: nn.Module,
        field: Tensor,
        padded: Callable[[], Tensor],
        seen: Callable[[Tensor], Tensor],
        physical: Callable[[Shares], Shares],
    ) -> Shares | None:
        """Return the shares of tiles in physical units, from one run per distinct tile of fields.

        Args:
            subnet: the subnetwork.
            field: fields, whose groups of equal tiles are remembered.
            padded: returns them in the precision of the subnetwork, (B, C, *(L + 2c)).
            seen: how the subnetwork sees them.
            physical: converts the shares of the distinct tiles to physical units.

        Returns:
            None if the field isn't discrete, its gradient is wanted, equal tiles may differ (by
            dropout), or too few are equal.
        """
        random = self.probe.random and any(module.training for module in subnet.modules())
        if not self.alphabet or field.requires_grad or random:
            return None

        def make() -> tuple[Tensor, Tensor] | None:
            values = padded()
            most = self.policy.distinct_share * len(values) * self._work(subnet, values)
            return grouped(values, self.tiling, self.alphabet, most)

        found = remembered(field, (self, next(subnet.parameters(), field).dtype), make)
        if found is None:
            return None
        slot, chosen = found  # (B, *grid), (slots, C, *window)
        parts = chosen.split(self._tiles_at_once(subnet, chosen.device))
        table = torch.cat([subnet(seen(part)) for part in parts])  # (slots, outputs + features)
        own, rest = table[:, : self.outputs], table[:, self.outputs :].detach().double()
        each = physical(Shares(own, rest))
        # to take columns is faster than to select rows, and stacking one would copy it
        columns = [column.take(slot) for column in each.tiles.unbind(1)]  # (B, *grid) each
        tiles = torch.stack(columns, -1) if len(columns) > 1 else columns[0][..., None]
        if not rest.shape[1]:  # a sum of nothing takes as long
            return Shares(tiles, rest.new_zeros(len(field), 0))
        return Shares(tiles, _summed(slot.flatten(1), each.features))

    def _shares(self, values: Tensor) -> Shares:
        """Keep the outputs of every tile (B, *grid, outputs + features), and sum the features."""
        of_tiles, rest = values[..., : self.outputs], values[..., self.outputs :].detach()
        return Shares(of_tiles, _total(rest.flatten(1, -2), 1))

    def _of_sites(self, values: Tensor, stride: int, weights: Tensor | None = None) -> Shares:
        """Average values (B, outputs + features, *(L / stride)) over every focus, as for tiles."""
        if weights is not None:
            blocks = Tiling(self.tiling.dims, stride, 0).windows(weights[:, None])
            mean = blocks.flatten(-self.tiling.dims).mean(-1)  # (B, *(L / stride), 1)
            values = values * mean.movedim(-1, 1)
        foci = Tiling(self.tiling.dims, [side // stride for side in self.tiling.focus], 0)
        outputs, rest = values[:, : self.outputs], values[:, self.outputs :].detach().flatten(2)
        of_focus = foci.windows(outputs).flatten(-self.tiling.dims)  # (B, *grid, outputs, n)
        return Shares(of_focus.mean(-1, dtype=_wide(values)), _total(rest, 2) / foci.sites)

    def _work(self, subnet: nn.Module, padded: Tensor) -> float:
        """Return the work of one padded field, in units of one tile's work."""
        if isinstance(subnet, SiteWise):
            return prod(padded.shape[2:]) / prod(self.tiling.window)
        return prod(self.tiling.windows(padded).shape[1 : 1 + self.tiling.dims])

    def _tiles_at_once(self, subnet: nn.Module, device: torch.device) -> int:
        weights = sum(weight.numel() for weight in subnet.parameters())
        site_wise = isinstance(subnet, SiteWise)
        return self.policy.tiles(self.probe.widest, weights, site_wise, device)


def _wide(values: Tensor) -> torch.dtype:
    """Return the precision to add values in: autocast may have made them bfloat16."""
    return torch.promote_types(values.dtype, torch.float32)


def _total(values: Tensor, axis: int) -> Tensor:
    """Sum over an axis of a chunk, which is short enough for single precision, as doubles."""
    return values.sum(axis, dtype=_wide(values)).double()


def _summed(slots: Tensor, values: Tensor) -> Tensor:
    """Sum the values (slots, features) of the slots of every field (B, tiles)."""
    if len(values) > slots.shape[1]:
        return embedding_bag(slots, values, mode="sum")
    counts = torch.stack([own.bincount(minlength=len(values)) for own in slots])  # (B, slots)
    return counts.to(values) @ values


def _halves(tiling: Tiling, padded: Tensor, axis: int, tiles: int) -> tuple[Tensor, Tensor]:
    """Cut padded fields after so many tiles of an axis; each part has its own context."""
    cut, border = tiles * tiling.focus[axis - 1], 2 * tiling.context[axis - 1]
    side = padded.shape[1 + axis]
    return padded.narrow(1 + axis, 0, cut + border), padded.narrow(1 + axis, cut, side - cut)


def _joined(parts: Sequence[Shares], axis: int) -> Shares:
    """Put parts of a batch together: some fields each (axis 0), or a part of every field."""
    if len(parts) == 1:
        return parts[0]
    tiles, features = zip(*parts, strict=True)
    summed = torch.stack(features).sum(0) if axis else torch.cat(features)
    return Shares(torch.cat(tiles, axis), summed)
