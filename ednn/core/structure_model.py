"""What every model of structures offers beside the interface of all models."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ednn.core import normalisation
from ednn.core.any_cell import AnyCell
from ednn.core.features import Shares
from ednn.core.interface import ExtensiveModel, FieldModel
from ednn.core.renderer import Renderer
from ednn.core.slopes import forces_and_stress
from ednn.core.structure_batch import StructureBatch
from ednn.core.structure_block import StructureBlock


class StructureModel(ExtensiveModel):
    """Base of the models of structures: batches of atoms, which the model renders as fields.

    Attributes:
        field_model: the model that sees the rendered field.
        renderer: renders the structures.
        references: reference energy of every element in eV, (species, outputs), float64.

    Example:
        >>> from ednn import EDNN, StructureBatch
        >>> from ednn.core.atomistic import AtomisticEDNN
        >>> from ednn.core.subnets import ANN
        >>> model = AtomisticEDNN(EDNN(ANN, focus=4, context=2), [5, 7], [0.25, 0.25], gamma=0.4)
        >>> cell, positions = torch.eye(2)[None] * 2, torch.zeros(1, 3, 2)
        >>> model.counts(StructureBatch(torch.tensor([[7, 5, 7]]), positions, cell)).tolist()
        [[1.0, 2.0]]
    """

    field_model: FieldModel
    renderer: Renderer
    references: Tensor

    @property
    def precision(self) -> torch.dtype:
        return self.field_model.precision

    @property
    def any_cell(self) -> AnyCell:
        """Evaluates structures whose cells are not whole tiles."""
        return AnyCell(self.field_model, self.renderer)

    def field(self, structures: StructureBatch) -> Tensor:
        """Render structures of one grid: (B, C, *L)."""
        positions = structures.positions.to(self.precision)
        return self.renderer.field(structures._replace(positions=positions))

    @abstractmethod
    def block_shares(self, block: StructureBlock) -> Shares:
        """Return what a block of tiles contributes, for fields that don't fit in memory.

        Returns:
            Contributions (1, *tiles, outputs) in eV, and features (1, features).
        """

    def fits(self, structures: StructureBatch) -> Tensor:
        """Tell which cells are whole tiles and are evaluated as periodic fields, (B,).

        None is where the cells' derivative is wanted: a periodic field stretches its pixels with
        the cell.
        """
        fits = self.renderer.fits(structures, self.field_model.tiling)
        return torch.zeros_like(fits) if structures.cell.requires_grad else fits

    def counts(self, structures: StructureBatch) -> Tensor:
        """Count the atoms of each element, (B, species), in double precision."""
        return self.renderer.elements(structures.numbers).sum(1).double()

    @property
    def slopes(self) -> dict[str, str]:
        flexible = self.field_model.is_site_wise
        stress = "" if flexible else "only model=fcn can be evaluated in strained cells"
        return {"forces": "", "stress": stress}

    def with_slopes(
        self, inputs: StructureBatch, names: Sequence[str], create_graph: bool = False
    ) -> tuple[Tensor, ...]:
        """Predict energies (B, 1) in eV, forces (B, A, D) in eV/Å and stress (B, D, D) in eV/Å^D.

        The stress is (1/V) ∂E/∂ε for a strain ε of atoms and cell, positive where the structure
        pulls; V is the volume of the cell, or its area. As pixels don't stretch with a cell, all
        cells are then evaluated by a partition of unity (`ednn.core.partition`).

        Args:
            inputs: structures; for a stress, ones that repeat in all directions.
            names: of `forces` and `stress`, what is wanted beside the energy, in this order.
            create_graph: keeps the graph, so that a loss of the slopes can be differentiated.

        Raises:
            InputError: a stress of a model or a structure that has none.
        """
        self.require_slopes(names)
        return forces_and_stress(self, inputs, names, create_graph) if names else (self(inputs),)

    def energy_and_forces(self, inputs: StructureBatch) -> tuple[Tensor, Tensor]:
        """Predict energies (B, 1) in eV and forces −∂E/∂r (B, A, D) in eV/Å."""
        energy, forces = self.with_slopes(inputs, ["forces"])
        return energy, forces

    def energy_forces_and_stress(self, inputs: StructureBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Predict energies (B, 1) in eV, forces (B, A, D) in eV/Å and stress (B, D, D) in eV/Å^D.

        Raises:
            InputError: a stress of a model or a structure that has none; see `with_slopes`.
        """
        energy, forces, stress = self.with_slopes(inputs, ["forces", "stress"])
        return energy, forces, stress

    @property
    def translation_period(self) -> Tensor:
        pixels = torch.tensor(self.field_model.period, dtype=torch.float64)
        return pixels * self.renderer.pixel.cpu()

    def known(self, inputs: StructureBatch) -> Tensor:
        """Return the sum of each structure's reference energies, (B, outputs), in eV."""
        return self.counts(inputs) @ self.references

    @property
    def indivisible(self) -> str:
        return self.field_model.indivisible

    def fit_references(self, batches: Iterator[tuple[StructureBatch, Tensor]]) -> None:
        """Fit the reference energies alone, to labels that may be measured from another zero.

        Where the compositions don't determine all of them, they change as little as may be: of hBN
        without defects, a vacancy of boron keeps its difference from one of nitrogen.
        """
        with torch.no_grad():
            rows = [(self.counts(s), target - self(s)) for s, target in batches]
        counts, missed = (torch.cat(column) for column in zip(*rows, strict=True))
        self.references.add_(normalisation.fit_references(counts, missed).to(self.references))
