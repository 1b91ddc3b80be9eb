"""What is refused before a training starts: settings that are impossible, or don't go together."""

import re
from collections.abc import Mapping
from importlib import import_module
from math import isfinite
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import torch
from lightning import Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, WeightAveraging
from omegaconf import DictConfig, ListConfig, OmegaConf

from ednn.core.checkpoint import read_checkpoint
from ednn.core.errors import InputError
from ednn.data.module import SPLITS, ExtensiveData
from ednn.runs.folder import Run, plain
from ednn.training.launch import wanted
from ednn.training.loss import SETTINGS
from ednn.training.speed import check_speed

DURATION = re.compile(r"\d+:\d\d:\d\d:\d\d")  # as Lightning has it
# Data settings that may change when a run is resumed: where and how the same samples are read, and
# what only generate.py looks at.
MAY_CHANGE = {"path", "workers", "cache", "count", "seed0", "repeat"}
EVERY = "check_val_every_n_epoch"
COUNTS = {"max_epochs": -1, "max_steps": -1, "accumulate_grad_batches": 1, "num_nodes": 1, EVERY: 1}
GROUPS = ("speed", "paper", "task.optimizer")  # which no setting turns off
LOGGERS = {"tensorboard", "wandb"}  # named after the packages that they need

MAX_ROUNDING = 0.02  # of the labels by half precision, relative to their spread


def check_settings(cfg: DictConfig, run: Run) -> None:
    """Make sure that a training can start, as far as its settings alone tell.

    Raises:
        InputError: a setting that is impossible here, or other than the run was started with.
        ModuleNotFoundError: the package of a logger is missing.

    Example:
        >>> cfg = DictConfig({"trainer": {"max_epochs": -2}})
        >>> check_settings(cfg, Run("outputs/runs/mine"))
        Traceback (most recent call last):
        ednn.core.errors.InputError: trainer.max_epochs=-2 is not possible; give a whole number ...
    """
    _check_groups(cfg)
    _check_trainer(cfg)
    _check_task(cfg)
    if not isinstance(cfg.ckpt_path, str | None):
        raise InputError(f"ckpt_path={cfg.ckpt_path} is no single checkpoint; give one.")
    for package in LOGGERS & set(cfg.logger):
        import_module(package)
    slopes = any(OmegaConf.select(cfg, name) for name in SETTINGS.values())
    check_speed(**cfg.speed, slopes=slopes)
    if cfg.resume == "auto" and run.last.exists():
        _check_resumed(cfg, run)
        _check_ahead(cfg, run)


def check_sharing(cfg: DictConfig, data: ExtensiveData) -> None:
    """Make sure that splits and batches suit the processes and the optimizer.

    Raises:
        InputError: an empty split, or one or a batch that can't be shared.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from hydra import compose, initialize_config_dir
        >>> from ednn.runs.configs import CONF
        >>> from ednn.training.train import make_data
        >>> sizes = [f"data.n_{split}=20" for split in SPLITS]
        >>> words = ["task=lbfgs", "data=coulomb", "data.L=4", "data.batch_size=5", *sizes]
        >>> with TemporaryDirectory() as temp, initialize_config_dir(str(CONF), version_base="1.3"):
        ...     cfg = compose("train", [*words, f"data.cache={temp}"])
        ...     check_sharing(cfg, make_data(cfg))
        Traceback (most recent call last):
        ednn.core.errors.InputError: task=lbfgs searches along the loss of all 20 training ...
    """
    processes = wanted(cfg)
    for split in SPLITS:
        data.part(split)  # refuses an empty one
        if len(data.splits[split]) < processes:
            raise InputError(
                f"The {split} split has {len(data.splits[split])} sample(s) for {processes} "
                f"processes, and each needs one; take more data or fewer trainer.devices."
            )
    batch = data.share(processes)
    examples = len(data.splits["train"])
    if cfg.task.optimizer._target_ == "torch.optim.LBFGS" and batch < examples:
        raise InputError(
            f"task=lbfgs searches along the loss of all {examples} training examples at once, not "
            f"of {batch}; set data.batch_size={examples} and trainer.devices=1, or task=adam."
        )


