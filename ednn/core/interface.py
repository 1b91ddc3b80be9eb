"""What a model is: inputs → extensive properties, shared out among tiles where that is possible."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo
from ednn.core.normalisation import FieldScaling, fit_shift_and_scale
from ednn.core.renderer import Renderer
from ednn.core.structures import StructureBatch
from ednn.core.tiling import Tiling

if TYPE_CHECKING:
    from ednn.core.model import EDNN

FIELD_SAMPLES = 256  # fields that are read to know their mean and spread


@dataclass(frozen=True)
class TiledView:
    """A field as one tiling sees it, for a picture.

    Attributes:
        name: of the branch, or of the field.
        values: (*L), the first channel.
        tiling: how it is cut.
        cell: sides in Å, where the field shows atoms.
        weight: of the branch in a linear join; None where there is none.
        coarse: sites that a value is averaged over along every axis.
        space: "real", or the kind of reciprocal space.
    """

    name: str
    values: Tensor
    tiling: Tiling
    cell: tuple[float, ...] = ()
    weight: float | None = None
    coarse: int = 1
    space: str = "real"


class ExtensiveModel(nn.Module, ABC):
    """Base of all models: what they are given, what they predict, and how it is shared out.

    Attributes:
        info: the data that the model is for: outputs, units, what totals are divided by.
        config: what `ednn.core.build.build_model` made it from; empty if it was made by hand.
    """

    info: DatasetInfo
    config: Mapping[str, Any]

    def __init__(self, info: DatasetInfo) -> None:
        super().__init__()
        self.info, self.config = info, {}

    @abstractmethod
    def forward(self, inputs: Any) -> Tensor:
        """Predict the extensive properties of a batch: (B, outputs), in physical units."""

    @abstractmethod
    def contributions(self, inputs: Any) -> Tensor:
        """Return what each tile adds to the properties: (B, *grid, outputs).

        Only the sum is physical: a tile's contribution is not a local energy (paper, p. 2).
        """

    @abstractmethod
    def check(self, inputs: Any, first: int = 0) -> None:
        """Make sure that a batch, whose samples are numbered from `first`, fits this model.

        Raises:
            InputError: it doesn't; says what would.
        """

    @abstractmethod
    def fit_normalisation(
        self, inputs: Callable[[Tensor], Any], target: Tensor, sites: Tensor
    ) -> None:
        """Fit shift, scale and the like to training data, so that the subnetwork works near one.

        Args:
            inputs: returns the model's inputs for sample numbers (n,).
            target: extensive labels, (N, outputs), physical units.
            sites: what each total is divided by, (N,): sites, or atoms.
        """

    @abstractmethod
    def views(self, inputs: Any) -> list[TiledView]:
        """Return the first sample of a batch as each of the model's tilings sees it."""

    @abstractmethod
    def networks(self) -> Iterator["EDNN"]:
        """Yield every EDNN that the model is made of."""

    @property
    def indivisible(self) -> str:
        """Why the property can't be shared out among tiles; empty where it can."""
        return ""

    @property
    @abstractmethod
    def precision(self) -> torch.dtype:
        """The kind of number that the subnetworks compute with."""

    def fit_references(self, batches: Iterator[tuple[Any, Tensor]]) -> None:
        """Fit what is known without a network again, to batches of inputs and labels (B, outputs).

        Models of fields have nothing of the kind.
        """

    def known(self, inputs: Any) -> Tensor:
        """Return the part of the properties that takes no network, (B, outputs): none."""
        return torch.zeros(len(inputs), len(self.info.outputs))

    def energy_and_forces(self, inputs: Any, create_graph: bool = False) -> tuple[Tensor, Tensor]:
        """Predict energies (B, 1) and forces on atoms (B, A, dims).

        Raises:
            InputError: the model takes fields, in which there are no atoms.
        """
        raise InputError(
            "Forces are those on atoms, and this model takes fields; give task.force_weight=0."
        )


