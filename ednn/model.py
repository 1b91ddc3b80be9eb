"""The extensive deep neural network: tiles → shared subnetwork → contributions → their sum."""

from collections.abc import Callable, Sequence
from inspect import signature

import torch
from torch import Tensor, nn

from ednn.distinct import group, tile_codes
from ednn.errors import InputError
from ednn.subnets import probe
from ednn.tiles import Tiling

# Values that the widest layer may hold for the tiles evaluated together. A CPU is fastest while
# they stay in a core's cache; a GPU wants many, but not all of a large field at once.
CHUNK_VALUES = {"cpu": 2**20, "cuda": 2**28}
# Grouping equal tiles takes 3 to 7 % of a training step of the ANN, so it pays unless nearly all
# differ.
DISTINCT_SHARE = 0.9


class EDNN(nn.Module):
    """An extensive property as the sum of one shared subnetwork's outputs over all tiles.

    Args:
        subnet: a module that maps tiles (n, C, *window) to (n, outputs), or what makes one from
            `window`, `channels` and `outputs` (those of the three that it accepts).
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
            geometry = {"window": self.tiling.window, "channels": channels, "outputs": outputs}
            accepted = signature(subnet).parameters
            subnet = subnet(**{k: v for k, v in geometry.items() if k in accepted})
        self.subnet = subnet
        example = torch.zeros(2, channels, *self.tiling.window)
        self._widest = probe(self.subnet, example, outputs)
        # Per tile, so that the sum stays extensive; physical = scale · subnet(tile) + shift.
        self.register_buffer("shift", torch.zeros(outputs))
        self.register_buffer("scale", torch.ones(outputs))
        values = set(alphabet or ()) | ({0.0} if alphabet and padding == "zeros" else set())
        self.register_buffer("alphabet", torch.tensor(sorted(values)), persistent=False)

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
        padded = self.tiling.pad(field)
        tiles = self.tiling.windows(padded)  # (B, *grid, C, *window)
        raw = self._evaluate_distinct(padded, tiles)
        if raw is None:
            raw = self._evaluate(tiles)
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

    def _evaluate(self, tiles: Tensor) -> Tensor:
        """Run the subnetwork over all tiles, in chunks: (*lead, C, *window) → (*lead, outputs)."""
        lead = tiles.shape[: 1 + self.tiling.dims]
        limit = self._tiles_at_once(tiles.device)
        if lead.numel() <= limit or max(lead) == 1:
            return self.subnet(tiles.flatten(0, self.tiling.dims)).unflatten(0, lead)
        axis = next(i for i, n in enumerate(lead) if n > 1)
        step = max(1, limit // lead[axis + 1 :].numel())
        return torch.cat([self._evaluate(part) for part in tiles.split(step, axis)], axis)

    def _evaluate_distinct(self, padded: Tensor, tiles: Tensor) -> Tensor | None:
        """Run the subnetwork once per distinct tile, or return None where that doesn't pay."""
        if not len(self.alphabet) or padded.requires_grad:
            return None
        coded = tile_codes(padded, self.tiling, self.alphabet)
        if coded is None:
            return None
        codes, bound = coded
        slot, representative = group(codes.flatten(), bound)
        if len(representative) > DISTINCT_SHARE * len(slot):
            return None
        chosen = tiles[torch.unravel_index(representative, codes.shape)]  # (slots, C, *window)
        parts = chosen.split(self._tiles_at_once(chosen.device))
        table = torch.cat([self.subnet(part) for part in parts])  # (slots, outputs)
        return table.index_select(0, slot).unflatten(0, codes.shape)  # (B, *grid, outputs)

    def _tiles_at_once(self, device: torch.device) -> int:
        return max(1, CHUNK_VALUES.get(device.type, CHUNK_VALUES["cuda"]) // self._widest)
