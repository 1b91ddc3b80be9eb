"""A trained network as a model of TorchSim, which relaxes and moves many systems at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch_sim.models.interface import ModelInterface

from ednn.core.errors import InputError
from ednn.core.loading import load_structure_model
from ednn.core.shifts import ShiftMean, check_shifts
from ednn.core.structure_batch import StructureBatch
from ednn.data.structures.as_structure import EDGE, FLAT, thickness_of
from ednn.inference.deviations import warn_of_extrapolation
from ednn.physics.neighbours import nearest_distances, require_seen
from ednn.physics.orientation import rotation
from ednn.physics.structure import Structure
from ednn.physics.traits import warn_of_unlike
from ednn.physics.turns import Turns

NEAR = 0.05  # Å; moves that turn no bond by more than two degrees need no look at the systems


class EDNNModel(ModelInterface):
    """Energies, forces and stress of a batch of systems by a trained network.

    Flat systems are turned into the orientation of the training, by one angle all along a
    trajectory (`ednn.physics.turns.Turns`). They have to stay flat: give them no velocities
    out of their plane. Systems without a volume, as they don't repeat in all directions, have a
    stress of zeros, and so has their batch. The first systems that are unlike those of the training
    are warned of.

    Args:
        checkpoint: a path, `pretrained/NAME`, or several for an ensemble.
        device: where to compute; None for a GPU if there is one.
        dtype: of the results and of the network.
        compute_stress: whether energies come with their stress, which costs up to 2.5 times as much
            in cells of whole tiles and nothing in others.
        shifts: over how many shifts of the atoms against the pixels everything is averaged.

    Raises:
        InputError: no such checkpoint, or a network of fields; when it computes, atoms that the
            network doesn't take.

    Example:
        import torch_sim as ts
        model = EDNNModel("pretrained/graphene-hbn-gfn1")
        relaxed = ts.optimize(sheets, model, optimizer=ts.Optimizer.fire)
    """

    def __init__(
        self,
        checkpoint: str | Path | Sequence[str | Path],
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float64,
        compute_stress: bool = True,
        shifts: int = 1,
    ) -> None:
        super().__init__()
        check_shifts(shifts, takes="structures")
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._dtype, self._compute_forces = dtype, True
        self._compute_stress, self._memory_scales_with = compute_stress, "n_atoms"
        self.model = load_structure_model(checkpoint).to(self._device, dtype)
        self.predict = ShiftMean(self.model, shifts)
        self.turns = Turns(self.model.info.traits)
        self._last: tuple[StructureBatch, Tensor] | None = None  # that were checked, and their turn
        self._compared, self._warned = False, False

    def forward(self, state: Any, **_: Any) -> dict[str, Tensor]:
        """Return `energy` (systems,), `forces` (atoms, 3) and, if it is computed, `stress`."""
        structures = self._structures(state)
        if self._last is None or not _is_near(structures, self._last[0]):
            turn = self._turn(structures)
            self._check(_turned(structures, turn))
            self._last = structures, turn
        turn = self._last[1]  # (systems, D, D)
        structures = _turned(structures, turn)
        is_flat, upright = self.model.info.dims == 2, state.row_vector_cell[:, 2, 2].abs()
        height = upright if is_flat else torch.ones_like(upright)  # Å; (systems,)
        has_volume = structures.cell.any(-1).all(-1) & (height > 0)
        with_stress = self.compute_stress and bool(has_volume.all())
        totals, forces, *rest = self.predict(structures, "forces", *["stress"] * with_stress)
        energy, deviation = self.model.split(totals.detach())
        real = structures.numbers > 0  # (systems, A)
        if deviation.shape[1] and not self._warned:
            sites = real.sum(1).cpu().numpy()
            self._warned = warn_of_extrapolation(self.model, deviation.cpu().numpy(), sites)
        back = turn.mT.to(forces)
        results: dict[str, Tensor] = {"energy": energy[:, 0], "forces": (forces @ back)[real]}
        if self.compute_stress:
            results["stress"] = torch.zeros_like(back)
            if with_stress:
                results["stress"] = back.mT @ rest[0] @ back / height.view(-1, 1, 1)
        return {name: self._in_space(values) for name, values in results.items()}

    def _check(self, structures: StructureBatch) -> None:
        """Check elements and distances, and compare the first systems with those of the training.

        Raises:
            InputError: the network doesn't take them.
        """
        self.model.check(structures)
        found = _each(structures)
        for number, structure in enumerate(found):
            name = f"system {number}"
            require_seen(nearest_distances(structure, name), self.model.info.nearest, name)
        if not self._compared:
            self._compared = True
            warn_of_unlike(found, self.model.info.traits, "the systems")

    def _turn(self, structures: StructureBatch) -> Tensor:
        """Return what systems are multiplied by to be turned, (systems, D, D)."""
        if self.turns.known is None:
            return torch.eye(self.model.info.dims).to(structures.cell).expand_as(structures.cell)
        angles = map(self.turns, _each(structures))
        turns = torch.stack([torch.from_numpy(rotation(angle)) for angle in angles])
        return turns.to(structures.cell)

    def _structures(self, state: Any) -> StructureBatch:
        """Return the systems, which may have different numbers of atoms, as the network takes them.

        Raises:
            InputError: the network is of flat structures, and these aren't.
        """
        dims, counts = self.model.info.dims, state.n_atoms_per_system.tolist()
        cell = state.row_vector_cell * torch.as_tensor(state.pbc, device=state.device).view(-1, 1)
        if dims == 2:
            self._require_flat(state.positions, cell, counts)
        numbers, positions = (
            pad_sequence(list(column.split(counts)), batch_first=True)
            for column in (state.atomic_numbers, state.positions[:, :dims])
        )
        return StructureBatch(numbers.long(), positions.double(), cell[:, :dims, :dims].double())

    def _require_flat(self, positions: Tensor, cell: Tensor, counts: list[int]) -> None:
        heights = zip(positions[:, 2].split(counts), cell[:, 2, 2].abs().tolist(), strict=True)
        thickness = torch.tensor([thickness_of(z.cpu().numpy(), period) for z, period in heights])
        leaning = torch.maximum(cell[:, :2, 2].abs().amax(1), cell[:, 2, :2].abs().amax(1))
        bent = (thickness > 2 * FLAT) | (leaning.cpu() > EDGE)
        if bent.any():
            number = int(bent.nonzero()[0])
            raise InputError(
                f"System {number} is {thickness[number]:.3g} Å thick, in a cell whose vectors lean "
                f"by {leaning[number]:.3g} Å; this network takes atoms within {FLAT} Å of a plane "
                f"parallel to x and y, two vectors in it and the third at right angles to it."
            )

    def _in_space(self, values: Tensor) -> Tensor:
        """Fill axes of the plane up with zeros to those of space, in the type of the results."""
        missing = [0, 3 - values.shape[-1]] * (values.ndim - 1) if values.ndim > 1 else [0, 0]
        return torch.nn.functional.pad(values.detach(), missing).to(self._dtype)


def _turned(structures: StructureBatch, turn: Tensor) -> StructureBatch:
    """Turn structures, (systems, D, D)."""
    positions, cell = structures.positions @ turn, structures.cell @ turn
    return structures._replace(positions=positions, cell=cell)


def _each(structures: StructureBatch) -> list[Structure]:
    """Return the structures of a batch one by one."""
    rows = zip(*(column.cpu().numpy() for column in structures), strict=True)
    return [Structure(n[n > 0], positions[n > 0], cell) for n, positions, cell in rows]


def _is_near(one: StructureBatch, other: StructureBatch) -> bool:
    """Tell whether two batches are of the same systems, hardly moved."""
    return torch.equal(one.numbers, other.numbers) and all(
        bool(((a - b).abs() < NEAR).all()) for a, b in zip(one[1:], other[1:], strict=True)
    )
