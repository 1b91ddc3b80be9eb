"""The slopes of an energy: forces by the positions of atoms, stress by a strain."""

from typing import Any

import torch
from torch import Tensor

from ednn.core.errors import InputError
from ednn.core.structure_batch import StructureBatch


def slopes(
    model: Any, inputs: StructureBatch, create_graph: bool, strained: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Predict energies, and differentiate them by the positions and by a strain.

    Args:
        model: of structures.
        inputs: structures.
        create_graph: keeps the graph, so that a loss of the slopes can be differentiated.
        strained: whether the stress is wanted, which is 1/V ∂E/∂ε for a strain ε of atoms and cell;
            V is the volume of the cell, or its area.

    Returns:
        Energies (B, outputs) in eV, forces (B, A, D) in eV/Å, and stress (B, D, D) in eV/Å^D;
        (B, 0, 0) if it isn't wanted.

    Raises:
        InputError: stress is wanted of a structure that doesn't repeat in all directions.

    Example:
        >>> from ednn.core.checkpoint import pretrained
        >>> cell = torch.eye(2, dtype=torch.float64)[None] * 9
        >>> pair = StructureBatch(torch.tensor([[5, 7]]), torch.rand(1, 2, 2).double(), cell)
        >>> model = pretrained("graphene-hbn-gfn1")
        >>> [part.shape[1:] for part in slopes(model, pair, create_graph=False, strained=True)]
        [torch.Size([1]), torch.Size([2, 2]), torch.Size([2, 2])]
    """
    cell, outputs = inputs.cell, len(model.info.outputs)
    volume = _volume(cell) if strained else None
    with torch.enable_grad():
        positions = inputs.positions.detach().requires_grad_()
        structures, wanted = inputs._replace(positions=positions), [positions]
        if strained:
            strain = torch.zeros_like(cell).requires_grad_()  # (B, D, D)
            stretch = strain + torch.eye(cell.shape[-1]).to(strain)
            structures = StructureBatch(inputs.numbers, positions @ stretch, cell @ stretch)
            wanted.append(strain)
        energy: Tensor = model(structures)
        total = energy[:, :outputs].sum()  # without features
        slope, *virial = torch.autograd.grad(total, wanted, create_graph=create_graph)
    if volume is None:
        return energy, -slope, energy.new_zeros(len(cell), 0, 0)
    return energy, -slope, (virial[0] + virial[0].mT) / 2 / volume[:, None, None]


def _volume(cell: Tensor) -> Tensor:
    """Return the volumes of cells, (B,); raise InputError if one has none."""
    volume = torch.linalg.det(cell).abs()
    if not volume.all():
        number = int((volume == 0).nonzero()[0])
        raise InputError(
            f"Structure {number} of the batch doesn't repeat in all directions, so it has no "
            f"volume that a stress refers to; ask for energy and forces alone."
        )
    return volume
