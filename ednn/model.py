"""The extensive deep neural network: tiles → shared subnetwork → contributions → their sum."""

from collections.abc import Callable, Sequence
from inspect import signature
from math import prod

import torch
from torch import Tensor, nn

from ednn.distinct import group, tile_codes
from ednn.errors import InputError
from ednn.subnets import SiteWise, probe, probe_sites
from ednn.tiles import Tiling

# Values that the widest layer may hold for the tiles evaluated together. A CPU is fastest while
# they stay in a core's cache; a GPU wants many, but not all of a large field at once.
CHUNK_VALUES = {"cpu": 2**20, "cuda": 2**28}
# At least so many per weight, as the weights are read again for every chunk, and written too where
# gradients are recorded (measured with the paper's DNN: 8 and 16 tiles of 128²).
CHUNK_PER_WEIGHT = {"prediction": 1 / 3, "training": 1.0}
# For the blocks of a field, larger: small ones repeat too much of each other's context.
FIELD_VALUES = {"cpu": 2**22, "cuda": 2**28}
# Grouping equal tiles takes 3 to 7 % of a training step of the ANN, so it pays unless nearly all
# differ.
DISTINCT_SHARE = 0.9


class EDNN(nn.Module):
    """An extensive property as the sum of one shared subnetwork's outputs over all tiles.

    Args:
        subnet: a module that maps tiles (n, C, *window) to (n, outputs), or what makes one from
            `window`, `focus`, `context`, `channels` and `outputs` (those that it accepts).
            One that is `SiteWise` is evaluated over whole fields.
        focus: side f of the focus, one integer or one per axis.
        context: width c of the context, one integer or one per axis.
        dims: dimension of the lattice, 1 to 3.
        channels: number C of field components.
        outputs: number of extensive properties.
        padding: "periodic", "zeros", "reflect" or "replicate".
        alphabet: the values of a discrete field (spins: [-1, 1]); lets equal tiles be evaluated
            once, wherever that pays. None for continuous fields.

    Raises:
        InputError: impossible tiles, or a subnetwork that doesn't fit them.

    Source: paper, "Extensive deep neural networks".
    """

    indivisible = ""  # why its property can't be shared out among tiles: it can
    shift: Tensor
    scale: Tensor
    alphabet: Tensor

    def __init__(
        self,
        subnet: nn.Module | Callable[..., nn.Module],
        focus: int | Sequence[int],
        context: int | Sequence[int],
        dims: int = 2,
        channels: int = 1,
        outputs: int = 1,
        padding: str = "periodic",
        alphabet: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.tiling = Tiling(dims, focus, context, padding)
        self.channels, self.outputs = channels, outputs
        if not isinstance(subnet, nn.Module):
            geometry = {
                "window": self.tiling.window,
                "focus": self.tiling.focus,
                "context": self.tiling.context,
                "channels": channels,
                "outputs": outputs,
            }
            accepted = signature(subnet).parameters
            subnet = subnet(**{k: v for k, v in geometry.items() if k in accepted})
        self.subnet = subnet
        example = torch.zeros(2, channels, *self.tiling.window)
        self._widest = probe(self.subnet, example, outputs)
        self._weight_count = sum(weight.numel() for weight in self.subnet.parameters())
        if isinstance(self.subnet, SiteWise):
            probe_sites(self.subnet, example, outputs, self.tiling.focus)
        self._foci = Tiling(dims, focus, 0)
        # Per tile, so that the sum stays extensive; physical = scale · subnet(tile) + shift.
        self.register_buffer("shift", torch.zeros(outputs))
        self.register_buffer("scale", torch.ones(outputs))
        values = set(alphabet or ()) | ({0.0} if alphabet and padding == "zeros" else set())
        self.register_buffer("alphabet", torch.tensor(sorted(values)), persistent=False)

    @property
    def sites_per_tile(self) -> int:
        """Sites of what `shift` and `scale` are given for."""
        return self.tiling.sites

    def forward(self, field: Tensor) -> Tensor:
        """Predict the extensive properties of fields (B, C, *L): (B, outputs), physical units."""
        return self.contributions(field).flatten(1, -2).sum(1)  # (B, tiles, outputs) → (B, outputs)

    def contributions(self, field: Tensor) -> Tensor:
        """Map fields (B, C, *L) to what each tile contributes to the sum: (B, *grid, outputs).

        Only the sum is physical: a tile's share is not a local energy (paper, p. 2).

        Raises:
            InputError: a lattice of the wrong dimension, channel count or side.
        """
        self.check(field)
        field = field.to(self.shift.dtype)  # spins come as integers
        raw = self._evaluate_distinct(self.tiling.pad(field)) if len(self.alphabet) else None
        if raw is None:
            raw = self._evaluate_whole(field)
        if raw is None:
            raw = self._evaluate(self.tiling.pad(field))
        return raw * self.scale + self.shift

    def block_contributions(self, padded: Tensor) -> Tensor:
        """Map blocks with their context (B, C, *(n f + 2c)) to contributions (B, *n, outputs).

        A block is any part of a lattice in whole tiles: those of a lattice that doesn't fit in
        memory, one by one, give what the lattice gives.
        """
        padded = padded.to(self.shift.dtype)
        raw = self._evaluate_distinct(padded) if len(self.alphabet) else None
        if raw is None:
            raw = self._evaluate(padded)
        return raw * self.scale + self.shift

    def check(self, field: Tensor) -> None:
        """Make sure that fields fit this model.

        Raises:
            InputError: a wrong number of axes or channels, or a side that f doesn't divide.
        """
        if field.ndim != 2 + self.tiling.dims or field.shape[1] != self.channels:
            raise InputError(
                f"A field of shape {tuple(field.shape)} doesn't fit this model; expected (batch, "
                f"{self.channels} channels, {self.tiling.dims} sides)."
            )
        self.tiling.grid(field.shape[2:])

    def _evaluate(self, padded: Tensor) -> Tensor:
        """Run the subnetwork over padded fields (B, C, *(L + 2c)), in chunks: (B, *grid, outputs).

        Whole fields go together, as many as fit; a field that is too large is halved.
        """
        tiles = self.tiling.windows(padded)  # (B, *grid, C, *window)
        batch, *grid = lead = tiles.shape[: 1 + self.tiling.dims]
        limit, work = self._tiles_at_once(padded.device), self._work(padded)
        if batch > 1 and batch * work > limit:
            axis, parts = 0, padded.split(max(1, int(limit / work)))
        elif work > limit and max(grid) > 1:
            axis = 1 + self.tiling.longest(grid)
            parts = self._halves(padded, axis, grid[axis - 1] // 2)
        elif isinstance(self.subnet, SiteWise):
            return self._means(self.subnet.sites(padded))
        else:
            return self.subnet(tiles.flatten(0, self.tiling.dims)).unflatten(0, lead)
        return torch.cat([self._evaluate(part) for part in parts], axis)

    def _evaluate_whole(self, field: Tensor) -> Tensor | None:
        """Run a site-wise subnetwork over periodic fields, or return None where they don't fit.

        Each is its own context: nothing is worked out twice, as it is in the border of a block.
        """
        if self.tiling.padding != "periodic" or not isinstance(self.subnet, SiteWise):
            return None
        limit, work = self._tiles_at_once(field.device), self._work(field)
        if work > limit:
            return None
        parts = field.split(max(1, int(limit / work)))
        sites = [self.subnet.periodic_sites(part, self.tiling) for part in parts]
        return torch.cat([self._means(values) for values in sites])

    def _means(self, sites: Tensor) -> Tensor:
        """Average values per site (B, outputs, *L) over every focus: (B, *grid, outputs)."""
        values = self._foci.windows(sites).flatten(-self.tiling.dims)  # (…, outputs, f^d)
        return values.mean(-1, dtype=self.shift.dtype)  # also where the sites are bfloat16

    def _halves(self, padded: Tensor, axis: int, tiles: int) -> tuple[Tensor, Tensor]:
        """Cut padded fields after so many tiles of an axis; either part has its own context."""
        cut, border = tiles * self.tiling.focus[axis - 1], 2 * self.tiling.context[axis - 1]
        side = padded.shape[1 + axis]
        return padded.narrow(1 + axis, 0, cut + border), padded.narrow(1 + axis, cut, side - cut)

    def _work(self, padded: Tensor) -> float:
        """How many tiles' work one padded field is."""
        if isinstance(self.subnet, SiteWise):
            return prod(padded.shape[2:]) / prod(self.tiling.window)
        return prod(self.tiling.windows(padded).shape[1 : 1 + self.tiling.dims])

    def _evaluate_distinct(self, padded: Tensor) -> Tensor | None:
        """Run the subnetwork once per distinct tile, or return None where that doesn't pay."""
        if padded.requires_grad:
            return None
        coded = tile_codes(padded, self.tiling, self.alphabet)
        if coded is None:
            return None
        codes, bound = coded
        slot, representative = group(codes.flatten(), bound)
        if len(representative) > DISTINCT_SHARE * len(padded) * self._work(padded):
            return None
        tiles = self.tiling.windows(padded)  # (B, *grid, C, *window)
        chosen = tiles[torch.unravel_index(representative, codes.shape)]  # (slots, C, *window)
        parts = chosen.split(self._tiles_at_once(chosen.device))
        table = torch.cat([self.subnet(part) for part in parts])  # (slots, outputs)
        return table.index_select(0, slot).unflatten(0, codes.shape)  # (B, *grid, outputs)

    def _tiles_at_once(self, device: torch.device) -> int:
        values = FIELD_VALUES if isinstance(self.subnet, SiteWise) else CHUNK_VALUES
        share = CHUNK_PER_WEIGHT["training" if torch.is_grad_enabled() else "prediction"]
        at_once = max(values.get(device.type, values["cuda"]), share * self._weight_count)
        return max(1, int(at_once / self._widest))
