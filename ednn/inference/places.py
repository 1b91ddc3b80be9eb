"""Where on the pixels of a model a structure is evaluated."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ednn.core.partition import weight, window, wrapped
from ednn.core.structure_batch import StructureBatch
from ednn.core.structure_model import StructureModel
from ednn.core.tiling import Tiling
from ednn.inference.blocks import Block
from ednn.inference.nearby import Near, Vector
from ednn.inference.stored_structure import StoredStructure
from ednn.physics.structure import Structure


@dataclass(frozen=True)
class Place:
    """The pixels on which a structure is evaluated, cut into tiles.

    Attributes:
        structure: as it is, or with its atoms in the box of its cell (`ednn.core.partition`).
        tiling: the tiles.
        lattice: number of pixels along each axis, whole tiles.
        pixel: sides of a pixel (D,) in Å.
        first: index (D,) of the first tile on a grid of tiles with one corner at the origin, if the
            cell is evaluated by a partition of unity; None if it is whole tiles.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> place = Place(crystal(), Tiling(2, 8, 4), (32, 32), crystal().sides / 32, None)
        >>> place.corner((slice(1, 2), slice(0, 4))).round(2).tolist()
        [3.12, 0.0]
    """

    structure: Structure | StoredStructure
    tiling: Tiling
    lattice: tuple[int, ...]
    pixel: Vector
    first: NDArray[np.int64] | None

    @property
    def tile(self) -> Vector:
        """Sides of a tile's focus in Å, (D,)."""
        return self.pixel * self.tiling.focus

    def corner(self, block: Block) -> Vector:
        """Return the first corner of a block of tiles in Å, (D,)."""
        start = np.array([span.start for span in block])
        return (start if self.first is None else self.first + start) * self.tile

    def tile_of(self, near: Near, shift: Vector) -> NDArray[np.int64]:
        """Return the tile that each atom's reference energy belongs to, (n, D).

        It is computed from positions in the cell, so that an atom on a border is in one block, and
        not in two. A periodic image has none, -1, if the cell is not whole tiles.

        Args:
            near: atoms near a block.
            shift: by which the atoms are moved, (D,) in Å.
        """
        positions = near.home + shift  # (n, D) Å
        if self.first is None:
            grid = np.array(self.tiling.grid(self.lattice))
            tile = np.floor(positions / self.structure.sides * grid).astype(int)
            return tile + near.images * grid
        tile = np.floor(positions / self.tile).astype(int) - self.first
        return np.where(near.images.any(1, keepdims=True), -1, tile)

    def weights(self, block: Block, shift: Vector, stretch: torch.Tensor) -> torch.Tensor | None:
        """Return the weights of the sites of a block, (*L); None if the cell is whole tiles.

        Args:
            block: of tiles.
            shift: by which the atoms are moved, (D,) in Å.
            stretch: what the cell is multiplied by, (D, D).
        """
        if self.first is None:
            return None
        corner = self.corner(block) - shift
        coordinates = [
            torch.from_numpy(start + step * np.arange((span.stop - span.start) * f))[None]
            for start, step, span, f in zip(
                corner, self.pixel, block, self.tiling.focus, strict=True
            )
        ]
        return weight((torch.from_numpy(self.structure.cell) @ stretch)[None], coordinates)[0]


def place(
    structure: Structure | StoredStructure,
    model: StructureModel,
    shifts: torch.Tensor,
    strained: bool = False,
) -> Place:
    """Return where a model evaluates a structure under any of some shifts (n, D) in Å.

    Whole tiles stretch with their cell, so what is strained takes the partition of unity.

    Example:
        >>> from ednn.core.atomistic import AtomisticEDNN
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import FCN
        >>> from ednn.physics.sheets import crystal
        >>> model = AtomisticEDNN(EDNN(FCN, 8, 4), [6], pixel=[12.5 / 32, 12.99 / 32], gamma=0.4)
        >>> place(crystal(), model, torch.zeros(1, 2)).lattice
        (32, 32)
    """
    single = batch(
        structure.outline if isinstance(structure, StoredStructure) else structure, model
    )
    tiling, pixel = model.field_model.tiling, model.renderer.pixel.cpu()
    if model.fits(single)[0] and not strained:
        lattice = tuple(np.rint(structure.sides / pixel.numpy()).astype(int).tolist())
        return Place(structure, tiling, lattice, structure.sides / lattice, None)
    inside = StructureBatch(*(column.cpu() for column in wrapped(single)))
    reach = torch.tensor(model.renderer.reach(tiling, pixel.tolist())).to(pixel)
    found = window(inside, tiling, pixel, reach, slack=shifts.amax(0))
    lattice = tuple(n * f for n, f in zip(found.tiles, tiling.focus, strict=True))
    if isinstance(structure, Structure):  # in a file of sorted atoms they are in the box
        structure = Structure(structure.numbers, inside.positions[0].numpy(), structure.cell)
    return Place(structure, tiling, lattice, pixel.numpy(), found.first[0].numpy())


def batch(structure: Structure, model: StructureModel) -> StructureBatch:
    """Make a batch of one structure, on the model's device.

    Example:
        >>> from ednn.core.atomistic import AtomisticEDNN
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> from ednn.physics.sheets import crystal
        >>> model = AtomisticEDNN(EDNN(ANN, 8, 4), [6], pixel=[12.5 / 32, 12.99 / 32], gamma=0.4)
        >>> batch(crystal(), model).numbers.shape
        torch.Size([1, 60])
    """
    columns = (structure.numbers, structure.positions, structure.cell)
    return StructureBatch(
        *(torch.from_numpy(c)[None].to(model.renderer.pixel.device) for c in columns)
    )
