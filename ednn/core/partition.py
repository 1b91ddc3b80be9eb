"""One cell's worth of a plane or of space, whatever the cell: a partition of unity.

Sites lie on the pixels of the training, which fit into no lattice but that of the training. The
energy per cell is the sum over all sites of w(r) · (value of the site), with a smooth weight w
whose lattice translates add up to one everywhere. Along a direction without period, w is one.

With lattice vectors a_i and their Gram–Schmidt vectors g_i, w(r) = Π_i u(r · g_i / |g_i|²), where
u rises smoothly around 0, falls around 1, and u(s) + u(s - 1) + … = 1: so w fills a box with the
sides |g_i|, which has the volume of the cell, however skewed that is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ednn.core.structure_batch import StructureBatch
from ednn.core.tiling import Tiling

RAMP = 3.0  # Å, along which the weight rises; energies are alike from 1 to 6 Å


class Box(NamedTuple):
    """Gram–Schmidt vectors of cells, as directions and lengths.

    Attributes:
        directions: unit vectors (B, D, D), one per row; zeros where there is no period.
        lengths: (B, D) in Å; zero where there is no period.

    Example:
        >>> box = gram_schmidt(torch.tensor([[[2.0, 0.0], [-1.0, 3.0]]]))
        >>> box.lengths.tolist()
        [[2.0, 3.0]]
    """

    directions: Tensor
    lengths: Tensor

    def along(self, points: Tensor) -> Tensor:
        """Return the coordinates of points (B, n, D) along the directions, (B, n, D) in Å."""
        return points @ self.directions.mT


def gram_schmidt(cell: Tensor) -> Box:
    """Return the box of cells (B, D, D), differentiably.

    Example:
        >>> gram_schmidt(torch.tensor([[[0.0, 4.0], [0.0, 0.0]]])).directions.tolist()
        [[[0.0, 1.0], [0.0, 0.0]]]
    """
    directions: list[Tensor] = []
    lengths = []
    for vector in cell.unbind(1):  # (B, D)
        for before in directions:
            vector = vector - (vector * before).sum(-1, keepdim=True) * before
        squared = vector.square().sum(-1, keepdim=True)  # (B, 1)
        length = torch.where(squared > 0, squared, 1).sqrt()  # the slope of √0 is infinite
        directions.append(vector / length)
        lengths.append(torch.where(squared > 0, length, 0))
    return Box(torch.stack(directions, 1), torch.cat(lengths, 1))


def wrapped(structures: StructureBatch) -> StructureBatch:
    """Return structures whose atoms are moved by lattice vectors into the box of the cell.

    Example:
        >>> cell = torch.tensor([[[4.0, 0.0], [2.0, 4.0]]])
        >>> atom = StructureBatch(torch.tensor([[6]]), torch.tensor([[[3.0, 5.0]]]), cell)
        >>> wrapped(atom).positions.tolist()
        [[[1.0, 1.0]]]
    """
    box, positions = gram_schmidt(structures.cell.detach()), structures.positions
    for axis in reversed(range(positions.shape[-1])):  # the first moves no atom along the others
        along = box.along(positions.detach())[..., axis, None]  # (B, A, 1)
        length = box.lengths[:, axis, None, None]  # (B, 1, 1)
        cells = torch.where(length > 0, along / length, 0).floor()
        positions = positions - cells * structures.cell[:, None, axis]
    return structures._replace(positions=positions)


def weight(cell: Tensor, coordinates: Sequence[Tensor]) -> Tensor:
    """Return w at the points of grids, one for each cell, differentiably.

    Args:
        cell: (B, D, D) in Å.
        coordinates: of the points along each axis, (B, n) each, in Å.

    Returns:
        Weights (B, *n).

    Example:
        >>> x = torch.arange(-8.0, 16.0, 0.5)[None]
        >>> round(float(weight(torch.tensor([[[4.0]]]), [x]).sum()) * 0.5, 4)
        4.0
    """
    box, dims = gram_schmidt(cell), len(coordinates)
    product = torch.ones_like(coordinates[0][:, 0]).view(-1, *[1] * dims)
    for direction, length in zip(box.directions.unbind(1), box.lengths.unbind(1), strict=True):
        along = product.new_zeros(1)
        for axis, x in enumerate(coordinates):
            component = direction[:, axis, None] * x  # (B, n)
            along = along + component.view(len(x), *[1] * axis, -1, *[1] * (dims - 1 - axis))
        end = length.view(-1, *[1] * dims)
        inside = _rise(along) - _rise(along - end)
        product = product * torch.where(end > 0, inside, 1)
    return product


def _rise(distance: Tensor) -> Tensor:
    """Rise from 0 to 1 around 0, with three continuous derivatives."""
    s = (distance / RAMP + 0.5).clamp(0, 1)
    return s**4 * (35 - 84 * s + 70 * s**2 - 20 * s**3)


class Window(NamedTuple):
    """Whole tiles that cover all sites of a weight above zero, for each structure of a batch.

    Attributes:
        first: index of the first tile (B, D), on a grid of tiles with one corner at the origin.
        tiles: number of tiles along each axis.

    Example:
        >>> Window(torch.tensor([[-1, 0]]), (3, 2)).tiles
        (3, 2)
    """

    first: Tensor
    tiles: tuple[int, ...]

    def corner(self, tiling: Tiling, pixel: Tensor) -> Tensor:
        """Return the first site of each structure's window in Å, (B, D)."""
        return self.first * pixel * torch.tensor(tiling.focus, device=pixel.device)

    def coordinates(self, tiling: Tiling, pixel: Tensor) -> list[Tensor]:
        """Return the positions of the sites along each axis in Å, (B, n) each."""
        sides = [n * f for n, f in zip(self.tiles, tiling.focus, strict=True)]
        corner = self.corner(tiling, pixel)
        return [
            corner[:, axis, None] + torch.arange(n, device=pixel.device) * pixel[axis]
            for axis, n in enumerate(sides)
        ]


