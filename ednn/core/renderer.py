"""How structures of atoms become fields: elements, pixels and Gaussians (paper, Eq. 3)."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ednn.core.elements import symbols
from ednn.core.errors import InputError
from ednn.core.partition import Window, gram_schmidt, images
from ednn.core.render import REACH, render, render_part, render_window
from ednn.core.structure_batch import StructureBatch
from ednn.core.tiling import Tiling

ATOM = 3.0  # radius of what is near an atom, in units of γ
CELL_TOLERANCE = 1e-3  # relative, from whole tiles: a strain of 0.1 % costs 0.05 meV per atom


class Renderer(nn.Module):
    """Renders structures on pixels of one size, as Gaussians of height Z or a channel per element.

    Args:
        species: atomic numbers of the elements that structures may hold.
        pixel: sides of a pixel along each axis in Å, the same for structures of any size.
        gamma: width of the Gaussians in Å.
        per_element: one channel of Gaussians of height 1 for each element, in place of one channel
            of height Z for all (Eq. 3).

    Example:
        >>> renderer = Renderer([6], pixel=[0.25, 0.25], gamma=0.4)
        >>> atom = StructureBatch(
        ...     torch.tensor([[6]]), torch.tensor([[[1.0, 1.0]]]), torch.eye(2)[None] * 4
        ... )
        >>> field = renderer.field(atom)
        >>> field.shape, field.max().item()
        (torch.Size([1, 1, 16, 16]), 6.0)
    """

    species: Tensor
    pixel: Tensor

    def __init__(
        self,
        species: Sequence[int],
        pixel: Sequence[float],
        gamma: float,
        per_element: bool = False,
    ) -> None:
        super().__init__()
        self.gamma, self.per_element = gamma, per_element
        self.register_buffer("species", torch.tensor(species), persistent=False)
        self.register_buffer("pixel", torch.tensor(pixel, dtype=torch.float64), persistent=False)

    def field(self, structures: StructureBatch) -> Tensor:
        """Render structures in rectangular cells of one grid: (B, C, *L).

        It is done in the precision of the positions.
        """
        grid = self.grids(structures)[0].tolist()
        weights = self._weights(structures.numbers)
        return render(weights, structures.positions, sides(structures), grid, self.gamma)

    def window(
        self, structures: StructureBatch, window: Window, tiling: Tiling, precision: torch.dtype
    ) -> Tensor:
        """Render structures in any cells on a window of tiles, and its context: (B, C, *L)."""
        context = self.pixel * torch.tensor(tiling.context, device=self.pixel.device)  # (D,) Å
        corner = window.corner(tiling, self.pixel) - context  # (B, D) Å
        shape = tiling.padded(window.tiles)
        size = self.pixel * torch.tensor(shape, device=self.pixel.device)
        border = REACH * self.gamma
        found = images(structures, corner - border, corner + size + border)
        numbers, positions = found.of(structures)
        shifted = positions - corner[:, None]
        pixel = self.pixel.tolist()
        return render_window(self._weights(numbers), shifted, pixel, shape, self.gamma, precision)

    def part(
        self,
        numbers: Tensor,
        positions: Tensor,
        pixel: Sequence[float],
        shape: Sequence[int],
        precision: torch.dtype,
    ) -> Tensor:
        """Render a rectangle of pixels with its corner at the origin: (1, C, *shape)."""
        weights = self._weights(numbers)
        return render_part(weights, positions, pixel, shape, self.gamma, precision)[None]

    def _weights(self, numbers: Tensor) -> Tensor:
        """Return the height of each atom's Gaussian in each channel: (…) → (…, C)."""
        return self.elements(numbers) if self.per_element else numbers[..., None]

    def reach(self, tiling: Tiling, pixel: Sequence[float]) -> list[float]:
        """Return the largest distance in Å along each axis at which atoms affect a block."""
        return [c * p + REACH * self.gamma for c, p in zip(tiling.context, pixel, strict=True)]

    def elements(self, numbers: Tensor) -> Tensor:
        """Mark the element of each atom: (…) → (…, species), all False for padding."""
        return numbers[..., None] == self.species

    def grids(self, structures: StructureBatch) -> Tensor:
        """Count the pixels of structures in rectangular cells along each axis, (B, D)."""
        return (sides(structures) / self.pixel).round().long()

    def fits(
        self, structures: StructureBatch, tiling: Tiling, tolerance: float = CELL_TOLERANCE
    ) -> Tensor:
        """Tell which cells are rectangles, or boxes, of whole tiles, to a relative tolerance: (B,).

        That is 0.1 % if nothing else is said.
        """
        whole, along = self._whole_tiles(structures, tiling), sides(structures)
        upright = torch.isclose(structures.cell.abs(), along.diag_embed(), rtol=0, atol=1e-9)
        near = (along - whole).abs() <= tolerance * whole
        return upright.flatten(1).all(1) & near.all(1)

    def _whole_tiles(self, structures: StructureBatch, tiling: Tiling) -> Tensor:
        """Return the sides of whole tiles that are nearest to each cell's, (B, D) in Å."""
        tile = self.pixel * torch.tensor(tiling.focus, device=self.pixel.device)
        return (sides(structures) / tile).round().clamp(min=1) * tile

    def by_grid(self, structures: StructureBatch) -> Iterator[Tensor]:
        """Yield the indices of the structures that share a grid, for each grid in turn."""
        grids, grid_of = self.grids(structures).unique(dim=0, return_inverse=True)
        for i in range(len(grids)):
            yield (grid_of == i).nonzero()[:, 0]

    def check(self, structures: StructureBatch, tiling: Tiling, first: int, any_cell: bool) -> None:
        """Check that structures, numbered from `first`, can be rendered.

        Args:
            structures: what is to be rendered.
            tiling: the tiles.
            first: number of the first structure.
            any_cell: whether cells need not be whole tiles.

        Raises:
            InputError: an unknown element, a cell thinner than a pixel, or one that isn't whole
                tiles.
        """
        numbers = structures.numbers
        unknown = (numbers > 0) & ~self.elements(numbers).any(-1)  # (B, A)
        if unknown.any():
            sample, atom = unknown.nonzero()[0].tolist()
            raise InputError(
                f"Structure {first + sample} has an atom of "
                f"{symbols([int(numbers[sample, atom])])}, which this model doesn't know; it was "
                f"trained on {symbols(self.species.tolist())}."
            )
        misfit = ~self.fits(structures, tiling)
        if any_cell:
            _require_pixel(structures, self.pixel, first)
        elif misfit.any():
            sample = int(misfit.nonzero()[0])
            rows = structures.cell[sample].tolist()
            cell = ", ".join("(" + " ".join(f"{x:.6g}" for x in row) + ")" for row in rows)
            near = self._whole_tiles(structures, tiling)[sample].tolist()
            raise InputError(
                f"Structure {first + sample} has the cell {cell} Å, and this model takes "
                f"rectangular cells of whole tiles alone, such as "
                f"{' × '.join(f'{x:.6g}' for x in near)} Å: repeat or choose the cell so, or train "
                f"with model=fcn, which takes any cell."
            )


