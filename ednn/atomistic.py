"""Structures of atoms → rendered field → EDNN, and a reference energy for every atom beside it."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ednn.errors import InputError
from ednn.model import EDNN
from ednn.physics.render import REACH, render, render_part
from ednn.targets import fit_references, standardise

SOME = 256  # structures are enough to know the field's mean and spread
FIT = 1e-3  # relative: how far a cell may be from whole pixels; a strain of 0.1 % is 0.05 meV/atom


class Structures(NamedTuple):
    """A batch of flat structures in periodic rectangular cells.

    Atomic numbers (B, A), 0 where a structure has fewer atoms than the largest of the batch;
    positions (B, A, 2) and cells (B, 2) in Å.
    """

    numbers: Tensor
    positions: Tensor
    cell: Tensor

    def part(self, index: Tensor | slice) -> "Structures":
        """Return some of the structures."""
        return Structures(*(column[index] for column in self))


class AtomisticEDNN(nn.Module):
    """An energy as the sum of a reference per atom and of what an EDNN makes of the rendered field.

    The field has one channel: Gaussians as high as the atomic numbers (Eq. 3).

    Args:
        field_model: a two-dimensional `EDNN`, or what makes one.
        species: atomic numbers of the elements that it knows.
        pixel: size of a pixel along x and y in Å, the same for structures of any size.
        gamma: width of the Gaussians in Å (Eq. 3).
    """

    species: Tensor
    pixel: Tensor
    references: Tensor
    field_shift: Tensor
    field_scale: Tensor

    def __init__(
        self,
        field_model: EDNN | Callable[[], EDNN],
        species: Sequence[int],
        pixel: Sequence[float],
        gamma: float,
    ) -> None:
        super().__init__()
        self.field_model = field_model if isinstance(field_model, EDNN) else field_model()
        self.gamma = gamma
        self.register_buffer("species", torch.tensor(species), persistent=False)
        self.register_buffer("pixel", torch.tensor(pixel, dtype=torch.float64), persistent=False)
        # In double precision: of totals of thousands of eV, a few meV matter.
        references = torch.zeros(len(species), self.field_model.outputs, dtype=torch.float64)
        self.register_buffer("references", references)
        # What the network sees has mean 0 and spread 1; without that it stands still for long.
        self.register_buffer("field_shift", torch.zeros(()))
        self.register_buffer("field_scale", torch.ones(()))

    def forward(self, structures: Structures) -> Tensor:
        """Predict the energies of structures, (B, outputs) in eV, in double precision."""
        return self.counts(structures) @ self.references + self.field_energy(structures)

    def energy_and_forces(
        self, structures: Structures, create_graph: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Predict energies (B, 1) in eV and forces −∂E/∂r (B, A, 2) in eV/Å.

        `create_graph` keeps what a loss of the forces needs to be differentiated itself.
        """
        with torch.enable_grad():
            positions = structures.positions.detach().requires_grad_()
            energy = self(structures._replace(positions=positions))
            (slope,) = torch.autograd.grad(energy.sum(), positions, create_graph=create_graph)
        return energy, -slope

    def contributions(self, structures: Structures) -> Tensor:
        """Map structures of one grid to what each tile contributes: (B, *tiles, outputs), in eV.

        An atom's reference counts for the tile in whose focus it lies; only the sum is physical.
        """
        shares = self.field_model.contributions(self.normalised_field(structures)).double()
        tiles = torch.tensor(shares.shape[1:3], device=shares.device)
        tile = (structures.positions / structures.cell[:, None] * tiles).floor().long()  # (B, A, 2)
        return self._with_references(shares, structures.numbers, tile % tiles)

    def block_contributions(
        self,
        numbers: Tensor,
        positions: Tensor,
        tile: Tensor,
        pixel: Sequence[float],
        tiles: Sequence[int],
    ) -> Tensor:
        """The same of a block of tiles, for sheets whose field doesn't fit in memory.

        It takes all atoms within `reach` of the block, periodic images being atoms of their own.

        Args:
            numbers: (A,).
            positions: in Å from the corner of the block, its context not included, (A, 2).
            tile: of the block, in whose focus each atom lies, (A, 2); outside it for the others.
            pixel: dx and dy in Å.
            tiles: how many the block has along x and y.

        Returns:
            contributions (*tiles, outputs).
        """
        tiling = self.field_model.tiling
        step = torch.tensor(pixel, dtype=torch.float64, device=positions.device)  # (2,)
        focus = torch.tensor(tiling.focus, device=step.device)
        context = torch.tensor(tiling.context, device=step.device)
        nx, ny = (torch.tensor(tiles, device=step.device) * focus + 2 * context).tolist()
        field = render_part(
            numbers,
            positions + context * step,
            pixel,
            (nx, ny),
            self.gamma,
            self.field_model.shift.dtype,
        )  # (nx, ny)
        shares = self.field_model.block_contributions(self._normalised(field)[None, None]).double()
        return self._with_references(shares, numbers[None], tile[None])[0]

    def reach(self, pixel: Sequence[float]) -> tuple[float, float]:
        """How far atoms along x and y matter for a block's contributions, in Å."""
        contexts = zip(self.field_model.tiling.context, pixel, strict=True)
        x, y = (c * step + REACH * self.gamma for c, step in contexts)
        return x, y

    def field_energy(self, structures: Structures) -> Tensor:
        """Predict energies without the references: (B, outputs), in double precision."""
        groups = list(self._by_grid(structures))
        parts = [
            self.field_model(self.normalised_field(structures.part(index))) for index in groups
        ]
        return torch.cat(parts)[torch.cat(groups).argsort()].double()

    def field(self, structures: Structures) -> Tensor:
        """Render structures of one grid (Eq. 3): (B, 1, nx, ny)."""
        nx, ny = self._grids(structures)[0].tolist()
        positions = structures.positions.to(self.field_model.shift.dtype)
        return render(structures.numbers, positions, structures.cell, (nx, ny), self.gamma)

    def normalised_field(self, structures: Structures) -> Tensor:
        """Render structures of one grid for the network: (B, 1, nx, ny) of mean 0 and spread 1."""
        return self._normalised(self.field(structures))

    def _normalised(self, field: Tensor) -> Tensor:
        return (field - self.field_shift) / self.field_scale

    def counts(self, structures: Structures) -> Tensor:
        """Count the atoms of each element, (B, species), in double precision."""
        return self._species_of(structures.numbers).sum(1).double()

    def check(self, structures: Structures, first: int = 0) -> None:
        """Make sure that structures, numbered from `first`, fit this model.

        Raises:
            InputError: an element that it doesn't know, or a cell that isn't whole tiles.
        """
        unknown = (structures.numbers > 0) & ~self._species_of(structures.numbers).any(-1)  # (B, A)
        if unknown.any():
            sample, atom = unknown.nonzero()[0].tolist()
            raise InputError(
                f"Structure {first + sample} has an atom of atomic number "
                f"{int(structures.numbers[sample, atom])}, which this model doesn't know; it was "
                f"trained on {', '.join(map(str, self.species.tolist()))}."
            )
        tile = self.pixel * torch.tensor(self.field_model.tiling.focus, device=self.pixel.device)
        whole = (structures.cell / tile).round().clamp(min=1)  # (B, 2) tiles
        bad = ((structures.cell / (whole * tile) - 1).abs() > FIT).any(-1)  # (B,)
        if bad.any():
            sample = int(bad.nonzero()[0])
            x, y = structures.cell[sample].tolist()
            (dx, dy), (near_x, near_y) = tile.tolist(), (whole * tile)[sample].tolist()
            raise InputError(
                f"Structure {first + sample} has a cell of {x:.6g} × {y:.6g} Å; this model's tiles "
                f"need a multiple of {dx:.6g} Å along x and of {dy:.6g} Å along y, such as "
                f"{near_x:.6g} × {near_y:.6g} Å: repeat or choose the cell so."
            )

    def standardise(self, structures: Structures, target: Tensor) -> None:
        """Fit the references, and shift and scale of the rest and of the field, to training data.

        `target` (N, outputs): energies in eV.
        """
        counts = self.counts(structures)
        self.references.copy_(fit_references(counts, target))
        pixels = self._grids(structures).prod(-1)  # (N,)
        standardise(self.field_model, target - counts @ self.references, pixels)
        field = self.field(structures.part(next(self._by_grid(structures))[:SOME]))
        self.field_shift.copy_(field.mean())
        self.field_scale.copy_(field.std())

    def _with_references(self, shares: Tensor, numbers: Tensor, tile: Tensor) -> Tensor:
        """Add each atom's reference to the share of its tile, if that is there.

        shares (B, *tiles, outputs), numbers (B, A), tile (B, A, 2).
        """
        tiles = torch.tensor(shares.shape[1:3], device=shares.device)
        inside = ((tile >= 0) & (tile < tiles)).all(-1)  # (B, A)
        batch, atom = inside.nonzero(as_tuple=True)
        own = self._species_of(numbers[batch, atom]).double() @ self.references  # (n, outputs)
        x, y = tile[batch, atom].unbind(-1)
        return shares.index_put((batch, x, y), own, accumulate=True)

    def refit_references(self, batches: Iterator[tuple[Structures, Tensor]]) -> None:
        """Fit the references alone, to energies (B, outputs) of another theory."""
        with torch.no_grad():
            rows = [(self.counts(s), target - self.field_energy(s)) for s, target in batches]
        counts, rest = (torch.cat(column) for column in zip(*rows, strict=True))
        self.references.copy_(fit_references(counts, rest))

    def _species_of(self, numbers: Tensor) -> Tensor:
        """Mark the element of each atom: (…, species), all False for padding."""
        return numbers[..., None] == self.species

    def _grids(self, structures: Structures) -> Tensor:
        """Count the pixels of structures along x and y, (B, 2)."""
        return (structures.cell / self.pixel).round().long()

    def _by_grid(self, structures: Structures) -> Iterator[Tensor]:
        """Yield the numbers of the structures that are on one grid, for each grid in turn."""
        grids, which = self._grids(structures).unique(dim=0, return_inverse=True)
        for i in range(len(grids)):
            yield (which == i).nonzero()[:, 0]
