"""The posterior of a trained model's last layer: one pass over the training and validation data."""

from collections.abc import Iterator
from functools import reduce
from itertools import islice
from pathlib import Path

import torch
from lightning import Trainer
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from ednn.core.checkpoint import KEY, POSTERIOR, build_from, read_checkpoint
from ednn.core.errors import InputError
from ednn.core.interface import ExtensiveModel
from ednn.core.terminal import say
from ednn.core.uncertainty import Posterior
from ednn.data.module import ExtensiveData
from ednn.training.lightning_fixes import AtomicCheckpoints

FEW = 20  # validation samples: of fewer, one or none lies outside of the intervals that they set
MOST_FEATURES = 4096  # whose matrix takes 134 MB in the checkpoint, and a quarter of a minute


def fit_posterior(trainer: Trainer, data: ExtensiveData, path: Path) -> Posterior | None:
    """Fit the posterior of a checkpoint's model after its training, and keep it in the checkpoint.

    As many batches are seen as in an epoch and a validation of the training.

    Args:
        trainer: whose training has ended; all its processes take part.
        data: of the training.
        path: of the checkpoint, which is written anew.

    Returns:
        None if there was no validation, or if the model's features tell nothing, which is told.

    Example:
        ednn train experiment=ising  # summary.json has test/coverage_of_90_percent_intervals
    """
    epoch, validation = int(trainer.num_training_batches), int(sum(trainer.num_val_batches))
    if not validation:
        return None
    checkpoint = read_checkpoint(path)
    model = build_from(checkpoint).eval().to(trainer.strategy.root_device)
    try:
        _require_few(model)
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            parts = (f.T @ f for f, *_ in _features(trainer, model, data, "train", epoch))
            moments = reduce(torch.add, parts)  # (features, features)
            seen = list(_features(trainer, model, data, "val", validation))
        moments = torch.stack(_of_all(trainer, moments)).sum(0)
        columns = [torch.cat(_of_all(trainer, torch.cat(c))) for c in zip(*seen, strict=True)]
        posterior = Posterior.fit(moments, *columns)
    except InputError as error:
        if trainer.is_global_zero:
            say(f"How uncertain predictions are is not known: {error}")
        return None
    if trainer.is_global_zero:
        checkpoint[KEY][POSTERIOR] = posterior.to_plain()
        AtomicCheckpoints().save_checkpoint(checkpoint, path)
        if (count := len(columns[1])) < FEW:
            say(f"Uncertainties rest on {count} validation samples alone: take them as a guess.")
    return posterior


def _require_few(model: ExtensiveModel) -> None:
    """Make sure that a model has features, and few enough for a matrix of them.

    Raises:
        InputError: it hasn't.
    """
    weight = next(iter(model.feature_tensors().values()))  # (outputs + features, …)
    features = weight.shape[0] - len(model.info.outputs)
    if features > MOST_FEATURES:
        raise InputError(
            f"the last layer has {features} inputs, and the posterior of more than {MOST_FEATURES} "
            f"takes too much time and memory."
        )


def _features(
    trainer: Trainer, model: ExtensiveModel, data: ExtensiveData, split: str, batches: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield features (B, features), errors (B, outputs) and sites (B,) of a split.

    They are those of the batches of this process.
    """
    outputs = len(model.info.outputs)
    for batch in islice(data.evaluation_loader(split), batches):
        here = trainer.strategy.batch_to_device(batch)
        totals = model.with_features("forward", here.inputs)  # (B, outputs + features)
        errors = totals[:, :outputs].double() - here.target
        yield totals[:, outputs:].double(), errors, here.sites.double()


def _of_all(trainer: Trainer, values: Tensor) -> list[Tensor]:
    """Return what every process has, which may be of different lengths."""
    return gather_all_tensors(values) if trainer.world_size > 1 else [values]
