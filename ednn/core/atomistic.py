"""The model of structures: an EDNN on the rendered field, and a reference energy per atom."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from ednn.core import normalisation
from ednn.core.features import Shares
from ednn.core.interface import FIELD_SAMPLES, FieldModel
from ednn.core.renderer import Renderer, count_pixels, sides
from ednn.core.structure_batch import StructureBatch, require_structures
from ednn.core.structure_block import StructureBlock
from ednn.core.structure_model import StructureModel
from ednn.core.view import TiledView


class AtomisticEDNN(StructureModel):
    """An energy: the reference energies of the atoms plus what an EDNN predicts from the field.

    A cell of whole tiles is evaluated as a periodic field, exactly; any other by a partition of
    unity (`ednn.core.partition`), for which the subnetwork has to be site-wise.

    Args:
        field_model: of the rendered field, in a plane or in space, or a function that makes it.
        species: atomic numbers of the elements.
        pixel: sides of a pixel along each axis in Å.
        gamma: width of the Gaussians in Å.
        per_element: renders one channel per element (`ednn.core.renderer`).

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> model = AtomisticEDNN(EDNN(ANN, focus=4, context=2), [6], [0.25, 0.25], gamma=0.4)
        >>> positions = torch.tensor([[[0.5, 0.5], [1.9, 0.5]]])
        >>> cell = torch.tensor([[[4.0, 0.0], [0.0, 3.0]]])
        >>> carbon = StructureBatch(torch.tensor([[6, 6]]), positions, cell)
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

    def shares(self, inputs: StructureBatch) -> Shares:
        """Return what each tile of structures contributes in eV, and their features.

        The structures are those of one grid, or in cells that are not whole tiles. An atom's
        reference energy is added to the tile whose focus holds the atom. Only the sum is
        physical.
        """
        if not self.fits(inputs).all():
            covered = self.any_cell.covered(inputs)
            shares = self.any_cell.shares(*covered)
            return self._with_references(shares, inputs.numbers, self.any_cell.tile_of(*covered))
        shares = self.field_model.shares(self.field(inputs))
        grid = torch.tensor(shares.tiles.shape[1:-1], device=shares.tiles.device)
        tile = (inputs.positions / sides(inputs)[:, None] * grid).floor().long()  # (B, A, D)
        return self._with_references(shares, inputs.numbers, tile % grid)

    def block_shares(self, block: StructureBlock) -> Shares:
        tiling = self.field_model.tiling
        step = torch.tensor(block.pixel, dtype=torch.float64, device=block.positions.device)  # (D,)
        context = torch.tensor(tiling.context, device=step.device)
        shape, shifted = tiling.padded(block.tiles), block.positions + context * step
        field = self.renderer.part(block.numbers, shifted, block.pixel, shape, self.precision)
        if block.weights is None:
            shares = self.field_model.block_shares(field)
        else:
            is_open = torch.tensor([block.is_open])
            shares = self.any_cell.weighted(field, block.weights[None], is_open)
        return self._with_references(shares, block.numbers[None], block.tile[None])

    def feature_tensors(self) -> dict[str, Tensor]:
        tensors = self.field_model.feature_tensors()
        return {f"field_model.{name}": tensor for name, tensor in tensors.items()}

    def field_energy(self, structures: StructureBatch) -> Tensor:
        """Predict energies without the reference energies: (B, outputs), in double precision."""
        fits = self.fits(structures)
        whole, others = fits.nonzero()[:, 0], (~fits).nonzero()[:, 0]
        groups = [whole[index] for index in self.renderer.by_grid(structures.part(whole))]
        parts = [self.field_model(self.field(structures.part(index))) for index in groups]
        for index in self.any_cell.by_window(structures.part(others)) if len(others) else ():
            groups.append(others[index])
            shares = self.any_cell.shares(*self.any_cell.covered(structures.part(groups[-1])))
            parts.append(torch.cat([shares.tiles.flatten(1, -2).sum(1), shares.features], 1))
        return torch.cat(parts)[torch.cat(groups).argsort()].double()

    def check(self, inputs: StructureBatch, first: int = 0) -> None:
        site_wise = self.field_model.is_site_wise
        self.renderer.check(inputs, self.field_model.tiling, first, any_cell=site_wise)

    def fit_normalisation(
        self, inputs: Callable[[Tensor], StructureBatch], target: Tensor, sites: Tensor
    ) -> None:
        """Fit the reference energies, shift and scale of the rest, and the scaling of the field."""
        structures = inputs(torch.arange(len(target)))
        counts = self.counts(structures)
        self.references.copy_(normalisation.fit_references(counts, target))
        rest = target - counts @ self.references
        model = self.field_model
        pixels = count_pixels(structures, self.renderer)
        normalisation.fit_shift_and_scale(model.shift, model.scale, rest, pixels)
        whole = self.fits(structures).nonzero()[:, 0]
        if len(whole):
            sample = whole[next(self.renderer.by_grid(structures.part(whole)))[:FIELD_SAMPLES]]
            model.fit_fields(lambda rows: self.field(structures.part(sample[rows])), len(sample))
        else:
            sample = max(self.any_cell.by_window(structures), key=len)[:FIELD_SAMPLES]
            cells = self.any_cell
            model.fit_fields(lambda rows: cells.fields(structures.part(sample[rows])), len(sample))

    def views(self, inputs: StructureBatch) -> list[TiledView]:
        first = inputs.part(slice(0, 1))
        if not self.fits(first).all():
            return [self.any_cell.view(*self.any_cell.covered(first))]
        cell, field = tuple(sides(first)[0].tolist()), self.field(first)
        atoms = field[0].sum(0)  # of all elements
        views = self.field_model.views(field)
        return [replace(view, values=atoms, cell=cell) for view in views]

    def _with_references(self, shares: Shares, numbers: Tensor, tile: Tensor) -> Shares:
        """Add each atom's reference energy to its tile, if the tile is among these.

        Args:
            shares: contributions (B, *tiles, outputs), and features.
            numbers: atomic numbers (B, A).
            tile: indices of the tile in whose focus each atom lies, (B, A, D).
        """
        energies = shares.tiles.double()
        tiles = torch.tensor(energies.shape[1:-1], device=energies.device)
        inside = ((tile >= 0) & (tile < tiles)).all(-1)  # (B, A)
        batch, atom = inside.nonzero(as_tuple=True)
        element = self.renderer.elements(numbers[batch, atom]).double()  # (n, species)
        place = (batch, *tile[batch, atom].unbind(-1))
        known = element @ self.references
        return shares._replace(tiles=energies.index_put(place, known, accumulate=True))
