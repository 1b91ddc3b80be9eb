"""Structures of atoms → rendered field → EDNN, and a reference energy for every atom beside it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ednn.core import normalisation
from ednn.core.interface import FIELD_SAMPLES, FieldModel, StructureModel, TiledView
from ednn.core.renderer import Renderer
from ednn.core.structures import StructureBatch


class AtomisticEDNN(StructureModel):
    """An energy as the sum of a reference per atom and of what an EDNN makes of the rendered field.

    Args:
        field_model: a two-dimensional model of fields, or what makes one.
        species, pixel, gamma: of the `Renderer`.
    """

    def __init__(
        self,
        field_model: FieldModel | Callable[[], FieldModel],
        species: Sequence[int],
        pixel: Sequence[float],
        gamma: float,
    ) -> None:
        made = field_model if isinstance(field_model, FieldModel) else field_model()
        super().__init__(
            replace(made.info, site="atom", species=tuple(species), pixel=tuple(pixel), gamma=gamma)
        )
        self.field_model, self.renderer = made, Renderer(species, pixel, gamma)
        # In double precision: of totals of thousands of eV, a few meV matter.
        references = torch.zeros(len(species), len(made.info.outputs), dtype=torch.float64)
        self.register_buffer("references", references)

    def forward(self, inputs: StructureBatch) -> Tensor:
        """Predict the energies of structures, (B, outputs) in eV, in double precision."""
        return self.known(inputs) + self.field_energy(inputs)

    def energy_and_forces(
        self, inputs: StructureBatch, create_graph: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Predict energies (B, 1) in eV and forces −∂E/∂r (B, A, 2) in eV/Å.

        `create_graph` keeps what a loss of the forces needs to be differentiated itself.
        """
        with torch.enable_grad():
            positions = inputs.positions.detach().requires_grad_()
            energy = self(inputs._replace(positions=positions))
            (slope,) = torch.autograd.grad(energy.sum(), positions, create_graph=create_graph)
        return energy, -slope

    def contributions(self, inputs: StructureBatch) -> Tensor:
        """Map structures of one grid to what each tile contributes: (B, *tiles, outputs), in eV.

        An atom's reference counts for the tile in whose focus it lies; only the sum is physical.
        """
        shares = self.field_model.contributions(self.field(inputs)).double()
        tiles = torch.tensor(shares.shape[1:3], device=shares.device)
        tile = (inputs.positions / inputs.cell[:, None] * tiles).floor().long()  # (B, A, 2)
        return self._with_references(shares, inputs.numbers, tile % tiles)

    def block_contributions(
        self,
        numbers: Tensor,
        positions: Tensor,
        tile: Tensor,
        pixel: Sequence[float],
        tiles: Sequence[int],
    ) -> Tensor:
        tiling = self.field_model.tiling
        step = torch.tensor(pixel, dtype=torch.float64, device=positions.device)  # (2,)
        focus = torch.tensor(tiling.focus, device=step.device)
        context = torch.tensor(tiling.context, device=step.device)
        nx, ny = (torch.tensor(tiles, device=step.device) * focus + 2 * context).tolist()
        shifted = positions + context * step
        field = self.renderer.part(numbers, shifted, pixel, (nx, ny), self.precision)
        shares = self.field_model.block_contributions(field).double()
        return self._with_references(shares, numbers[None], tile[None])[0]

    def field_energy(self, structures: StructureBatch) -> Tensor:
        """Predict energies without the references: (B, outputs), in double precision."""
        groups = list(self.renderer.by_grid(structures))
        parts = [self.field_model(self.field(structures.part(index))) for index in groups]
        return torch.cat(parts)[torch.cat(groups).argsort()].double()

    def field(self, structures: StructureBatch) -> Tensor:
        """Render structures of one grid (Eq. 3): (B, 1, nx, ny)."""
        positions = structures.positions.to(self.precision)
        return self.renderer.field(structures._replace(positions=positions))

    def counts(self, structures: StructureBatch) -> Tensor:
        """Count the atoms of each element, (B, species), in double precision."""
        return self.renderer.elements(structures.numbers).sum(1).double()

    def check(self, inputs: StructureBatch, first: int = 0) -> None:
        self.renderer.check(inputs, self.field_model.tiling, first)

    def fit_normalisation(
        self, inputs: Callable[[Tensor], StructureBatch], target: Tensor, sites: Tensor
    ) -> None:
        """Fit the references, and shift and scale of the rest and of the field."""
        structures = inputs(torch.arange(len(target)))
        counts = self.counts(structures)
        self.references.copy_(normalisation.fit_references(counts, target))
        pixels = self.renderer.grids(structures).prod(-1)  # (N,)
        rest = target - counts @ self.references
        own = self.field_model
        normalisation.fit_shift_and_scale(own.shift, own.scale, rest, pixels)
        some = next(self.renderer.by_grid(structures))[:FIELD_SAMPLES]
        own.fit_fields(self.field(structures.part(some)))

    def views(self, inputs: StructureBatch) -> list[TiledView]:
        first = inputs.part(slice(0, 1))
        cell = tuple(first.cell[0].tolist())
        return [replace(view, cell=cell) for view in self.field_model.views(self.field(first))]

    def _with_references(self, shares: Tensor, numbers: Tensor, tile: Tensor) -> Tensor:
        """Add each atom's reference to the share of its tile, if that is there.

        shares (B, *tiles, outputs), numbers (B, A), tile (B, A, 2).
        """
        tiles = torch.tensor(shares.shape[1:3], device=shares.device)
        inside = ((tile >= 0) & (tile < tiles)).all(-1)  # (B, A)
        batch, atom = inside.nonzero(as_tuple=True)
        element = self.renderer.elements(numbers[batch, atom]).double()  # (n, species)
        x, y = tile[batch, atom].unbind(-1)
        return shares.index_put((batch, x, y), element @ self.references, accumulate=True)

    def fit_references(self, batches: Iterator[tuple[StructureBatch, Tensor]]) -> None:
        """Fit the reference energies alone, to energies that may have another zero."""
        with torch.no_grad():
            rows = [(self.counts(s), target - self.field_energy(s)) for s, target in batches]
        counts, rest = (torch.cat(column) for column in zip(*rows, strict=True))
        self.references.copy_(normalisation.fit_references(counts, rest))
