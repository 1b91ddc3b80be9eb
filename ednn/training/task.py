"""The LightningModule: a loss of the sum, one step for training, validation and test."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning import LightningModule
from torch import Tensor

from ednn.core.checkpoint import KEY, describe
from ednn.core.interface import ExtensiveModel
from ednn.core.shifts import ShiftMean
from ednn.data.samples import Batch
from ednn.training.loss import SETTINGS, LossOfSlopes, loss_of_totals, spread
from ednn.training.metrics import ExtensiveErrors, SlopeErrors
from ednn.training.optimizers import make_optimizer
from ednn.training.schedule import make_scheduler, scheduler_over, stretch
from ednn.training.translation import translation_error


class ExtensiveTask(LightningModule):
    """Train a model that maps fields, or structures, to extensive properties.

    Args:
        model: what is trained; checkpoints remember what it is (`ednn.core.checkpoint`).
        optimizer: Hydra config that `make_optimizer` takes; None for a test alone.
        force_weight: weight in Å² of the mean squared error of the forces in the loss.
        stress_weight: weight of that of stress times volume, which is an energy.
        derivative_weight: weight of that of the derivative by the field in its variance, beside
            that of the totals in theirs.
        scheduler: Hydra config that `make_scheduler` takes, stepped after every batch; None for
            constant rates.
        huber_delta: error of a total beyond which the loss is Huber's, in spreads of the training
            labels less reference energies; None for the squared error.
        force_huber: the same of a component of a force, in eV/Å.
        shifts: of structures against the pixels (`even_shifts`), over which a test averages.

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
        stress_weight: float = 0.0,
        derivative_weight: float = 0.0,
        scheduler: Mapping[str, Any] | None = None,
        huber_delta: float | None = None,
        force_huber: float | None = None,
        shifts: int = 1,
    ) -> None:
        super().__init__()
        self.model = model
        self.val_errors, self.test_errors = ExtensiveErrors(model.info), ExtensiveErrors(model.info)
        self.slope_errors, self.tested = SlopeErrors(), ShiftMean(model, shifts)
        self.huber_delta = huber_delta
        weights = force_weight, stress_weight, derivative_weight
        self.loss_of_slopes = LossOfSlopes(dict(zip(SETTINGS, weights, strict=True)), force_huber)
        self.width: Tensor | None = None  # (outputs,), of Huber's loss
        self._samples, self._started = 0, 0.0
        self.optimizer_config, self.scheduler_config = optimizer, scheduler

    @property
    def _data(self) -> Any:
        return self.trainer.datamodule  # type: ignore[attr-defined]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        trained_on = {"data": self._data.kind, "settings": self._data.settings}
        trained_on["file"] = Path(self._data.path).name
        if values := self._data.dataset.values_seen:
            trained_on["values"] = values.to_plain()
        checkpoint[KEY] = describe(self.model, trained_on)

    def setup(self, stage: str) -> None:
        """Measure spreads of labels, while model and labels are both in the host's memory."""
        if stage == "fit":
            self.loss_of_slopes.prepare(self.model, self._data)
            if self.huber_delta is not None:
                self.width = self.huber_delta * spread(self.model, self._data)

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
        slopes = self.loss_of_slopes
        total, *found = self.model.with_slopes(batch.inputs, slopes.wanted, self.training)
        loss = loss_of_totals(total, batch.target, self.width)
        return (loss + slopes(found, batch) if found else loss), total

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        loss, prediction = self._loss(batch)
        self._log_loss("val", loss.detach(), batch)
        self.val_errors.update(batch.sample, batch.sites, batch.target, prediction)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        truth = {k: v for k, v in batch.slopes.items() if self.model.has_slope(k)}
        totals, *slopes = self.tested(batch.inputs, *truth)
        self.slope_errors.update(dict(zip(truth, slopes, strict=True)), truth, batch.inputs)
        prediction, deviation = self.model.split(totals)
        self.test_errors.update(batch.sample, batch.sites, batch.target, prediction, deviation)

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
        self._log_errors("test", self.slope_errors)
        self.test_slopes = {name: pair.cpu() for name, pair in self.slope_errors.pairs().items()}
        self.slope_errors.reset()
        if self.model.info.takes == "structures":  # the same in all processes
            with self.trainer.precision_plugin.forward_context():
                error = translation_error(self.tested, self._data, self.device)
            self.log("test/translation_error_per_site", error, sync_dist=True)
        with self.test_errors.sync_context():  # of all processes together
            self.test_columns = self.test_errors.columns()
        self.test_errors.reset()

    def _log_errors(self, stage: str, errors: ExtensiveErrors | SlopeErrors) -> None:
        for name, value in errors.compute().items():  # the same in all processes
            self.log(f"{stage}/{name}", value, sync_dist=True)

    def configure_optimizers(self) -> Any:
        assert self.optimizer_config is not None  # a test alone asks for none
        optimizer = make_optimizer(self.optimizer_config, self.model)
        if self.scheduler_config is None:
            return optimizer
        scheduler = make_scheduler(self.scheduler_config, optimizer, self.trainer)
        return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    def on_train_start(self) -> None:
        self._samples, self._started = 0, time.perf_counter()  # a resumed epoch doesn't start
        if self.scheduler_config is not None:
            stretch(self.trainer, scheduler_over(self.scheduler_config, self.trainer))