def check_precision(precision: Any, data: ExtensiveData) -> None:
    """Make sure that labels keep the digits that matter.

    Raises:
        InputError: Lightning would round them to half precision, by too much of their spread.

    Example:
        >>> from hydra import compose, initialize_config_dir
        >>> from ednn.runs.configs import CONF
        >>> from ednn.training.train import make_data
        >>> with initialize_config_dir(str(CONF), version_base="1.3"):
        ...     data = make_data(compose("train", ["data=dft", "data.theory=pbe"]))
        >>> check_precision("bf16-true", data)
        Traceback (most recent call last):
        ednn.core.errors.InputError: trainer.precision=bf16-true rounds the labels by ...
    """
    half = {"16-true": torch.float16, "bf16-true": torch.bfloat16}.get(precision)
    if half is None:
        return
    labels = data.dataset.labels[torch.from_numpy(data.splits["train"])].double()  # (N, outputs)
    lost = ((labels.to(half).double() - labels).square().mean(0)).sqrt()
    share = float((lost / labels.std(0, correction=0)).nan_to_num(0.0).max())
    if not share < MAX_ROUNDING:
        raise InputError(
            f"trainer.precision={precision} rounds the labels by {100 * share:.2g} % of their "
            f"spread; give bf16-mixed, which keeps all their digits, or 32-true."
        )


def require_folders(trainer: Trainer) -> None:
    """Make sure that checkpoints and logs can be written, before hours of training.

    Raises:
        OSError: names the folder that can't be used.

    Example:
        >>> require_folders(Trainer(logger=False, enable_checkpointing=False))
    """
    kept = [c.dirpath for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint)]
    for folder in (*kept, *(logger.save_dir for logger in trainer.loggers)):
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass


def require_averages_kept(trainer: Trainer) -> None:
    """Make sure that checkpoints hold the weights that are validated, where these are averages.

    Raises:
        InputError: a checkpoint of weights alone, into which Lightning writes no averages.

    Example:
        >>> require_averages_kept(Trainer(logger=False, enable_checkpointing=False))
    """
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    if not any(isinstance(callback, WeightAveraging) for callback in callbacks):
        return
    for kept in trainer.checkpoint_callbacks:
        if isinstance(kept, ModelCheckpoint) and kept.save_weights_only:
            raise InputError(
                f"{kept.filename}.ckpt would hold the weights of the last step, but averages of "
                f"them are validated; give callbacks.{kept.filename}.save_weights_only=false."
            )


def _check_resumed(cfg: DictConfig, run: Run) -> None:
    """Make sure that a run goes on with its own model and data, before its record is touched."""
    started = run.read_config()
    for group in ("model", "data", "task.optimizer", "task.scheduler"):
        if group.partition(".")[0] not in started:
            continue
        before, now = _settings(started, group), _settings(cfg, group)
        # A setting of the data that the record lacks is newer than the run, which had no choice.
        keys = before.keys() if group == "data" else before.keys() | now.keys()
        for key in sorted(keys - MAY_CHANGE, key=lambda key: (key != "_target_", key)):
            if _without_off(before.get(key)) != _without_off(now.get(key)):
                raise InputError(
                    f"The run {run.folder} was started with {group}.{key}={before.get(key)}, not "
                    f"{now.get(key)}; give the same, or start anew with another run=NAME."
                )


def _check_ahead(cfg: DictConfig, run: Run) -> None:
    """Make sure that a run that goes on isn't told to end before the place where it is."""
    done = read_checkpoint(run.last)
    for name, count in (("max_epochs", done["epoch"] + 1), ("max_steps", done["global_step"])):
        limit = cfg.trainer[name]
        if limit not in (None, -1) and limit < count:
            raise InputError(
                f"The run {run.folder} has {count} {name[4:]} behind it, more than "
                f"trainer.{name}={limit}; give at least {count}, or start anew with another "
                f"run=NAME."
            )


