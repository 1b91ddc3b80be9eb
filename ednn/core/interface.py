"""What every model offers: inputs → extensive properties, divided among tiles where possible.

Models of structures offer more: `ednn.core.structure_model`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ednn.core.errors import InputError
from ednn.core.features import Featured, Shares
from ednn.core.info import DatasetInfo
from ednn.core.normalisation import FieldScaling, fit_shift_and_scale
from ednn.core.seen import SeenValues
from ednn.core.slopes import derivative
from ednn.core.tiling import Tiling
from ednn.core.view import TiledView

Inputs = Callable[[Tensor], Any]  # what a model takes, by the numbers of samples (n,)

FIELD_SAMPLES = 256  # largest number of fields from which mean and spread are computed
NO_SLOPE = "This model can't predict {name}: {reason}; leave {name} out of losses and predictions."


class ExtensiveModel(Featured, ABC):
    """Base of all models: what they take, what they predict, and how it is divided among tiles.

    Attributes:
        info: the data that the model is for: outputs, units, what totals are divided by.
        config: what `ednn.core.build.build_model` made it from; empty for a model made by hand.
        values_seen: those of the fields that it was trained on; None refuses no values.
        trained_before: data sets, the last one first, that its weights were trained on before it
            was made: `data` and `settings` of each.

    Example:
        >>> from ednn import EDNN, ExtensiveModel
        >>> from ednn.core.subnets import ANN
        >>> model = EDNN(ANN, focus=1, context=1)
        >>> isinstance(model, ExtensiveModel), model.info.names
        (True, ('output_0',))
    """

    info: DatasetInfo
    config: Mapping[str, Any]
    values_seen: SeenValues | None = None
    trained_before: Sequence[Mapping[str, Any]] = ()

    def __init__(self, info: DatasetInfo) -> None:
        super().__init__()
        self.info, self.config = info, {}

    @abstractmethod
    def forward(self, inputs: Any) -> Tensor:
        """Predict the extensive properties of a batch: (B, outputs), in physical units."""

    @abstractmethod
    def shares(self, inputs: Any) -> Shares:
        """Return what each tile of a batch adds to the properties, and the batch's features."""

    def contributions(self, inputs: Any) -> Tensor:
        """Return what each tile adds to the properties: (B, *grid, outputs).

        Only the sum is physical: a tile's contribution is not a local energy (paper, p. 2).
        """
        return self.shares(inputs).tiles

    @abstractmethod
    def check(self, inputs: Any, first: int = 0) -> None:
        """Check that a batch, whose samples are numbered from `first`, fits this model.

        Raises:
            InputError: it doesn't; the sentence says what would.
        """

    @abstractmethod
    def fit_normalisation(self, inputs: Inputs, target: Tensor, sites: Tensor) -> None:
        """Fit shift, scale and the like to training data, so that networks work near one.

        Args:
            inputs: returns the model's inputs for sample numbers (n,).
            target: extensive labels, (N, outputs), physical units.
            sites: what each total is divided by, (N,): number of sites, or of atoms.
        """

    @abstractmethod
    def views(self, inputs: Any) -> list[TiledView]:
        """Return the first sample of a batch as each of the model's tilings sees it."""

    @property
    def indivisible(self) -> str:
        """Why the property cannot be divided among tiles; empty if it can."""
        return ""

    @property
    @abstractmethod
    def precision(self) -> torch.dtype:
        """Floating-point type in which the subnetworks compute."""

    def fit_references(self, batches: Iterator[tuple[Any, Tensor]]) -> None:
        """Fit reference energies again, to inputs and labels (B, outputs); fields have none."""

    def known(self, inputs: Any) -> Tensor:
        """Return the part of the properties that needs no network, (B, outputs): here zero."""
        return torch.zeros(len(inputs), len(self.info.outputs))

    @property
    def translation_period(self) -> Tensor:
        """Sides in Å of the translation of atoms that changes no prediction, (dims,), on the CPU.

        They are zero for a model of fields, which have no atoms.
        """
        return torch.zeros(self.info.dims, dtype=torch.float64)

    @property
    @abstractmethod
    def slopes(self) -> dict[str, str]:
        """Derivatives by their names, and why the model can't predict them: empty where it can."""

    @abstractmethod
    def with_slopes(
        self, inputs: Any, names: Sequence[str], create_graph: bool = False
    ) -> tuple[Tensor, ...]:
        """Predict the properties, and derivatives of them in the order of their names.

        Args:
            inputs: a batch.
            names: keys of `slopes`.
            create_graph: keeps the graph, so that a loss of the derivatives can be differentiated.

        Raises:
            InputError: the model can't predict one of them.
        """

    def has_slope(self, name: str) -> bool:
        """Whether the model can predict a derivative of this name."""
        return self.slopes.get(name) == ""

    def require_slopes(self, names: Sequence[str]) -> None:
        """Make sure that the model can predict derivatives.

        Raises:
            InputError: it can't; the sentence says why.
        """
        for name in names:
            other = f"it takes {self.info.takes}"
            if reason := self.slopes.get(name, other):
                raise InputError(NO_SLOPE.format(name=name, reason=reason))


