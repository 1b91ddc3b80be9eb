"""The model of structures: an EDNN on the rendered field, and a reference energy per atom."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from ednn.core import normalisation
from ednn.core.features import Shares
from ednn.core.interface import (
    FIELD_SAMPLES,
    Counts,
    FieldModel,
    Lengths,
    StructureModel,
)
from ednn.core.renderer import Renderer
from ednn.core.structure_batch import StructureBatch, require_structures
from ednn.core.view import TiledView


class AtomisticEDNN(StructureModel):
    """An energy: the reference energies of the atoms plus what an EDNN predicts from the field.

    Args:
        field_model: a two-dimensional model of fields, or a function that makes one.
        species: atomic numbers of the elements.
        pixel: sides of a pixel in Å, along x and y.
        gamma: width of the Gaussians in Å.
        per_element: renders one channel per element (`ednn.core.renderer`).

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> model = AtomisticEDNN(EDNN(ANN, focus=4, context=2), [6], [0.25, 0.25], gamma=0.4)
        >>> positions = torch.tensor([[[0.5, 0.5], [1.9, 0.5]]])
        >>> carbon = StructureBatch(torch.tensor([[6, 6]]), positions, torch.tensor([[4.0, 3.0]]))
        >>> [part.shape for part in model.energy_and_forces(carbon)]
        [torch.Size([1, 1]), torch.Size([1, 2, 2])]
    """

    def __init__(
        self,
        field_model: FieldModel | Callable[[], FieldModel],
        species: Sequence[int],
        pixel: Sequence[float],
        gamma: float,
        per_element: bool = False,
    ) -> None:
        made = field_model if isinstance(field_model, FieldModel) else field_model()
        atoms = replace(made.info, site="atom", species=tuple(species), pixel=tuple(pixel))
        super().__init__(replace(atoms, gamma=gamma, per_element=per_element))
        self.field_model = made
        self.renderer = Renderer(species, pixel, gamma, per_element)
        # Double precision: totals of thousands of eV have to be right to a few meV.
        references = torch.zeros(len(species), len(made.info.outputs), dtype=torch.float64)
        self.register_buffer("references", references)

    def forward(self, inputs: StructureBatch) -> Tensor:
        """Predict the energies of structures, (B, outputs) in eV, in double precision."""
        require_structures(inputs)
        totals, known = self.field_energy(inputs), self.known(inputs)
        return totals + pad(known, (0, totals.shape[1] - known.shape[1]))  # features have none

    def energy_and_forces(
        self, inputs: StructureBatch, create_graph: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Predict energies (B, 1) in eV and forces −∂E/∂r (B, A, 2) in eV/Å.

        Args:
            inputs: structures.
            create_graph: keeps the graph, so that a loss of the forces can be differentiated.
        """
        with torch.enable_grad():
            positions = inputs.positions.detach().requires_grad_()
            energy = self(inputs._replace(positions=positions))
            total = energy[:, : len(self.info.outputs)].sum()  # without features
            (slope,) = torch.autograd.grad(total, positions, create_graph=create_graph)
        return energy, -slope

    def shares(self, inputs: StructureBatch) -> Shares:
        """Return what each tile of structures of one grid contributes in eV, and their features.

        An atom's reference energy is added to the tile whose focus holds the atom. Only the sum is
        physical.
        """
        shares = self.field_model.shares(self.field(inputs))
        tiles = torch.tensor(shares.tiles.shape[1:3], device=shares.tiles.device)
        tile = (inputs.positions / inputs.cell[:, None] * tiles).floor().long()  # (B, A, 2)
        return self._with_references(shares, inputs.numbers, tile % tiles)

    def block_shares(
        self, numbers: Tensor, positions: Tensor, tile: Tensor, pixel: Lengths, tiles: Counts
    ) -> Shares:
        tiling = self.field_model.tiling
        step = torch.tensor(pixel, dtype=torch.float64, device=positions.device)  # (2,)
        focus = torch.tensor(tiling.focus, device=step.device)
        context = torch.tensor(tiling.context, device=step.device)
        nx, ny = (torch.tensor(tiles, device=step.device) * focus + 2 * context).tolist()
        shifted = positions + context * step
        field = self.renderer.part(numbers, shifted, pixel, (nx, ny), self.precision)
        return self._with_references(
            self.field_model.block_shares(field), numbers[None], tile[None]
        )

    def feature_tensors(self) -> dict[str, Tensor]:
        tensors = self.field_model.feature_tensors()
        return {f"field_model.{name}": tensor for name, tensor in tensors.items()}

    def field_energy(self, structures: StructureBatch) -> Tensor:
        """Predict energies without the reference energies: (B, outputs), in double precision."""
        groups = list(self.renderer.by_grid(structures))
        parts = [self.field_model(self.field(structures.part(index))) for index in groups]
        return torch.cat(parts)[torch.cat(groups).argsort()].double()

    def field(self, structures: StructureBatch) -> Tensor:
        """Render structures of one grid: (B, C, nx, ny)."""
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
        """Fit the reference energies, shift and scale of the rest, and the scaling of the field."""
        structures = inputs(torch.arange(len(target)))
        counts = self.counts(structures)
        self.references.copy_(normalisation.fit_references(counts, target))
        pixels = self.renderer.grids(structures).prod(-1)  # (N,)
        rest = target - counts @ self.references
        model = self.field_model
        normalisation.fit_shift_and_scale(model.shift, model.scale, rest, pixels)
        sample = next(self.renderer.by_grid(structures))[:FIELD_SAMPLES]
        model.fit_fields(lambda rows: self.field(structures.part(sample[rows])), len(sample))

    def views(self, inputs: StructureBatch) -> list[TiledView]:
        first = inputs.part(slice(0, 1))
        cell, field = tuple(first.cell[0].tolist()), self.field(first)
        atoms = field[0].sum(0)  # of all elements
        views = self.field_model.views(field)
        return [replace(view, values=atoms, cell=cell) for view in views]

    def _with_references(self, shares: Shares, numbers: Tensor, tile: Tensor) -> Shares:
        """Add each atom's reference energy to its tile, if the tile is among these.

        Args:
            shares: contributions (B, *tiles, outputs), and features.
            numbers: atomic numbers (B, A).
            tile: indices of the tile in whose focus each atom lies, (B, A, 2).
        """
        energies = shares.tiles.double()
        tiles = torch.tensor(energies.shape[1:3], device=energies.device)
        inside = ((tile >= 0) & (tile < tiles)).all(-1)  # (B, A)
        batch, atom = inside.nonzero(as_tuple=True)
        element = self.renderer.elements(numbers[batch, atom]).double()  # (n, species)
        x, y = tile[batch, atom].unbind(-1)
        known = element @ self.references
        return shares._replace(tiles=energies.index_put((batch, x, y), known, accumulate=True))

    def fit_references(self, batches: Iterator[tuple[StructureBatch, Tensor]]) -> None:
        """Fit the reference energies alone, to labels that may be measured from another zero."""
        with torch.no_grad():
            rows = [(self.counts(s), target - self.field_energy(s)) for s, target in batches]
        counts, rest = (torch.cat(column) for column in zip(*rows, strict=True))
        self.references.copy_(normalisation.fit_references(counts, rest))
