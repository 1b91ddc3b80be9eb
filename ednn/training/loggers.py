"""W&B that also works with no key and no network, and TensorBoard that may not be installed."""

import os
import secrets
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

from ednn import plots
from ednn.core.files import atomic
from ednn.core.info import DatasetInfo
from ednn.core.terminal import say
from ednn.runs.about import about_checkpoint
from ednn.runs.folder import Run
from ednn.runs.units import metric_units
from ednn.training.launch import is_first_process

STEP = "trainer/global_step"  # what Lightning has W&B draw everything against
STAGING = "WANDB_DATA_DIR"  # where W&B copies models and tables, which it uploads from there
OWN_STAGING = os.environ.get(STAGING)  # of the user


def wandb_logger(save_dir: str, **options: Any) -> WandbLogger | None:
    """Log online where W&B can be reached with a login, else offline, and say where the run lies.

    WANDB_MODE=offline and disabled (None) are respected. A resumed run goes on under its id, which
    is kept beside it.

    Args:
        save_dir: folder of what W&B keeps of the run.
        **options: of `wandb.init`: project, group, name, job_type, tags, notes.

    Example:
        ednn train experiment=ising logger=wandb
    """
    import wandb  # not for those who log elsewhere

    mode = wandb.setup().settings.mode  # of WANDB_MODE, or of `wandb offline` and the like
    if mode == "disabled" or not is_first_process():
        return None
    if mode == "online" and (reason := _unreachable()):
        mode = "offline"
        say(
            f"W&B {reason}: the run is kept offline in {save_dir}/wandb; "
            f"`wandb login` and then `wandb sync {save_dir}/wandb/offline-run-*` uploads it."
        )
    if OWN_STAGING is None:  # W&B's own is in the home folder, where nobody looks
        os.environ[STAGING] = str(Path(save_dir, "wandb").absolute())
    return WandbLogger(save_dir=save_dir, mode=mode, id=_kept_id(Path(save_dir)), **options)


def _unreachable() -> str | None:
    """Say why a run can't be online; None if it can."""
    import wandb

    try:
        return None if wandb.login(prompt=False) else "has no login here"
    except wandb.Error as error:
        return f"can't be reached, or takes no such login ({str(error).splitlines()[0]})"


def _kept_id(folder: Path) -> str:
    """Return the W&B id of the run of a folder; the first sitting makes it up."""
    kept = folder / "wandb_id"
    if not kept.exists():
        with atomic(kept) as path:
            path.write_text(secrets.token_hex(4))
    return kept.read_text()


def tensorboard_logger(save_dir: str, name: str) -> TensorBoardLogger:
    """Log to TensorBoard.

    Raises:
        ModuleNotFoundError: names the module that is missing, which Lightning's own error doesn't.

    Example:
        ednn train experiment=ising logger=tensorboard
    """
    import_module("tensorboard")
    return TensorBoardLogger(save_dir, name)


def log_settings(loggers: Sequence[Logger], cfg: Mapping[str, Any], info: DatasetInfo) -> None:
    """Show a run's config, and the units of its metrics, wherever a logger can.

    Example:
        ednn train logger=wandb  # W&B finds the run by config.tile.f, config.data.L and so on
    """
    for logger in loggers:
        logger.log_hyperparams({**cfg, "units": metric_units(info)})
        if isinstance(logger, WandbLogger):  # runs are compared by the best epoch
            shown = {"step_metric": STEP, "step_sync": True, "summary": "min,last"}
            logger.experiment.define_metric("val/*", **shown)


def log_results(
    loggers: Sequence[Logger], run: Run, pictures: Sequence[Path], figures: Mapping[str, Any]
) -> None:
    """Show pictures wherever a logger can, and in W&B the figures and the model, too.

    Args:
        loggers: of the training.
        run: its folder.
        pictures: that it left.
        figures: of its summary.

    Example:
        ednn train experiment=ising logger=tensorboard  # which shows the pictures under IMAGES
    """
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            for path in pictures:
                logger.log_image(path.stem, [str(path)])
            plain = {k: v for k, v in figures.items() if not isinstance(v, Mapping)}
            logger.experiment.summary.update(
                {name: value for name, value in plain.items() if not name.startswith("val/")}
            )
            errors = {name: v for name, v in plain.items() if name.startswith("test/")}
            for alias, path in (("last", run.last), ("best", run.best)):
                if path.exists():
                    _log_model(logger, path, alias, errors if path == run.tested else {})
        elif isinstance(logger, TensorBoardLogger):
            for path in pictures:
                image = plots.read(path)  # (height, width, 3)
                logger.experiment.add_image(path.stem, image, dataformats="HWC")


def _log_model(logger: WandbLogger, path: Path, alias: str, errors: Mapping[str, Any]) -> None:
    """Keep a checkpoint in W&B as a version of the run's model, with what it is as metadata."""
    import wandb

    about = about_checkpoint(path)
    model = wandb.Artifact(
        f"model-{logger.version}", "model", about["predicts"], {**about, **errors}
    )
    model.add_file(str(path), name="model.ckpt")
    logger.experiment.log_artifact(model, aliases=[alias])
