"""The extensive deep neural network: tiles → shared subnetwork → contributions → their sum."""

from collections.abc import Callable, Sequence
from functools import cached_property
from inspect import signature

import torch
from torch import Tensor, nn

from ednn.core.evaluation import ChunkPolicy, TileEvaluation
from ednn.core.features import Shares, last_layer, with_identity
from ednn.core.info import DatasetInfo, unnamed_outputs
from ednn.core.interface import ExtensiveModel, FieldModel
from ednn.core.probe import probe, probe_sites
from ednn.core.subnets.site_wise import SiteWise
from ednn.core.tiling import Tiling
from ednn.core.view import TiledView

PROBE_TILES = 2  # number of tiles on which a subnetwork is tried
FEATURE_TILES = 8  # number of tiles on which the end of one is tried, of random values


class EDNN(FieldModel):
    """An extensive property as the sum of one shared subnetwork's outputs over all tiles.

    The subnetwork returns a value per site of each tile's focus.

    Args:
        subnet: a module that maps tiles (n, C, *window) to (n, outputs), or a function that makes
            one from `window`, `focus`, `context`, `channels` and `outputs` (those that it accepts).
            A module that is `SiteWise` is evaluated over whole fields.
        focus: side f of the focus, one integer or one per axis.
        context: width c of the context, one integer or one per axis.
        dims: dimension of the lattice, 1 to 3.
        channels: number C of field components.
        outputs: number of extensive properties.
        padding: "periodic", "zeros", "reflect" or "replicate".
        alphabet: the values of a discrete field (spins: [-1, 1]), of which equal tiles are
            evaluated once wherever that is faster; None for continuous fields.
        chunks: how much is evaluated at once.

    Raises:
        InputError: impossible tiles, or a subnetwork that doesn't fit them.

    Source: paper, "Extensive deep neural networks".

    Example:
        >>> from ednn.core.subnets import ANN
        >>> model = EDNN(ANN, focus=2, context=1)
        >>> model.contributions(torch.randn(5, 1, 8, 8)).shape
        torch.Size([5, 4, 4, 1])
    """

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
        chunks: ChunkPolicy | None = None,
    ) -> None:
        values = None if alphabet is None else tuple(sorted({*map(float, alphabet)}))
        super().__init__(DatasetInfo(unnamed_outputs(outputs), dims, channels, alphabet=values))
        self._tiling = Tiling(dims, focus, context, padding)
        self.subnet = subnet if isinstance(subnet, nn.Module) else self._make(subnet)
        tiles = torch.linspace(-1, 1, PROBE_TILES * channels * self.tiling.values)
        tiles = tiles.view(PROBE_TILES, channels, *self.tiling.window)
        found = probe(self.subnet, tiles, outputs)
        if isinstance(self.subnet, SiteWise):
            probe_sites(self.subnet, tiles, outputs, self.tiling.focus)
        seen = sorted({*(values or ()), *([0.0] if values and padding == "zeros" else [])})
        policy = chunks or ChunkPolicy()
        self._evaluation = TileEvaluation(self.tiling, outputs, found, seen, policy)

    def _make(self, subnet: Callable[..., nn.Module]) -> nn.Module:
        """Make the subnetwork, with the arguments about the geometry that it accepts."""
        geometry = {
            "window": self.tiling.window,
            "focus": self.tiling.focus,
            "context": self.tiling.context,
            "channels": self.info.channels,
            "outputs": len(self.info.outputs),
        }
        accepted = signature(subnet).parameters
        return subnet(**{k: v for k, v in geometry.items() if k in accepted})

    @property
    def tiling(self) -> Tiling:
        return self._tiling

    @property
    def period(self) -> tuple[int, ...]:
        if isinstance(self.subnet, SiteWise):
            return (self.subnet.stride,) * self.info.dims
        return self.tiling.focus

    def forward(self, field: Tensor) -> Tensor:
        """Predict the extensive properties of fields (B, C, *L): (B, outputs), physical units."""
        tiles, features = self.shares(field)
        total = tiles.flatten(1, -2).sum(1)  # (B, tiles, outputs) → (B, outputs)
        return torch.cat([total, features], 1) if features.shape[1] else total

    def shares(self, field: Tensor) -> Shares:
        """Return what each tile of fields (B, C, *L) adds to the sum, and their features.

        Raises:
            InputError: a lattice of the wrong dimension, channel count or side.
        """
        self.check(field)
        values = field.to(self.precision)  # spins are stored as integers
        if (found := self._distinct(field, lambda: self.tiling.pad(values))) is not None:
            return found
        raw = self._evaluation.periodic(self.subnet, self.seen(values))
        if raw is None:
            raw = self._evaluation.padded(self.subnet, self.seen(self.tiling.pad(values)))
        return self._physical(raw)

    @property
    def is_site_wise(self) -> bool:
        return isinstance(self.subnet, SiteWise)

    def weighted_shares(self, padded: Tensor, weights: Tensor) -> Shares:
        seen = self.seen(padded.to(self.precision))
        raw = self._evaluation.padded(self.subnet, seen, weights.to(self.precision))
        return self._physical(raw, self.tiling.mean(weights)[..., None])

    def block_shares(self, padded: Tensor) -> Shares:
        values = padded.to(self.precision)
        if (found := self._distinct(padded, lambda: values)) is not None:
            return found
        return self._physical(self._evaluation.padded(self.subnet, self.seen(values)))

    def _distinct(self, field: Tensor, padded: Callable[[], Tensor]) -> Shares | None:
        """Return the shares of a discrete field's tiles, converted once for all that are equal."""
        return self._evaluation.distinct(self.subnet, field, padded, self.seen, self._physical)

    def _physical(self, raw: Shares, weight: Tensor | float = 1.0) -> Shares:
        sites = self.tiling.sites
        return Shares(self.physical(raw.tiles, sites, weight), raw.features * sites)

    @cached_property
    def _last_layer(self) -> str:
        """Name of the subnetwork's layer whose inputs, summed, are the features."""
        shape = (FEATURE_TILES, self.info.channels, *self.tiling.window)
        tiles = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        return last_layer(self.subnet, tiles.to(self.scaling.mean), len(self.shift))

    def feature_tensors(self) -> dict[str, Tensor]:
        layer = self.subnet.get_submodule(self._last_layer)
        prefix = ".".join(filter(None, ("subnet", self._last_layer)))
        return {f"{prefix}.{name}": tensor for name, tensor in with_identity(layer).items()}

    def seen(self, field: Tensor) -> Tensor:
        """Return fields (B, C, *L) as the subnetwork sees them."""
        return self.scaling(field)

    def check_sides(self, field: Tensor) -> None:
        self.tiling.grid(field.shape[2:])

    def fit_fields(self, inputs: Callable[[Tensor], Tensor], count: int) -> None:
        """Fit how fields are scaled; some site-wise subnetworks do that themselves."""
        if isinstance(self.subnet, SiteWise) and (wanted := self.subnet.fits_to):
            self.subnet.fit_fields(self.tiling.pad(inputs(torch.arange(min(wanted, count)))))
        else:
            super().fit_fields(inputs, count)

    def views(self, inputs: Tensor) -> list[TiledView]:
        return [TiledView("field", inputs[0, 0], self.tiling)]


def networks_of(model: ExtensiveModel) -> list[EDNN]:
    """Return every EDNN of a model: the model itself, its branches' or its field model's.

    Example:
        >>> from ednn.core.subnets import ANN
        >>> model = EDNN(ANN, focus=1, context=1)
        >>> networks_of(model) == [model]
        True
    """
    return [module for module in model.modules() if isinstance(module, EDNN)]
