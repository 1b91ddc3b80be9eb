"""How structures of atoms become fields: elements, pixels and Gaussians (paper, Eq. 3)."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ednn.core.errors import InputError
from ednn.core.render import REACH, render, render_part
from ednn.core.structure_batch import StructureBatch
from ednn.core.tiling import Tiling

CELL_TOLERANCE = 1e-3  # relative, from whole tiles: a strain of 0.1 % costs 0.05 meV per atom


class Renderer(nn.Module):
    """Renders structures on pixels of one size, as Gaussians of height Z or a channel per element.

    Args:
        species: atomic numbers of the elements that structures may hold.
        pixel: sides of a pixel along x and y in Å, the same for structures of any size.
        gamma: width of the Gaussians in Å.
        per_element: one channel of Gaussians of height 1 for each element, in place of one channel
            of height Z for all (Eq. 3).

    Example:
        >>> renderer = Renderer([6], pixel=[0.25, 0.25], gamma=0.4)
        >>> atom = StructureBatch(
        ...     torch.tensor([[6]]), torch.tensor([[[1.0, 1.0]]]), torch.tensor([[4.0, 4.0]])
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
        """Render structures of one grid: (B, C, nx, ny), in the precision of the positions."""
        nx, ny = self.grids(structures)[0].tolist()
        weights = self._weights(structures.numbers)
        return render(weights, structures.positions, structures.cell, (nx, ny), self.gamma)

    def part(
        self,
        numbers: Tensor,
        positions: Tensor,
        pixel: Sequence[float],
        shape: tuple[int, int],
        precision: torch.dtype,
    ) -> Tensor:
        """Render a rectangle (nx, ny) of pixels with its corner at the origin: (1, C, nx, ny)."""
        weights = self._weights(numbers)
        return render_part(weights, positions, pixel, shape, self.gamma, precision)[None]

    def _weights(self, numbers: Tensor) -> Tensor:
        """Return the height of each atom's Gaussian in each channel: (…) → (…, C)."""
        return self.elements(numbers) if self.per_element else numbers[..., None]

    def reach(self, tiling: Tiling, pixel: Sequence[float]) -> tuple[float, float]:
        """Return the largest distance in Å along x and y at which atoms affect a block."""
        x, y = (c * p + REACH * self.gamma for c, p in zip(tiling.context, pixel, strict=True))
        return x, y

    def elements(self, numbers: Tensor) -> Tensor:
        """Mark the element of each atom: (…) → (…, species), all False for padding."""
        return numbers[..., None] == self.species

    def grids(self, structures: StructureBatch) -> Tensor:
        """Count the pixels of structures along x and y, (B, 2)."""
        return (structures.cell / self.pixel).round().long()

    def by_grid(self, structures: StructureBatch) -> Iterator[Tensor]:
        """Yield the indices of the structures that share a grid, for each grid in turn."""
        grids, grid_of = self.grids(structures).unique(dim=0, return_inverse=True)
        for i in range(len(grids)):
            yield (grid_of == i).nonzero()[:, 0]

    def check(self, structures: StructureBatch, tiling: Tiling, first: int) -> None:
        """Check that structures, numbered from `first`, can be rendered on whole tiles.

        Raises:
            InputError: an unknown element, or a cell that isn't whole tiles.
        """
        numbers = structures.numbers
        unknown = (numbers > 0) & ~self.elements(numbers).any(-1)  # (B, A)
        if unknown.any():
            sample, atom = unknown.nonzero()[0].tolist()
            raise InputError(
                f"Structure {first + sample} has an atom of atomic number "
                f"{int(numbers[sample, atom])}, which this model doesn't know; it was "
                f"trained on {', '.join(map(str, self.species.tolist()))}."
            )
        tile = self.pixel * torch.tensor(tiling.focus, device=self.pixel.device)
        whole = (structures.cell / tile).round().clamp(min=1)  # (B, 2) tiles
        bad = ((structures.cell / (whole * tile) - 1).abs() > CELL_TOLERANCE).any(-1)  # (B,)
        if bad.any():
            sample = int(bad.nonzero()[0])
            x, y = structures.cell[sample].tolist()
            (dx, dy), (near_x, near_y) = tile.tolist(), (whole * tile)[sample].tolist()
            raise InputError(
                f"Structure {first + sample} has a cell of {x:.6g} × {y:.6g} Å; this model's tiles "
                f"need a multiple of {dx:.6g} Å along x and of {dy:.6g} Å along y, such as "
                f"{near_x:.6g} × {near_y:.6g} Å: repeat or choose the cell so."
            )