class FieldModel(ExtensiveModel):
    """Base of the models of fields (B, C, *L), whatever their tiles and branches.

    Attributes:
        shift, scale: per site, (outputs,); property = scale · network's sum + shift · sites.
        scaling: what takes fields to mean 0 and spread 1, where they aren't discrete.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, info: DatasetInfo) -> None:
        super().__init__(info)
        self.register_buffer("shift", torch.zeros(len(info.outputs)))
        self.register_buffer("scale", torch.ones(len(info.outputs)))
        self.scaling = FieldScaling(info.channels)

    @property
    @abstractmethod
    def tiling(self) -> Tiling:
        """The tiles that the property is shared out among."""

    @abstractmethod
    def block_contributions(self, padded: Tensor) -> Tensor:
        """Map blocks with their context (B, C, *(n f + 2c)) to contributions (B, *n, outputs).

        A block is any part of a lattice in whole tiles: those of a lattice that doesn't fit in
        memory, one by one, give what the lattice gives.
        """

    @abstractmethod
    def check_sides(self, field: Tensor) -> None:
        """Make sure that the sides of fields (B, C, *L) are whole tiles.

        Raises:
            InputError: they aren't; names sides that are.
        """

    def parts(self, field: Tensor) -> dict[str, Tensor]:
        """Return what each of several branches adds to the properties, (B, outputs) each."""
        return {}

    @property
    def precision(self) -> torch.dtype:
        return self.shift.dtype

    def check(self, inputs: Tensor, first: int = 0) -> None:
        """Make sure that fields (B, C, *L) fit this model.

        Raises:
            InputError: a wrong number of axes or channels, or a side that isn't whole tiles.
        """
        dims, channels = self.info.dims, self.info.channels
        if inputs.ndim != 2 + dims or inputs.shape[1] != channels:
            raise InputError(
                f"A field of shape {tuple(inputs.shape)} doesn't fit this model; expected (batch, "
                f"{channels} channels, {dims} sides)."
            )
        self.check_sides(inputs)

    def fit_normalisation(
        self, inputs: Callable[[Tensor], Any], target: Tensor, sites: Tensor
    ) -> None:
        fit_shift_and_scale(self.shift, self.scale, target, sites)
        if self.info.flat_is_zero:
            self.shift.zero_()
        if self.info.alphabet is None:
            self.fit_fields(inputs(torch.arange(min(FIELD_SAMPLES, len(target)))))

    def fit_fields(self, fields: Tensor) -> None:
        """Fit what takes continuous fields (n, C, *L) to mean 0 and spread 1."""
        self.scaling.fit(fields)

    def physical(self, raw: Tensor, sites: int) -> Tensor:
        """Turn values per site (…, outputs) of parts of so many sites to physical units."""
        return raw * (self.scale * sites) + self.shift * sites


class StructureModel(ExtensiveModel):
    """Base of the models of structures: batches of atoms, which the model renders as fields.

    Attributes:
        field_model: what sees the rendered field.
        renderer: what draws the structures.
        references: reference energy of every element in eV, (species, outputs), float64.
    """

    field_model: FieldModel
    renderer: Renderer
    references: Tensor

    @property
    def precision(self) -> torch.dtype:
        return self.field_model.precision

    @abstractmethod
    def field(self, structures: StructureBatch) -> Tensor:
        """Render structures of one grid (Eq. 3): (B, 1, nx, ny)."""

    @abstractmethod
    def block_contributions(
        self,
        numbers: Tensor,
        positions: Tensor,
        tile: Tensor,
        pixel: Sequence[float],
        tiles: Sequence[int],
    ) -> Tensor:
        """Return what a block of tiles contributes, for fields that don't fit in memory.

        It takes all atoms within `Renderer.reach` of the block, periodic images being atoms of
        their own.

        Args:
            numbers: (A,).
            positions: in Å from the corner of the block, its context not included, (A, 2).
            tile: of the block, in whose focus each atom lies, (A, 2); outside it for the others.
            pixel: dx and dy in Å.
            tiles: how many the block has along x and y.

        Returns:
            contributions (*tiles, outputs).
        """

    @abstractmethod
    def counts(self, structures: StructureBatch) -> Tensor:
        """Count the atoms of each element, (B, species), in double precision."""

    def known(self, inputs: StructureBatch) -> Tensor:
        """Return the sums of the reference energies, (B, outputs): what the composition tells."""
        return self.counts(inputs) @ self.references

    def networks(self) -> Iterator["EDNN"]:
        yield from self.field_model.networks()

    @property
    def indivisible(self) -> str:
        return self.field_model.indivisible
