"""The loss of the totals, beyond a width Huber's, and that of their slopes: forces and stress."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ednn.core import normalisation
from ednn.core.errors import InputError
from ednn.core.interface import ExtensiveModel
from ednn.data.module import ExtensiveData
from ednn.data.samples import Batch


def loss_of_totals(prediction: Tensor, target: Tensor, width: Tensor | None = None) -> Tensor:
    """Return the mean squared error of the sums, the paper's loss, or Huber's.

    Huber's is e² up to an error e of `width`, and width · (2 |e| − width) beyond: a sample that is
    far off pulls no harder than one that is off by `width`.

    Args:
        prediction: (B, outputs), physical units.
        target: (B, outputs).
        width: of every output, (outputs,); None for the squared error of all.

    Example:
        >>> prediction, target = torch.ones(2, 1), torch.tensor([[1.0], [3.0]])
        >>> loss_of_totals(prediction, target).item()
        2.0
        >>> loss_of_totals(prediction, target, torch.tensor([0.5])).item()  # (0 + 0.5 · 3.5) / 2
        0.875
    """
    target = target.to(prediction.dtype)
    if width is None:
        return F.mse_loss(prediction, target)
    width = width.to(prediction)
    errors = F.huber_loss(prediction / width, target / width, reduction="none")  # (B, outputs)
    return (2 * width**2 * errors).mean()


def require_labels(batch: Batch, force_weight: float, stress_weight: float) -> None:
    """Make sure that a batch has what the loss weighs.

    Raises:
        InputError: it hasn't.

    Example:
        >>> batch = Batch(None, torch.zeros(1, 1), torch.ones(1), torch.arange(1))
        >>> require_labels(batch, force_weight=0.0, stress_weight=0.1)
        Traceback (most recent call last):
        ednn.core.errors.InputError: task.stress_weight=0.1 needs stress, which this data ...
    """
    for weight, label, setting, name in (
        (force_weight, batch.forces, "task.force_weight", "forces"),
        (stress_weight, batch.stress, "task.stress_weight", "stress"),
    ):
        if weight and label is None:
            raise InputError(
                f"{setting}={weight} needs {name}, which this data set has not; set it to 0."
            )


def loss_of_slopes(
    slopes: Sequence[Tensor], batch: Batch, force_weight: float, stress_weight: float
) -> Tensor:
    """Return the weighted mean squared errors of forces, and of stress times volume.

    Args:
        slopes: predicted forces (B, A, D), and stress (B, D, D) if that has a weight.
        batch: with the true ones.
        force_weight: in Å².
        stress_weight: of errors in eV.

    Example:
        >>> from ednn.core.structure_batch import StructureBatch
        >>> atom = StructureBatch(torch.tensor([[6]]), torch.zeros(1, 1, 2), torch.eye(2)[None] * 3)
        >>> truth = torch.zeros(1, 1), torch.ones(1), torch.arange(1), torch.zeros(1, 1, 2)
        >>> batch, flat = Batch(atom, *truth, stress=torch.zeros(1, 2, 2)), torch.zeros(1, 1, 2)
        >>> loss_of_slopes([flat, torch.ones(1, 2, 2)], batch, 1.0, stress_weight=0.5).item()
        40.5
    """
    forces, *stress = slopes
    loss = forces.new_zeros(())
    if force_weight and batch.forces is not None:
        real = batch.inputs.numbers > 0  # (B, A)
        loss = loss + force_weight * loss_of_totals(forces[real], batch.forces[real])
    if stress_weight and batch.stress is not None:
        volume = torch.linalg.det(batch.inputs.cell).abs()[:, None, None]
        loss = loss + stress_weight * loss_of_totals(stress[0] * volume, batch.stress * volume)
    return loss


def spread(model: ExtensiveModel, data: ExtensiveData) -> Tensor:
    """Return the standard deviation of what a model has to learn of the training labels.

    That is of the totals of each output, without reference energies; 1 where all are equal.

    Args:
        model: in the host's memory.
        data: that it is trained on.

    Returns:
        (outputs,), in double precision.

    Example:
        ednn train task.huber_delta=0.05  # which is in units of it
    """
    train = torch.from_numpy(data.splits["train"])
    rest = data.dataset.labels[train] - data.dataset.known(model, train)  # (N, outputs)
    mean, found = torch.zeros(2, rest.shape[1], dtype=torch.float64)
    normalisation.fit_shift_and_scale(mean, found, rest, torch.ones(len(rest)))
    return found
