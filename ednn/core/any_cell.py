"""Evaluates structures in any cell, by a partition of unity (`ednn.core.partition`)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ednn.core.errors import InputError
from ednn.core.features import Shares
from ednn.core.interface import FieldModel
from ednn.core.partition import Window, extents, weight, window, wrapped
from ednn.core.renderer import Renderer
from ednn.core.structure_batch import StructureBatch
from ednn.core.view import TiledView


class AnyCell:
    """A model of fields and a renderer, on the tiles that cover one cell's worth of sites.

    Args:
        field_model: with a value for every site.
        renderer: of the structures.

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import FCN
        >>> any_cell = AnyCell(EDNN(FCN, 4, 4), Renderer([6], pixel=[0.5, 0.5], gamma=0.4))
        >>> cell = torch.tensor([[[5.0, 0.0], [-2.5, 4.3]]])
        >>> atom = StructureBatch(torch.tensor([[6]]), torch.zeros(1, 1, 2), cell)
        >>> any_cell.shares(*any_cell.covered(atom)).tiles.shape
        torch.Size([1, 5, 4, 1])
    """

    def __init__(self, field_model: FieldModel, renderer: Renderer) -> None:
        self.model, self.renderer, self.tiling = field_model, renderer, field_model.tiling

    @property
    def tile(self) -> Tensor:
        """Sides of a tile's focus in Å, (D,)."""
        pixel = self.renderer.pixel
        return pixel * torch.tensor(self.tiling.focus, device=pixel.device)

    def covered(self, structures: StructureBatch) -> tuple[StructureBatch, Window]:
        """Return structures whose atoms are in the boxes of their cells, and the tiles over these.

        The other methods take both.

        Raises:
            InputError: the model has no values of single sites.
        """
        if not self.model.is_site_wise:
            raise InputError(
                "Cells that are not whole tiles (data.rotate=true makes such, too) need a "
                "subnetwork with a value for every site; take model=fcn."
            )
        inside = wrapped(structures)
        return inside, window(inside, self.tiling, *self._lengths())

    def by_window(self, structures: StructureBatch) -> Iterator[Tensor]:
        """Yield the indices of structures whose windows are alike, within a factor of two in size.

        In the window of a large cluster, a small crystal would be repeated many times.
        """
        _, tiles = extents(wrapped(structures), self.tiling, *self._lengths())
        size = tiles.prod(1).log2().floor()  # (B,)
        for one in size.unique():
            yield (size == one).nonzero()[:, 0]

    def _lengths(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the pixel, how far an atom is seen, and no slack, (D,) each, in Å."""
        pixel = self.renderer.pixel
        reach = pixel.new_tensor(self.renderer.reach(self.tiling, pixel.tolist()))
        return pixel, reach, torch.zeros_like(pixel)

    def field(self, structures: StructureBatch, tiles: Window) -> Tensor:
        """Render tiles and their context: (B, C, *(L + 2c))."""
        return self.renderer.window(structures, tiles, self.tiling, self.model.precision)

    def fields(self, structures: StructureBatch) -> Tensor:
        """Render structures one after the other, which takes less memory: (B, C, *(L + 2c))."""
        inside, tiles = self.covered(structures)
        each = [torch.tensor([row]) for row in range(len(structures.cell))]
        parts = [(inside.part(row), tiles._replace(first=tiles.first[row])) for row in each]
        return torch.cat([self.field(*part) for part in parts])

    def shares(self, structures: StructureBatch, tiles: Window) -> Shares:
        """Return what each tile contributes, without reference energies."""
        weights = weight(structures.cell, tiles.coordinates(self.tiling, self.renderer.pixel))
        is_open = ~structures.cell.any(-1).all(-1)  # (B,)
        return self.weighted(self.field(structures, tiles), weights, is_open)

    def weighted(self, field: Tensor, weights: Tensor, is_open: Tensor) -> Shares:
        """Return what tiles contribute under weights of the sites, less what empty sites do.

        Args:
            field: with context, (B, C, *(L + 2c)).
            weights: (B, *L).
            is_open: which structures don't repeat in all directions, (B,): only their empty sites
                are without end and have to count as nothing.
        """
        shares = self.model.weighted_shares(field, weights)
        if not is_open.any():
            return shares
        nothing = field.new_zeros(1, field.shape[1], *self.tiling.window)
        empty = self.model.block_shares(nothing)
        is_open = is_open.to(weights.device).view(-1, *[1] * self.tiling.dims)
        tiles = self.tiling.mean(weights) * is_open  # (B, *grid)
        features = shares.features - tiles.flatten(1).sum(1, keepdim=True) * empty.features
        return Shares(shares.tiles - tiles[..., None] * empty.tiles, features)

    def tile_of(self, structures: StructureBatch, tiles: Window) -> Tensor:
        """Return in whose focus each atom lies, (B, A, D)."""
        return (structures.positions / self.tile).floor().long() - tiles.first[:, None]

    def view(self, structures: StructureBatch, tiles: Window) -> TiledView:
        """Return the first structure as the tiles see it."""
        padded = self.field(structures, tiles)[0].sum(0)  # of all elements
        inner = tuple(slice(c, -c or None) for c in self.tiling.context)
        counts = torch.tensor(tiles.tiles, device=self.tile.device)
        size = tuple((self.tile * counts).tolist())
        return TiledView("field", padded[inner], self.tiling, cell=size, padded=padded)
