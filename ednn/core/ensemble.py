"""An ensemble: several models as one, whose spread tells how uncertain they are."""

from collections.abc import Sequence
from math import lcm
from typing import Any

import torch
from torch import Tensor, nn

from ednn.core.errors import InputError
from ednn.core.features import Shares
from ednn.core.interface import ExtensiveModel, FieldModel
from ednn.core.seen import SeenValues
from ednn.core.structure_model import StructureModel
from ednn.core.tiling import Tiling
from ednn.core.view import TiledView


class Spread:
    """The standard deviation over the members of an ensemble, whose totals are its features.

    Args:
        outputs: how many each member has.

    Example:
        >>> Spread(outputs=1).deviation(torch.tensor([[1.0, 2.0, 3.0]])).tolist()
        [[1.0]]
    """

    def __init__(self, outputs: int) -> None:
        self.outputs = outputs

    def deviation(self, features: Tensor) -> Tensor:
        """Map totals (B, members · outputs) to standard deviations (B, outputs)."""
        return features.unflatten(1, (-1, self.outputs)).std(1)

    def extrapolation(self, deviation: Tensor, sites: Tensor) -> Tensor:
        """Return zeros (B,): how far members differ on usual systems is not known."""
        return torch.zeros(len(deviation))


class Ensemble(ExtensiveModel):
    """Base of ensembles: predictions are means over the members, which differ in weights alone.

    Args:
        members: two models or more, in evaluation mode.

    Example:
        >>> from ednn import EDNN
        >>> from ednn.core.subnets import ANN
        >>> model = ensemble([EDNN(ANN, focus=2, context=1) for _ in range(3)])
        >>> model(torch.ones(5, 1, 8, 8)).shape, model.uncertainty(torch.ones(5, 1, 8, 8)).shape
        (torch.Size([5, 1]), torch.Size([5, 1]))
    """

    members: Sequence[Any]

    def join(self, members: Sequence[ExtensiveModel]) -> None:
        """Take the members, whose totals tell how uncertain their mean is."""
        self.members = nn.ModuleList(members)  # type: ignore[assignment]
        self.posterior = Spread(len(self.info.outputs))

    @property
    def values_seen(self) -> SeenValues | None:
        """Those of the first member, which are set for all."""
        seen: SeenValues | None = self.members[0].values_seen
        return seen

    @values_seen.setter
    def values_seen(self, values: SeenValues | None) -> None:
        for member in self.members:
            member.values_seen = values

    def forward(self, inputs: Any) -> Tensor:
        """Predict the mean over the members, (B, outputs)."""
        return torch.stack([member(inputs) for member in self.members]).mean(0)

    def shares(self, inputs: Any) -> Shares:
        return _mean([member.shares(inputs) for member in self.members])

    def block_shares(self, block: Any) -> Shares:
        return _mean([member.block_shares(block) for member in self.members])

    @property
    def slopes(self) -> dict[str, str]:
        slopes: dict[str, str] = self.members[0].slopes
        for member in self.members:
            slopes = {name: slopes[name] or reason for name, reason in member.slopes.items()}
        return slopes

    def with_slopes(
        self, inputs: Any, names: Sequence[str], create_graph: bool = False
    ) -> tuple[Tensor, ...]:
        return _means([m.with_slopes(inputs, names, create_graph) for m in self.members])

    def with_features(self, method: str, *arguments: Any) -> Any:
        if method in ("shares", "block_shares"):
            return getattr(self, method)(*arguments)
        found = [getattr(member, method)(*arguments) for member in self.members]
        if method == "forward":
            return _mean_and_each(found)
        energies, *_ = zip(*found, strict=True)
        return _mean_and_each(energies), *_means(found)[1:]

    def check(self, inputs: Any, first: int = 0) -> None:
        self.members[0].check(inputs, first)

    def views(self, inputs: Any) -> list[TiledView]:
        views: list[TiledView] = self.members[0].views(inputs)
        return views

    @property
    def precision(self) -> torch.dtype:
        precision: torch.dtype = self.members[0].precision
        return precision

    @property
    def indivisible(self) -> str:
        return next((reason for m in self.members if (reason := m.indivisible)), "")

    def fit_normalisation(self, *_: Any) -> None:
        raise InputError("An ensemble is not trained; train its members one by one.")