def window(
    structures: StructureBatch, tiling: Tiling, pixel: Tensor, reach: Tensor, slack: Tensor
) -> Window:
    """Return the window of wrapped structures, as large as the largest of them asks for.

    Args:
        structures: as `wrapped` returns them.
        tiling: the tiles.
        pixel: sides of a pixel (D,) in Å.
        reach: how far an atom is seen along each axis, (D,) in Å: as far as sites beyond the atoms
            count where nothing repeats.
        slack: by how much the structures may yet be moved along each axis, (D,) in Å.

    Example:
        >>> cell, reach = torch.eye(2)[None] * 4.0, torch.tensor([2.0, 2.0])
        >>> atom = StructureBatch(torch.tensor([[6]]), torch.zeros(1, 1, 2), cell)
        >>> window(atom, Tiling(2, 4, 2), torch.tensor([0.5, 0.5]), reach, slack=torch.zeros(2))
        Window(first=tensor([[-1, -1]]), tiles=(4, 4))
    """
    first, tiles = extents(structures, tiling, pixel, reach, slack)
    return Window(first, tuple(tiles.amax(0).tolist()))


def extents(
    structures: StructureBatch, tiling: Tiling, pixel: Tensor, reach: Tensor, slack: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the first tile and the number of tiles of each structure's own window, (B, D) each.

    Takes what `window` takes.

    Example:
        >>> cell, reach = torch.eye(2)[None] * 4.0, torch.tensor([2.0, 2.0])
        >>> atom = StructureBatch(torch.tensor([[6]]), torch.zeros(1, 1, 2), cell)
        >>> extents(atom, Tiling(2, 4, 2), torch.tensor([0.5, 0.5]), reach, slack=torch.zeros(2))
        (tensor([[-1, -1]]), tensor([[4, 4]]))
    """
    cell = structures.cell.detach()
    box = gram_schmidt(cell)
    free = _completed(box)  # (B, D, D)
    low = torch.where(box.lengths > 0, -RAMP / 2, 0.0)  # (B, D) Å along the box
    high = torch.where(box.lengths > 0, box.lengths + RAMP / 2, 0.0)
    along = structures.positions.detach() @ free.mT  # (B, A, D) Å
    real = (structures.numbers > 0)[..., None]
    margin = free.abs().to(reach) @ reach  # (B, D)
    is_free = free.abs().sum(-1) > 0
    low = torch.where(is_free, torch.where(real, along, torch.inf).amin(1) - margin, low)
    high = torch.where(is_free, torch.where(real, along, -torch.inf).amax(1) + margin, high)
    directions = box.directions + free  # (B, D, D)
    ends = directions * low[..., None], directions * high[..., None]
    tile = pixel * torch.tensor(tiling.focus, device=pixel.device)  # (D,) Å
    first = (torch.minimum(*ends).sum(1) / tile).floor().long()  # (B, D)
    last = ((torch.maximum(*ends).sum(1) + slack) / tile).floor().long()
    return first, last - first + 1


def _completed(box: Box) -> Tensor:
    """Return unit vectors (B, D, D) at right angles to the box, in its rows of zeros."""
    free = torch.zeros_like(box.directions)
    for number in ((box.lengths == 0).any(-1)).nonzero()[:, 0].tolist():
        directions, empty = box.directions[number], box.lengths[number] == 0
        # the right singular vectors of no weight
        free[number, empty] = torch.linalg.svd(directions).Vh[-int(empty.sum()) :]
    return free


class Images(NamedTuple):
    """Atoms, and periodic images of atoms, near windows.

    Attributes:
        atoms: index of each image's atom in its structure, (B, n).
        cells: by how many lattice vectors it is moved, (B, n, D).
        real: whether it is one, and no padding, (B, n).

    Example:
        >>> Images(torch.zeros(1, 2), torch.zeros(1, 2, 2), torch.ones(1, 2)).atoms.shape
        torch.Size([1, 2])
    """

    atoms: Tensor
    cells: Tensor
    real: Tensor

    def of(self, structures: StructureBatch) -> tuple[Tensor, Tensor]:
        """Return the numbers (B, n), 0 for padding, and positions (B, n, D) of the images."""
        numbers = structures.numbers.gather(1, self.atoms) * self.real
        index = self.atoms[..., None].expand_as(self.cells)
        positions = structures.positions.gather(1, index)
        return numbers, positions + self.cells @ structures.cell


def images(structures: StructureBatch, low: Tensor, high: Tensor) -> Images:
    """Return all images between two corners, (B, D) each, in Å.

    Example:
        >>> cell = torch.eye(2)[None] * 4.0
        >>> atom = StructureBatch(torch.tensor([[6]]), torch.ones(1, 1, 2), cell)
        >>> found = images(atom, torch.tensor([[0.0, 0.0]]), torch.tensor([[6.0, 2.0]]))
        >>> found.of(atom)[1].tolist()
        [[[1.0, 1.0], [5.0, 1.0]]]
    """
    cell, positions = structures.cell.detach(), structures.positions.detach()
    cells = translations(cell, positions, low, high)  # (n, D)
    moved = positions[:, None] + (cells @ cell)[:, :, None]  # (B, n, A, D)
    inside = ((moved >= low[:, None, None]) & (moved <= high[:, None, None])).all(-1)
    inside = (inside & (structures.numbers > 0)[:, None]).flatten(1)  # (B, n · A)
    first = inside.int().argsort(dim=1, descending=True, stable=True)
    first = first[:, : int(inside.sum(1).max())]
    atoms = positions.shape[1]
    return Images(first % atoms, cells[first // atoms], inside.gather(1, first))


def translations(cell: Tensor, positions: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return all lattice vectors that may move an atom between two corners.

    Args:
        cell: (B, D, D) in Å.
        positions: of atoms, (B, A, D) in Å.
        low: first corner (B, D) in Å.
        high: second corner (B, D) in Å.

    Returns:
        Whole numbers of lattice vectors, (n, D), in the precision of `cell`.

    Example:
        >>> cell, atom = torch.eye(2)[None] * 4.0, torch.ones(1, 1, 2)
        >>> low, high = torch.tensor([[0.0, 0.0]]), torch.tensor([[6.0, 2.0]])
        >>> translations(cell, atom, low, high).tolist()
        [[0.0, 0.0], [1.0, 0.0]]
    """
    inverse = torch.linalg.pinv(cell)  # (B, D, D); of a row of zeros, zeros
    fractional = positions @ inverse  # (B, A, D)
    lows, highs = low[:, :, None] * inverse, high[:, :, None] * inverse  # (B, D, D)
    first = torch.minimum(lows, highs).sum(1) - fractional.amax(1)  # (B, D)
    last = torch.maximum(lows, highs).sum(1) - fractional.amin(1)
    periodic = cell.abs().sum(-1) > 0
    first = torch.where(periodic, first.ceil(), 0).amin(0).tolist()
    last = torch.where(periodic, last.floor(), 0).amax(0).tolist()
    spans = [torch.arange(a, b + 1) for a, b in zip(first, last, strict=True)]
    return torch.cartesian_prod(*spans).view(-1, len(spans)).to(cell)