def _settings(cfg: DictConfig, group: str) -> dict[str, Any]:
    value = OmegaConf.select(cfg, group)
    return _named(plain(value)) if isinstance(value, DictConfig) else {}


def _named(value: Any) -> Any:
    """Return settings in which this package's classes have their own names alone.

    Modules may move from version to version; the names of the classes stay.
    """
    if not isinstance(value, Mapping):
        return value
    named = {key: _named(inner) for key, inner in value.items()}
    target = str(named.get("_target_", ""))
    return named | {"_target_": target.rpartition(".")[2]} if target.startswith("ednn.") else named


def _without_off(value: Any) -> Any:
    """Leave out switches that are off, also inside: a record that is older lacks them."""
    if not isinstance(value, Mapping):
        return value
    return {key: _without_off(inner) for key, inner in value.items() if inner is not False}


def _check_groups(cfg: DictConfig) -> None:
    """Refuse null for settings that are read one by one."""
    for group in GROUPS:
        if OmegaConf.select(cfg, group) is None:
            raise InputError(f"{group}=null is not possible; leave it out for its usual settings.")


def _check_task(cfg: DictConfig) -> None:
    """Refuse rates, weights and widths that are no numbers of a possible size."""
    rate = cfg.task.optimizer.get("lr", 0)
    if not (_is_number(rate) and rate >= 0):
        raise InputError(
            f"task.optimizer.lr={rate} is not possible; give a number of at least 0, such as 1e-3."
        )
    for name in SETTINGS.values():
        weight = OmegaConf.select(cfg, name)
        if not (_is_number(weight) and weight >= 0):
            unit = " in Å²" if name == SETTINGS["forces"] else ""
            raise InputError(
                f"{name}={weight} is not possible; give a number{unit}, 0 for none in the loss."
            )
    for name, unit in {
        "huber_delta": "units of the spread of the labels",
        "force_huber": "eV/Å",
    }.items():
        width = cfg.task.get(name)
        if width is not None and not (_is_number(width) and width > 0):
            raise InputError(
                f"task.{name}={width} is not possible; give a number above 0, in {unit}, or null "
                f"for the squared error."
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _check_trainer(cfg: DictConfig) -> None:
    unlimited = cfg.trainer.max_epochs in (None, -1)
    for name, least in COUNTS.items():
        off = (name == "max_epochs" and unlimited) or (name == EVERY and cfg.trainer[EVERY] is None)
        value = least if off else cfg.trainer[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(
                f"trainer.{name}={value} is not possible; give a whole number of at least {least}."
            )
    if unlimited and cfg.trainer.max_steps == -1 and cfg.trainer.max_time is None:
        raise InputError(
            f"trainer.max_epochs={cfg.trainer.max_epochs} never ends; add "
            f"trainer.max_time=DD:HH:MM:SS or trainer.max_steps=N, or give a number of epochs."
        )
    time = cfg.trainer.max_time
    if isinstance(time, int | float | ListConfig) or (
        isinstance(time, str) and not DURATION.fullmatch(time)
    ):
        raise InputError(
            f"trainer.max_time={time} is not possible; give days, hours, minutes and seconds as "
            f"DD:HH:MM:SS, such as 00:12:00:00."
        )
    anomaly = cfg.trainer.detect_anomaly
    if not isinstance(anomaly, bool):
        raise InputError(f"trainer.detect_anomaly={anomaly} is not possible; give true or false.")
    if cfg.trainer.val_check_interval == 0:
        raise InputError("trainer.val_check_interval=0 is not possible; give 1 or more batches.")
    if cfg.trainer.barebones:
        raise InputError("trainer.barebones=true leaves nothing to record of a run; leave it out.")
    if cfg.trainer.accelerator == "gpu" and not torch.accelerator.is_available():
        raise InputError(
            "This trainer wants a GPU, but torch finds none here; use trainer=cpu, or "
            "trainer=ddp_sim for two processes."
        )
