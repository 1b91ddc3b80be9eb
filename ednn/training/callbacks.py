"""The progress bars of a training and of its test: one line each, with time left."""

from math import isinf
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar

from ednn.core.terminal import Progress


class TrainingBar(ProgressBar):
    """One bar over all training steps; a bar per epoch would flicker where epochs are short.

    Example:
        trainer = Trainer(callbacks=[TrainingBar()])  # in place of Lightning's own bar
    """

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._bar: Any = None

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        steps = trainer.estimated_stepping_batches
        self._bar = self._new("Training", "step", steps, trainer.global_step)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar = self._new("Testing", "batch", int(sum(trainer.num_test_batches)))

    def _new(self, words: str, unit: str, total: float, initial: int = 0) -> Any:
        return Progress(
            total=None if isinf(total) else total,  # max_epochs=-1 leaves it open
            initial=initial,
            desc=words,
            unit=unit,
            disable=not self._enabled,
        )

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self._bar.update(trainer.global_step - self._bar.n)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        last = "" if trainer.max_epochs == -1 else f"/{trainer.max_epochs}"
        shown = {"epoch": f"{trainer.current_epoch + 1}{last}"}
        named = {
            "loss": "train/loss",
            "val. loss": "val/loss",
            "val. mean abs. error": "val/mean_absolute_error",  # of a single output
        }
        for words, key in named.items():
            if key in trainer.callback_metrics:
                shown[words] = f"{float(trainer.callback_metrics[key]):.3g}"
        self._bar.set_postfix(shown, refresh=False)

    def on_test_batch_end(self, *_: Any) -> None:
        self._bar.update()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar.close()

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar.close()

    def on_exception(self, trainer: Trainer, *_: Any) -> None:
        if self._bar is not None:
            self._bar.close()
