"""The shared subnetworks: every tile goes through the same one (paper, "EDNN topology")."""

from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ednn.errors import InputError
from ednn.tiles import Tiling

CONV: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class ANN(nn.Sequential):
    """One hidden layer of 32 (f + 2c)^d rectified units, then a linear output.

    Maps tiles (n, channels, *window) to contributions (n, outputs). Another number of units is
    given by `hidden`.
    Source: paper, "EDNN topology and training".
    """

    def __init__(
        self,
        window: Sequence[int],
        channels: int = 1,
        outputs: int = 1,
        hidden: int | None = None,
    ) -> None:
        hidden = hidden or 32 * prod(window)
        super().__init__(
            nn.Flatten(),
            nn.Linear(channels * prod(window), hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )


class DNN(nn.Sequential):
    """The paper's 13 convolutions and two linear layers, with a linear output.

    Maps tiles (n, channels, *window) to contributions (n, outputs). Rectified after every layer but
    the last; "same" padding throughout.
    Source: paper, "EDNN topology and training"; padding and activations as in the released code,
    whose rectified output (no negative energies) is left out.
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
                # "same" for even kernels too: the odd place goes to the far side
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


class SiteWise(nn.Module):
    """Base of the subnetworks that give every site a value; a tile's is the mean over its focus.

    Maps tiles (n, channels, *window) to contributions (n, outputs). The mean, not the sum, because
    a model's shift and scale already count a tile's sites.

    Neighbouring tiles repeat each other's work in their contexts, and a field is evaluated faster
    as a whole.
    """

    @abstractmethod
    def sites(self, padded: Tensor) -> Tensor:
        """Map a padded field (B, C, *(L + 2c)) to values per site (B, outputs, *L)."""

    def periodic_sites(self, field: Tensor, tiling: Tiling) -> Tensor:
        """The same of a whole periodic field (B, C, *L); a child may do it without the padding."""
        return self.sites(tiling.pad(field))

    def forward(self, tiles: Tensor) -> Tensor:
        return self.sites(tiles).flatten(2).mean(2)  # (n, outputs, *focus) → (n, outputs)


class _Pad(nn.Module):
    """Zero padding in any dimension: torch names one class per dimension."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = widths

    def forward(self, field: Tensor) -> Tensor:
        return F.pad(field, self.widths)


def probe(subnet: nn.Module, tiles: Tensor, outputs: int) -> int:
    """Try a subnetwork on some tiles (n, channels, *window).

    Returns:
        The most values that one layer holds for one tile: what decides how many tiles fit a cache.

    Raises:
        InputError: it cannot take the tiles, or doesn't return (n, outputs).
    """
    name, widest = type(subnet).__name__, tiles[0].numel()

    def widen(_module: nn.Module, _inputs: object, output: object) -> None:
        nonlocal widest
        if isinstance(output, Tensor):
            widest = max(widest, output.numel() // len(tiles))

    hooks = [module.register_forward_hook(widen) for module in subnet.modules()]
    try:
        with torch.no_grad():
            shape = tuple(subnet(tiles).shape)
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"The subnetwork {name} cannot take tiles of shape {tuple(tiles.shape)} ({error}); "
            f"its input must fit (n, channels, f + 2c per axis)."
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    if shape != (len(tiles), outputs):
        raise InputError(
            f"The subnetwork {name} maps {len(tiles)} tiles to shape {shape}; "
            f"expected {(len(tiles), outputs)}: one row per tile, one column per output."
        )
    return widest


def probe_sites(subnet: SiteWise, tiles: Tensor, outputs: int, focus: Sequence[int]) -> None:
    """Try a site-wise subnetwork on some tiles (n, channels, *window).

    Raises:
        InputError: its values are not those of the sites of the focus, (n, outputs, *focus).
    """
    with torch.no_grad():
        shape = tuple(subnet.sites(tiles).shape)
    if shape != (expected := (len(tiles), outputs, *focus)):
        raise InputError(
            f"The subnetwork {type(subnet).__name__} maps tiles of shape {tuple(tiles.shape)} to "
            f"values per site of shape {shape}; expected {expected}: give it the model's context c."
        )
