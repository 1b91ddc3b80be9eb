"""A training that diverges ends where it does so, before a checkpoint keeps what it has become."""

import math
from pathlib import Path

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from ednn.core.errors import InputError
from ednn.data.module import ExtensiveData


class StopDiverged(Callback):
    """End a training whose loss or weights are no longer finite, in all processes alike.

    Lightning's EarlyStopping(check_finite=True) would end it as a success, after the checkpoint.

    Example:
        trainer = Trainer(callbacks=[StopDiverged(), ModelCheckpoint()])
    """

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self._require_finite(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._require_finite(trainer, pl_module)

    def _require_finite(self, trainer: Trainer, pl_module: LightningModule) -> None:
        losses = {
            name: float(trainer.callback_metrics[name])  # of all processes together
            for name in ("train/loss", "val/loss")
            if name in trainer.callback_metrics
        }
        wrong = [f"{name} is {loss}" for name, loss in losses.items() if not math.isfinite(loss)]
        if not all(bool(weight.isfinite().all()) for weight in pl_module.parameters()):
            wrong.append("weights are not finite")
        if wrong:
            raise InputError(self._sentence(trainer, wrong))

    def _sentence(self, trainer: Trainer, wrong: list[str]) -> str:
        data: ExtensiveData = trainer.datamodule  # type: ignore[attr-defined]
        epoch, rate = trainer.current_epoch + 1, trainer.optimizers[0].param_groups[0]["lr"]
        last = Path(trainer.default_root_dir, "checkpoints", "last.ckpt")
        kept = f" {last} holds epoch {epoch - 1}." if last.exists() else ""
        return (
            f"The training diverged in epoch {epoch}: {' and '.join(wrong)}; start another run "
            f"with a lower task.optimizer.lr (the rate is {rate:.3g} here) or with "
            f"trainer.gradient_clip_val=1, and check the labels, the largest of which is "
            f"{float(data.dataset.labels.abs().max()):.3g}.{kept}"
        )
