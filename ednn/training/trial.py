"""A training as the trial of a sweep, which may end it before its time."""

import os
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from ednn.core.errors import InputError
from ednn.runs.trials import NAME, open_storage, training_lock

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

LOSS = "val/loss"


class ReportTrial(Callback):
    """Report every validation to the study of a sweep, and stop where its pruner says so.

    The first process reports; all stop. That a trial was pruned is in the study before the training
    stops, so that one which is killed then does not train on when it is resumed.

    Args:
        sweep: folder of the sweep.
        number: of the trial.
        run_dir: folder of the run.
        pruner: None lets every training run to its end.

    Raises:
        InputError: the training is none of a sweep.

    Example:
        ednn train -m hydra/sweeper=optuna tile.c='range(1,8)'
    """

    def __init__(
        self, sweep: str, number: int | None, run_dir: str, pruner: "BasePruner | None" = None
    ) -> None:
        if number is None:
            raise InputError(
                "hydra/sweeper=optuna is for sweeps; add -m and ranges, or leave it out."
            )
        self.sweep, self.number, self.run_dir = Path(sweep), number, Path(run_dir)
        self.pruner = pruner
        self.lock = training_lock(self.run_dir)
        self.study: Any = None  # of the first process

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage != "fit" or not trainer.is_global_zero:
            return
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.lock.acquire()
        self.storage = open_storage(self.sweep)
        self.study = optuna.load_study(study_name=NAME, storage=self.storage)
        number, of = self.number, self.storage.get_study_id_from_name(NAME)
        self.id = self.storage.get_trial_id_from_study_id_trial_number(of, number)
        self.storage.set_trial_user_attr(
            self.id, "run_dir", os.path.relpath(self.run_dir, self.sweep)
        )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop(trainer, self.study and "pruned" in self._trial().user_attrs)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loss = trainer.callback_metrics.get(LOSS)
        if trainer.sanity_checking or loss is None or not isfinite(loss):
            return
        self._stop(trainer, self.study and self._prunes(trainer, float(loss)))

    def _prunes(self, trainer: Trainer, loss: float) -> bool:
        epoch = trainer.current_epoch
        self.storage.set_trial_intermediate_value(self.id, epoch, loss)
        if self.pruner is None or epoch + 1 == trainer.max_epochs:  # nothing is saved then
            return False
        if pruned := self.pruner.prune(self.study, self._trial()):
            self.storage.set_trial_user_attr(self.id, "pruned", epoch + 1)
        return pruned

    def _trial(self) -> Any:
        return self.storage.get_trial(self.id)

    def _stop(self, trainer: Trainer, pruned: Any) -> None:
        """Stop all processes if the first one says so."""
        if trainer.strategy.reduce_boolean_decision(bool(pruned), all=False):
            trainer.should_stop = True
