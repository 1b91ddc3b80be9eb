"""The loss of totals, and of their slopes (forces and stress): squared errors, or Huber's."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class LossOfSlopes:
    """The weighted mean squared errors of forces, and of stress times volume.

    Attributes:
        force_weight: in Å².
        stress_weight: of errors in eV.
        force_huber: error of a force's component in eV/Å beyond which the loss is Huber's; None for
            the squared error.

    Example:
        >>> from ednn.core.structure_batch import StructureBatch
        >>> atom = StructureBatch(torch.tensor([[6]]), torch.zeros(1, 1, 2), torch.eye(2)[None] * 3)
        >>> truth = torch.zeros(1, 1), torch.ones(1), torch.arange(1), torch.zeros(1, 1, 2)
        >>> batch, flat = Batch(atom, *truth, stress=torch.zeros(1, 2, 2)), torch.zeros(1, 1, 2)
        >>> LossOfSlopes(1.0, stress_weight=0.5)([flat, torch.ones(1, 2, 2)], batch).item()
        40.5
    """

    force_weight: float
    stress_weight: float = 0.0
    force_huber: float | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is anything but totals in the loss."""
        return bool(self.force_weight or self.stress_weight)

    def require_labels(self, batch: Batch) -> None:
        """Make sure that a batch has what is weighed.

        Raises:
            InputError: it hasn't.
        """
        for name, weight, label in (
            ("force", self.force_weight, batch.forces),
            ("stress", self.stress_weight, batch.stress),
        ):
            if weight and label is None:
                what = "forces" if name == "force" else name
                raise InputError(
                    f"task.{name}_weight={weight} needs {what}, which this data set has not; set "
                    f"it to 0."
                )

    def __call__(self, slopes: Sequence[Tensor], batch: Batch) -> Tensor:
        """Return the loss of predicted forces (B, A, D), and stress (B, D, D) if it has a weight.

        Args:
            slopes: what was predicted.
            batch: with the truth.
        """
        forces, *stress = slopes
        loss = forces.new_zeros(())
        if self.force_weight and batch.forces is not None:
            real = batch.inputs.numbers > 0  # (B, A)
            width = None if self.force_huber is None else forces.new_tensor(self.force_huber)
            error = loss_of_totals(forces[real], batch.forces[real], width)
            loss = loss + self.force_weight * error
        if self.stress_weight and batch.stress is not None:
            volume = torch.linalg.det(batch.inputs.cell).abs()[:, None, None]
            error = loss_of_totals(stress[0] * volume, batch.stress * volume)
            loss = loss + self.stress_weight * error
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