class FieldEnsemble(Ensemble, FieldModel):
    """An ensemble of models of fields, as `ensemble` makes it.

    Example:
        >>> from ednn import EDNN
        >>> from ednn.core.subnets import ANN
        >>> FieldEnsemble([EDNN(ANN, 2, 1), EDNN(ANN, 2, 1)]).tiling.focus
        (2, 2)
    """

    def __init__(self, members: Sequence[FieldModel]) -> None:
        super().__init__(members[0].info)
        self.join(members)

    @property
    def tiling(self) -> Tiling:
        tiling: Tiling = self.members[0].tiling
        return tiling

    @property
    def period(self) -> tuple[int, ...]:
        periods = [member.period for member in self.members]
        return tuple(lcm(*sides) for sides in zip(*periods, strict=True))

    def check_sides(self, field: Tensor) -> None:
        self.members[0].check_sides(field)


class StructureEnsemble(Ensemble, StructureModel):
    """An ensemble of models of structures, each with its own reference energies.

    Example:
        >>> from ednn import EDNN
        >>> from ednn.core.atomistic import AtomisticEDNN
        >>> from ednn.core.subnets import ANN
        >>> nets = [AtomisticEDNN(EDNN(ANN, 4, 2), [6], [0.25] * 2, gamma=0.4) for _ in range(2)]
        >>> StructureEnsemble(nets).references.tolist()
        [[0.0]]
    """

    def __init__(self, members: Sequence[StructureModel]) -> None:
        super().__init__(members[0].info)
        self.join(members)
        self.field_model = FieldEnsemble([member.field_model for member in members])
        self.renderer = members[0].renderer
        references = torch.stack([member.references for member in members]).mean(0)
        self.register_buffer("references", references)


def _means(found: Sequence[Sequence[Tensor]]) -> tuple[Tensor, ...]:
    """Return the mean over the members of each kind of tensor."""
    return tuple(torch.stack(kind).mean(0) for kind in zip(*found, strict=True))


def _mean_and_each(totals: Sequence[Tensor]) -> Tensor:
    """Return the mean of totals (B, outputs), and behind it all of them: (B, (1 + n) · outputs)."""
    return torch.cat([torch.stack([*totals]).mean(0), *totals], 1)


def _mean(found: Sequence[Shares]) -> Shares:
    """Return the mean of what every tile contributes; the features are the members' totals."""
    totals = [tiles.double().flatten(1, -2).sum(1) for tiles, _ in found]  # (B, outputs) each
    return Shares(torch.stack([tiles for tiles, _ in found]).mean(0), torch.cat(totals, 1))


def ensemble(members: Sequence[ExtensiveModel]) -> ExtensiveModel:
    """Make an ensemble of models that predict the same.

    Raises:
        InputError: they don't: other inputs, outputs, units, spacing, tiles or ways of rendering.

    Example:
        >>> from ednn import EDNN
        >>> from ednn.core.subnets import ANN
        >>> ensemble([EDNN(ANN, focus=2, context=1), EDNN(ANN, focus=1, context=1)])
        Traceback (most recent call last):
        ednn.core.errors.InputError: Members of an ensemble differ in their tiles: ...
    """
    first = _traits(members[0])
    for member in members[1:]:
        for name, value in _traits(member).items():
            if value != first[name]:
                raise InputError(
                    f"Members of an ensemble differ in their {name}: {first[name]} and {value}; "
                    f"give models that were trained with the same data and tiles."
                )
    if members[0].info.takes == "structures":
        return StructureEnsemble([m for m in members if isinstance(m, StructureModel)]).eval()
    return FieldEnsemble([m for m in members if isinstance(m, FieldModel)]).eval()


def _traits(model: Any) -> dict[str, Any]:
    """Return what the members of an ensemble have in common."""
    info = model.info
    tiling = (model.field_model if info.takes == "structures" else model).tiling
    return {
        "inputs": info.takes,
        "outputs": ", ".join(f"{o.name} in {o.unit}" if o.unit else o.name for o in info.outputs),
        "channels": (info.dims, info.channels, info.channels_first),
        "spacing": " × ".join(f"{step:.4g}" for step in info.spacing) or "unknown",
        "elements": info.species,
        "pixels in Å": tuple(round(side, 6) for side in info.pixel),
        "Gaussians": (info.gamma, info.per_element),
        "tiles": (tiling.focus, tiling.context, tiling.padding),
        "precision": model.precision,
    }
