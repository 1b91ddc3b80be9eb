"""The loss of totals and of their derivatives: squared errors, or Huber's."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ednn.core import normalisation
from ednn.core.errors import InputError
from ednn.core.interface import ExtensiveModel
from ednn.data.module import ExtensiveData
from ednn.data.samples import Batch

SPREAD_VALUES = 2**22  # of derivatives, which are looked at for their spread
SETTINGS = {
    "forces": "task.force_weight",
    "stress": "task.stress_weight",
    "derivative": "task.derivative_weight",
}
LABELS = {"forces": "forces", "stress": "stress", "derivative": "derivatives (data.derivative)"}


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


class LossOfSlopes:
    """The weighted mean squared errors of derivatives: of a field, forces, stress times volume.

    Args:
        weights: by the names of the derivatives. That of `forces` is in Å², that of `stress` of
            errors in eV; that of `derivative` is relative: errors count by their spread, beside
            those of the totals by theirs.
        force_huber: error of a force's component in eV/Å beyond which the loss is Huber's; None for
            the squared error.

    Example:
        >>> from ednn.core.structure_batch import StructureBatch
        >>> atom = StructureBatch(torch.tensor([[6]]), torch.zeros(1, 1, 2), torch.eye(2)[None] * 3)
        >>> truth = {"forces": torch.zeros(1, 1, 2), "stress": torch.zeros(1, 2, 2)}
        >>> batch = Batch(atom, torch.zeros(1, 1), torch.ones(1), torch.arange(1), truth)
        >>> loss = LossOfSlopes({"forces": 0.0, "stress": 0.5})
        >>> loss.wanted, loss([torch.ones(1, 2, 2)], batch).item()
        (['stress'], 40.5)
    """

    def __init__(self, weights: Mapping[str, float], force_huber: float | None = None) -> None:
        self.weights = {name: weight for name, weight in weights.items() if weight}
        self.force_huber = force_huber

    @property
    def wanted(self) -> list[str]:
        """The names of the derivatives that have a weight."""
        return list(self.weights)

    def prepare(self, model: ExtensiveModel, data: ExtensiveData) -> None:
        """Check that model and data have what is weighed, and measure spreads of the labels.

        Raises:
            InputError: one of them hasn't.
        """
        model.require_slopes(self.wanted)
        if not self.wanted:
            return
        train = torch.from_numpy(data.splits["train"])
        known = data.dataset.slopes(train[:1])
        for name in self.wanted:
            if name not in known:
                raise InputError(
                    f"{SETTINGS[name]}={self.weights[name]} needs {LABELS[name]}, which this data "
                    f"set has not, or not of all samples; remove the samples without them from "
                    f"the file, or set it to 0."
                )
        if "derivative" in self.weights:
            count = max(1, SPREAD_VALUES // known["derivative"].numel())
            some = train[torch.linspace(0, len(train) - 1, min(count, len(train))).long()]
            of_slopes = data.dataset.slopes(some)["derivative"].double().std()
            self.relative = float((spread(model, data)[0] / of_slopes) ** 2) if of_slopes else 1.0

    def __call__(self, found: Sequence[Tensor], batch: Batch) -> Tensor:
        """Return the loss of predicted derivatives, in the order of `wanted`.

        Args:
            found: what was predicted.
            batch: with the truth.
        """
        loss = batch.target.new_zeros((), dtype=found[0].dtype)
        for (name, weight), values in zip(self.weights.items(), found, strict=True):
            truth, width = batch.slopes[name], None
            if name == "forces":
                real = batch.inputs.numbers > 0  # (B, A)
                values, truth = values[real], truth[real]
                width = None if self.force_huber is None else values.new_tensor(self.force_huber)
            elif name == "stress":
                volume = torch.linalg.det(batch.inputs.cell).abs()[:, None, None]
                values, truth = values * volume, truth * volume
            else:
                weight = weight * self.relative
            loss = loss + weight * loss_of_totals(values, truth, width)
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
