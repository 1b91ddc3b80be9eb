"""The loss of the totals: squared errors, and beyond a width absolute ones (Huber)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ednn.core import normalisation
from ednn.core.interface import ExtensiveModel
from ednn.data.module import ExtensiveData


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
