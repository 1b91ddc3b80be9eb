"""Predict structures, whose fields may be larger than the memory."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import numpy as np
import torch

from ednn.core.features import Shares
from ednn.core.shifts import even_shifts, moved
from ednn.core.structure_block import StructureBlock
from ednn.core.structure_model import StructureModel
from ednn.inference.blocks import Block, cut
from ednn.inference.deviations import kept, settled
from ednn.inference.nearby import NearbyAtoms, SortedAtoms
from ednn.inference.pieces import BY_GRADIENT, Arrays, Job, Piece
from ednn.inference.places import batch, place
from ednn.inference.stored_structure import StoredStructure
from ednn.physics.structure import Structure

DENSE = 2**17  # pixels, up to which a field is rendered as a product of matrices


class StructureJob(Job):
    """Structures, small ones as a whole and large ones, and those in files, in blocks.

    Args:
        sites: how many pixels a block may have.
        forces: in eV/Å, wanted as well.
        stress: wanted as well, for which all cells take the partition of unity.
        shifts: over how many shifts of the pixel grid (`ednn.core.shifts.even_shifts`) everything
            is averaged; a tile's contribution is then the mean over what it holds under each.

    Raises:
        InputError: a structure that doesn't fit the model.

    Example:
        >>> from ednn.core.atomistic import AtomisticEDNN
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> from ednn.physics.sheets import crystal
        >>> model = AtomisticEDNN(EDNN(ANN, 8, 4), [6], pixel=[12.5 / 32, 12.99 / 32], gamma=0.4)
        >>> job = StructureJob(model, [crystal()], sites=10**6, forces=True)
        >>> job.lattice(0), job.evaluate(job.pieces[0])["forces"].shape
        ((32, 32), (60, 2))
    """

    def __init__(
        self,
        model: StructureModel,
        structures: Sequence[Structure | StoredStructure],
        sites: int,
        forces: bool,
        shifts: int = 1,
        stress: bool = False,
    ) -> None:
        self.model, self.structures, self.forces, self.stress = model, structures, forces, stress
        self.shifts = even_shifts(model, shifts)  # (shifts, D) Å
        self.shape = (len(structures), len(model.info.outputs))
        self.places = [place(structure, model, self.shifts, stress) for structure in structures]
        sites = sites // BY_GRADIENT if forces or stress else sites
        self.pieces = []
        for i, own in enumerate(self.places):
            small = own.first is None and prod(own.lattice) <= min(DENSE, sites)
            if small and isinstance(own.structure, Structure):
                self.pieces.append(Piece(slice(i, i + 1)))
            else:
                blocks = cut(model.field_model.tiling, own.lattice, sites)
                self.pieces += [Piece(slice(i, i + 1), block) for block in blocks]
        self._atoms = lru_cache(maxsize=1)(self._sorted)

    def lattice(self, number: int) -> tuple[int, ...]:
        """Count the pixels on which a structure is evaluated along each axis."""
        return self.places[number].lattice

    def _sorted(self, number: int) -> NearbyAtoms:
        own = self.places[number].structure
        return SortedAtoms(own) if isinstance(own, Structure) else own

    def evaluate(self, piece: Piece) -> Arrays:
        number = piece.samples.start
        with torch.set_grad_enabled(self.forces or self.stress):
            if piece.block is None:
                arrays = _mean([self._whole(number, shift) for shift in self.shifts])
            else:
                arrays = _mean([self._block(number, piece.block, shift) for shift in self.shifts])
            return settled(self.model, piece, arrays)

    def per_volume(self, number: int, virial: np.ndarray) -> np.ndarray:
        """Return the stress of a structure, (D, D) in eV/Å^D, from the slope by a strain."""
        return (virial + virial.T) / 2 / abs(np.linalg.det(self.structures[number].cell))

    def _whole(self, number: int, shift: torch.Tensor) -> Arrays:
        whole = self.structures[number]
        assert isinstance(whole, Structure)  # others are in blocks
        structures = moved(batch(whole, self.model), shift)
        positions = structures.positions.requires_grad_(self.forces)
        shares = self.model.call("shares", structures._replace(positions=positions))
        return self._arrays(shares, positions, np.arange(positions.shape[1]))

    def _block(self, number: int, block: Block, shift: torch.Tensor) -> Arrays:
        own, device = self.places[number], self.model.renderer.pixel.device
        start, stop = (np.array([getattr(s, end) for s in block]) for end in ("start", "stop"))
        reach = np.array(self.model.renderer.reach(own.tiling, own.pixel.tolist()))
        back = shift.numpy()  # the block moves against the atoms, which stay in order
        corner = own.corner(block) - back
        near = self._atoms(number).near(corner, corner + (stop - start) * own.tile, reach)
        positions = torch.from_numpy(near.positions).to(device).requires_grad_(self.forces)
        strain = torch.zeros(2 * (len(corner),), dtype=torch.float64, requires_grad=self.stress)
        stretch = strain + torch.eye(len(corner))  # about the origin of the atoms, not the block's
        origin = torch.from_numpy(corner).to(device)
        stretched = (positions + origin) @ stretch.to(device) - origin
        weights = own.weights(block, back, stretch)
        part = StructureBlock(
            torch.from_numpy(near.numbers).to(device),
            stretched if self.stress else positions,
            torch.from_numpy(own.tile_of(near, back) - start).to(device),
            own.pixel.tolist(),
            (stop - start).tolist(),
            None if weights is None else weights.to(device),
            own.structure.is_open,
        )
        shares = self.model.call("block_shares", part)
        return self._arrays(shares, positions, near.atoms, strain)

    def _arrays(
        self,
        shares: Shares,
        positions: torch.Tensor,
        atoms: np.ndarray,
        strain: torch.Tensor | None = None,
    ) -> Arrays:
        arrays = kept(shares)
        wanted = [leaf for leaf in (positions, strain) if leaf is not None and leaf.requires_grad]
        slopes = [*torch.autograd.grad(shares.tiles.sum(), wanted)] if wanted else []
        if self.stress:
            arrays["virial"] = slopes.pop().numpy()  # (D, D) eV
        if self.forces:
            forces = -slopes.pop().reshape(-1, positions.shape[-1])  # (A, D) eV/Å
            arrays |= {"atoms": atoms, "forces": forces.cpu().numpy()}
        return arrays


def _mean(under: Sequence[Arrays]) -> Arrays:
    """Average what was evaluated under every shift; an atom's forces may come in several parts."""
    if len(under) == 1:
        return under[0]
    averaged = [name for name in under[0] if name in ("contributions", "features", "virial")]
    mean = {name: np.mean([arrays[name] for arrays in under], axis=0) for name in averaged}
    if "forces" in under[0]:
        mean["atoms"] = np.concatenate([arrays["atoms"] for arrays in under])
        mean["forces"] = np.concatenate([arrays["forces"] for arrays in under]) / len(under)
    return mean
