"""The slopes of a property: its derivative by a field, forces by positions, stress by a strain."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from ednn.core.errors import InputError
from ednn.core.structure_batch import StructureBatch


def derivative(model: Any, field: Tensor, create_graph: bool) -> tuple[Tensor, Tensor]:
    """Predict a property of fields, and differentiate it by the value of every site.

    Args:
        model: of fields, with one output.
        field: (B, C, *L).
        create_graph: keeps the graph, so that a loss of the derivative can be differentiated.

    Returns:
        The property (B, outputs) and its derivative (B, C, *L), per volume where the distance of
        the sites is known (`DatasetInfo.spacing`): the functional derivative δE/δx.

    Example:
        >>> from ednn import EDNN
        >>> from ednn.core.subnets import FCN
        >>> model = EDNN(FCN, focus=4, context=2)
        >>> [part.shape for part in derivative(model, torch.ones(3, 1, 8, 8), create_graph=False)]
        [torch.Size([3, 1]), torch.Size([3, 1, 8, 8])]
    """
    with torch.enable_grad():
        field = field.detach().to(model.precision).requires_grad_()
        total: Tensor = model(field)
        (slope,) = torch.autograd.grad(total[:, 0].sum(), field, create_graph=create_graph)
    return total, slope / prod(model.info.spacing)


def forces_and_stress(
    model: Any, inputs: StructureBatch, names: Sequence[str], create_graph: bool
) -> tuple[Tensor, ...]:
    """Predict energies, and differentiate them by positions, by a strain, or by both.

    Args:
        model: of structures.
        inputs: structures.
        names: what is wanted, `forces` and `stress`. The stress is 1/V ∂E/∂ε for a strain ε of
            atoms and cell; V is the volume of the cell, or its area.
        create_graph: keeps the graph, so that a loss of the slopes can be differentiated.

    Returns:
        Energies (B, outputs) in eV, and in the order of the names forces (B, A, D) in eV/Å and
        stress (B, D, D) in eV/Å^D.

    Raises:
        InputError: stress is wanted of a structure that doesn't repeat in all directions.

    Example:
        >>> from ednn.core.checkpoint import pretrained
        >>> cell = torch.eye(2, dtype=torch.float64)[None] * 9
        >>> pair = StructureBatch(torch.tensor([[5, 7]]), torch.rand(1, 2, 2).double(), cell)
        >>> model, wanted = pretrained("graphene-hbn-gfn1"), ["stress", "forces"]
        >>> [part.shape[1:] for part in forces_and_stress(model, pair, wanted, create_graph=False)]
        [torch.Size([1]), torch.Size([2, 2]), torch.Size([2, 2])]
    """
    cell, by = inputs.cell, {}
    volume = _volume(cell) if "stress" in names else None
    with torch.enable_grad():
        by["forces"] = positions = inputs.positions.detach().requires_grad_()
        structures = inputs._replace(positions=positions)
        if volume is not None:
            by["stress"] = strain = torch.zeros_like(cell).requires_grad_()  # (B, D, D)
            stretch = strain + torch.eye(cell.shape[-1]).to(strain)
            structures = StructureBatch(inputs.numbers, positions @ stretch, cell @ stretch)
        energy: Tensor = model(structures)
        total = energy[:, : len(model.info.outputs)].sum()  # without features
        slopes = torch.autograd.grad(total, [by[name] for name in names], create_graph=create_graph)
    found = dict(zip(names, slopes, strict=True))
    if "forces" in names:
        found["forces"] = -found["forces"]
    if volume is not None:
        virial = found["stress"]
        found["stress"] = (virial + virial.mT) / 2 / volume[:, None, None]
    return energy, *found.values()


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
