"""The LightningModule: squared error on the sum, one step for training, validation and test."""

import time
from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from hydra.utils import instantiate
from lightning import LightningModule
from torch import Tensor
from torchmetrics import CatMetric

from ednn.core.checkpoint import KEY, describe
from ednn.core.errors import InputError
from ednn.core.interface import ExtensiveModel
from ednn.data.module import ExtensiveData
from ednn.data.samples import Batch
from ednn.training.metrics import ExtensiveErrors
from ednn.training.schedule import scheduler_over, stretch


class ExtensiveTask(LightningModule):
    """Train a model that maps fields, or structures, to extensive properties.

    Args:
        model: what is trained; checkpoints remember what it is (`ednn.core.checkpoint`).
        optimizer: Hydra config of a partial torch optimizer; None for a test alone.
        force_weight: weight in Å² of the mean squared error of the forces in the loss.
        scheduler: Hydra config of a partial torch scheduler, stepped after every batch; it is given
            the number of training steps where it asks for `total_steps` or `T_max`.

    Source: paper, "EDNN topology and training": the loss sees only the sum over tiles.

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> task = ExtensiveTask(EDNN(ANN, focus=1, context=1))
        >>> task.model.info.names
        ('output_0',)
    """

    def __init__(
        self,
        model: ExtensiveModel,
        optimizer: Mapping[str, Any] | None = None,
        force_weight: float = 0.0,
        scheduler: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.val_errors, self.test_errors = ExtensiveErrors(model.info), ExtensiveErrors(model.info)
        self.force_errors = CatMetric()
        self.force_weight = force_weight
        self._samples, self._started = 0, 0.0
        self.optimizer_config, self.scheduler_config = optimizer, scheduler

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        data: ExtensiveData = self.trainer.datamodule  # type: ignore[attr-defined]
        trained_on = {"data": type(data).__name__, "settings": data.settings}
        if values := data.dataset.values_seen:
            trained_on["values"] = values.to_plain()
        checkpoint[KEY] = describe(self.model, trained_on)

    def _log_loss(self, stage: str, loss: Tensor, batch: Batch) -> None:
        size = len(batch.target)
        self.log(
            f"{stage}/loss", loss, on_step=False, on_epoch=True, sync_dist=True, batch_size=size
        )

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        self._first_look = True  # L-BFGS looks at a batch many times

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss, _ = self._loss(batch)
        if self._first_look:
            self._first_look = False
            self._samples += len(batch.target) * self.trainer.world_size
            self._log_loss("train", loss, batch)
        return loss

    def _loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss and the prediction (B, outputs) of a batch."""
        if not self.force_weight:
            prediction = self.model(batch.inputs)
            return squared_error(prediction, batch.target), prediction
        if batch.forces is None:
            raise InputError(
                f"task.force_weight={self.force_weight} needs forces, which this data set has "
                f"not; set it to 0."
            )
        energy, forces = self.model.energy_and_forces(batch.inputs, create_graph=self.training)
        real = batch.inputs.numbers > 0  # (B, A)
        error = squared_error(forces[real], batch.forces[real])
        return squared_error(energy, batch.target) + self.force_weight * error, energy

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        loss, prediction = self._loss(batch)
        self._log_loss("val", loss.detach(), batch)
        self.val_errors.update(batch.sample, batch.sites, batch.target, prediction)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        if batch.forces is None:
            prediction = self.model(batch.inputs)  # (B, outputs)
        else:
            prediction, forces = self.model.energy_and_forces(batch.inputs)
            real = batch.inputs.numbers > 0  # (B, A)
            self.force_errors.update((forces - batch.forces)[real].abs())
        self.test_errors.update(batch.sample, batch.sites, batch.target, prediction)

    def on_train_epoch_start(self) -> None:
        self._samples, self._started = 0, time.perf_counter()

    def on_validation_start(self) -> None:
        self._paused = time.perf_counter()

    def on_train_epoch_end(self) -> None:
        rate = self._samples / (time.perf_counter() - self._started)
        self.log("train/samples_per_second", rate, sync_dist=True)

    def on_validation_epoch_end(self) -> None:
        self._log_errors("val", self.val_errors)
        self.val_errors.reset()

    def on_validation_end(self) -> None:
        self._started += time.perf_counter() - self._paused  # no part of the training's rate

    def on_test_epoch_end(self) -> None:
        self._log_errors("test", self.test_errors)
        if self.force_errors.update_called:
            errors = self.force_errors.compute()  # of all components of all processes
            self.log("test/median_absolute_error_of_forces", errors.median(), sync_dist=True)
            self.log("test/mean_absolute_error_of_forces", errors.mean(), sync_dist=True)
        with self.test_errors.sync_context():  # of all processes together
            self.test_columns = self.test_errors.columns()
        self.test_errors.reset()
        self.force_errors.reset()

    def _log_errors(self, stage: str, errors: ExtensiveErrors) -> None:
        for name, value in errors.compute().items():  # the same in all processes
            self.log(f"{stage}/{name}", value, sync_dist=True)

    def configure_optimizers(self) -> Any:
        optimizer = instantiate(self.optimizer_config)(self.model.parameters())
        if self.scheduler_config is None:
            return optimizer
        scheduler = scheduler_over(self.scheduler_config, self.trainer)(optimizer)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_train_start(self) -> None:
        self._samples, self._started = 0, time.perf_counter()  # a resumed epoch doesn't start
        if self.scheduler_config is not None:
            stretch(self.trainer, scheduler_over(self.scheduler_config, self.trainer))


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error of the sums, (B, outputs) both: the paper's loss.

    Example:
        >>> import torch
        >>> squared_error(torch.ones(2, 1), torch.tensor([[1.0], [3.0]])).item()
        2.0
    """
    return F.mse_loss(prediction, target.to(prediction.dtype))