def sides(structures: StructureBatch) -> Tensor:
    """Return the sides of rectangular cells, (B, D) in Å.

    Example:
        >>> cell = torch.tensor([[[-4.0, 0.0], [0.0, 3.0]]])  # a mirrored one
        >>> sides(StructureBatch(torch.ones(1, 1), torch.zeros(1, 1, 2), cell)).tolist()
        [[4.0, 3.0]]
    """
    return structures.cell.diagonal(dim1=1, dim2=2).abs()


def count_pixels(structures: StructureBatch, renderer: Renderer) -> Tensor:
    """Count the pixels of structures in any cell, (B,), as a real number.

    Where not everything repeats, those near the atoms are counted.

    Example:
        >>> cell = torch.eye(2)[None] * 4
        >>> atom = StructureBatch(torch.tensor([[6]]), torch.zeros(1, 1, 2), cell)
        >>> count_pixels(atom, Renderer([6], pixel=[0.5, 0.5], gamma=0.4)).tolist()
        [64.0]
    """
    volume = torch.linalg.det(structures.cell).abs()  # (B,)
    real, positions = (structures.numbers > 0)[..., None], structures.positions
    low = torch.where(real, positions, torch.inf).amin(1)
    high = torch.where(real, positions, -torch.inf).amax(1)
    near = (high - low + 2 * ATOM * renderer.gamma).prod(-1)
    return torch.where(volume > 0, volume, near) / renderer.pixel.prod()


def _require_pixel(structures: StructureBatch, pixel: Tensor, first: int) -> None:
    lengths = gram_schmidt(structures.cell).lengths  # (B, D)
    thin = structures.cell.any(-1) & (lengths < pixel.min())
    if thin.any():
        sample = int(thin.any(1).nonzero()[0])
        found = lengths[sample][thin[sample]].min()
        raise InputError(
            f"Structure {first + sample} has a cell only {found:.3g} Å thick, less than a "
            f"pixel of {pixel.min():.3g} Å: are its lattice vectors in Å, and independent?"
        )