class FieldModel(ExtensiveModel):
    """Base of the models of fields (B, C, *L), whatever their tiles and branches.

    Attributes:
        shift, scale: per site, (outputs,), float64; property = scale · raw sum + shift · sites.
        scaling: transforms continuous fields to mean 0 and standard deviation 1.

    Example:
        >>> from ednn import EDNN
        >>> from ednn.core.subnets import ANN
        >>> model = EDNN(ANN, focus=2, context=1)
        >>> model.block_contributions(torch.ones(5, 1, 10, 6)).shape  # 8 × 4 sites, and context
        torch.Size([5, 4, 2, 1])
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, info: DatasetInfo) -> None:
        super().__init__(info)
        # A total may be a million times its spread, and single precision has seven digits.
        self.register_buffer("shift", torch.zeros(len(info.outputs), dtype=torch.float64))
        self.register_buffer("scale", torch.ones(len(info.outputs), dtype=torch.float64))
        self.scaling = FieldScaling(info.channels)

    @property
    @abstractmethod
    def tiling(self) -> Tiling:
        """The tiles among which the property is divided."""

    @property
    def period(self) -> tuple[int, ...]:
        """Sites per axis by which a periodic field can be moved without changing the prediction."""
        return self.tiling.focus

    @abstractmethod
    def block_shares(self, padded: Tensor) -> Shares:
        """Map blocks with their context (B, C, *(n f + 2c)) to what their tiles contribute.

        A lattice that doesn't fit in memory is evaluated in blocks of whole tiles, as exactly.
        """

    @property
    def slopes(self) -> dict[str, str]:
        reason = ""
        if self.info.alphabet is not None:
            reason = "its fields have single values, like spins, by which nothing has a derivative"
        elif (outputs := len(self.info.outputs)) > 1:
            reason = f"it has {outputs} outputs, and a derivative is one of one output"
        return {"derivative": reason}

    def with_slopes(
        self, inputs: Tensor, names: Sequence[str], create_graph: bool = False
    ) -> tuple[Tensor, ...]:
        self.require_slopes(names)
        return derivative(self, inputs, create_graph) if names else (self(inputs),)

    def derivative(self, field: Tensor) -> Tensor:
        """Return the derivative of the property by every site's value, (B, C, *L).

        It is one per volume where the data have a `spacing`, as δE/δx of a functional is.

        Raises:
            InputError: fields of single values, like spins, or several outputs.
        """
        return self.with_slopes(field, ["derivative"])[1]

    @property
    def is_site_wise(self) -> bool:
        """Whether every site has a value of its own, which may be weighted."""
        return False

    def weighted_shares(self, padded: Tensor, weights: Tensor) -> Shares:
        """Do what `block_shares` does with each site's value multiplied by a weight, (B, *L)."""
        raise InputError(f"{type(self).__name__} has no values of single sites.")

    def block_contributions(self, padded: Tensor) -> Tensor:
        """Return the contributions alone of `block_shares`, (B, *n, outputs)."""
        return self.block_shares(padded).tiles

    @abstractmethod
    def check_sides(self, field: Tensor) -> None:
        """Check that the sides of fields (B, C, *L) are whole tiles.

        Raises:
            InputError: they aren't; the sentence names sides that are.
        """

    def parts(self, field: Tensor) -> dict[str, Tensor]:
        """Return what each branch adds to the properties, (B, outputs); empty without branches."""
        return {}

    @property
    def precision(self) -> torch.dtype:
        return self.scaling.mean.dtype

    def check(self, inputs: Tensor, first: int = 0) -> None:
        """Check that fields (B, C, *L) fit this model.

        Raises:
            InputError: other axes or channels, sides of part tiles, or values never trained on.
        """
        dims, channels = self.info.dims, self.info.channels
        axes = f"(batch, {channels} channel{'s' * (channels != 1)}, {dims} side{'s' * (dims != 1)})"
        if not isinstance(inputs, Tensor):
            raise InputError(
                f"This model takes fields and was given a {type(inputs).__name__}; give a tensor "
                f"{axes}."
            )
        if inputs.ndim != 2 + dims or inputs.shape[1] != channels:
            raise InputError(
                f"A field of shape {tuple(inputs.shape)} doesn't fit this model; expected {axes}."
            )
        self.check_sides(inputs)
        if self.values_seen is not None:
            self.values_seen.require(inputs)

    def fit_normalisation(self, inputs: Inputs, target: Tensor, sites: Tensor) -> None:
        fit_shift_and_scale(self.shift, self.scale, target, sites)
        if self.info.flat_is_zero:
            self.shift.zero_()
        if self.info.alphabet is None:
            seen = torch.promote_types(self.precision, torch.float32)
            self.fit_fields(lambda rows: inputs(rows).to(seen), len(target))

    def fit_fields(self, inputs: Callable[[Tensor], Tensor], count: int) -> None:
        """Fit how continuous fields are scaled to mean 0 and standard deviation 1.

        With zero padding the mean stays 0: what is added around a field is a field of zeros.

        Args:
            inputs: returns fields (n, C, *L) for sample numbers (n,) below `count`.
            count: number of samples; some of them, evenly spaced, are read.
        """
        some = torch.linspace(0, count - 1, min(FIELD_SAMPLES, count)).long()
        self.scaling.fit(inputs(some), centred=self.tiling.padding != "zeros")

    def physical(self, raw: Tensor, sites: int, weight: Tensor | float = 1.0) -> Tensor:
        """Convert network outputs (…, outputs), each for so many sites, to physical units.

        Where sites have weights, `weight` is their mean.
        """
        shift = self.shift.double() * weight  # all in double precision
        return (raw * self.scale.double() + shift) * sites
