"""One experiment from config to run folder: data → task → fit → test → results."""

import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar, Timer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.profilers import Profiler
from omegaconf import DictConfig

from ednn.core.build import build_model
from ednn.core.checkpoint import read_checkpoint
from ednn.core.errors import InputError
from ednn.core.interface import ExtensiveModel
from ednn.core.precision import note_on_bfloat16
from ednn.core.terminal import plain_warnings, say
from ednn.data.making import make_dataset
from ednn.data.module import ExtensiveData
from ednn.runs.folder import Run, plain
from ednn.runs.results import summarise, write_results
from ednn.training.checks import (
    check_precision,
    check_settings,
    check_sharing,
    require_averages_kept,
    require_folders,
)
from ednn.training.finetune import info_of, prepare, start_from
from ednn.training.launch import cluster, is_first_process, launch, needs_processes, reported
from ednn.training.lightning_fixes import (
    AtomicCheckpoints,
    lightning_refusals,
    quieten_lightning,
)
from ednn.training.loggers import log_results, log_settings
from ednn.training.posterior import fit_posterior
from ednn.training.speed import speed_up
from ednn.training.task import ExtensiveTask


def train(cfg: DictConfig) -> float | None:
    """Train, test and record one run; returns its validation loss, for a sweeper to compare.

    Example:
        ednn train experiment=ising
    """
    hydra = HydraConfig.get()
    run = Run(cfg.run_dir)
    if run.finished and cfg.resume == "auto" and not _prolongs(cfg, run):
        print(f"Already finished: {run.folder}")
    else:
        check_settings(cfg, run)
        launches = needs_processes(cfg)
        run.open(cfg, is_first_process())
        if hydra.mode == RunMode.MULTIRUN:
            _use_own_gpu(cfg, hydra.job.num)
        if launches:
            with warnings.catch_warnings():  # bad input ends here, in one sentence
                warnings.simplefilter("ignore")  # the first of the processes warns
                make_model(cfg, make_data(cfg))
            launch(cfg, run)
        else:
            fit(cfg, run)
    if not is_first_process():
        return None
    if cfg.fast_dev_run:
        say("fast_dev_run: one batch of everything ran; no results were recorded.")
        return None
    return run.read_summary().get("val/loss")


def fit(cfg: DictConfig, run: Run) -> None:
    """Train one model in this process, which may be one of several.

    Example:
        python -m ednn.training.train outputs/runs/mine  # a folder that `Run.open` prepared
    """
    quieten_lightning()
    if not is_first_process():
        warnings.simplefilter("ignore")  # it warns for all
    seed_everything(cfg.seed, workers=True, verbose=False)
    data = make_data(cfg)
    if data.reading and is_first_process():
        say(data.reading)
    with lightning_refusals():
        timer = Timer(plain(cfg.trainer)["max_time"])  # Lightning adds none beside this
        trainer = _make_trainer(cfg, run, timer)
    if trainer.is_global_zero and str(trainer.precision).startswith("bf16"):
        device = trainer.strategy.root_device
        if note := note_on_bfloat16(device, "trainer.precision=32-true"):
            say(note)
    require_folders(trainer)
    require_averages_kept(trainer)
    # In the trainer's precision, so that a resume loses no digits; on the CPU, where the data are.
    with trainer.precision_plugin.tensor_init_context():
        model = make_model(cfg, data)
        task = ExtensiveTask(model, **plain(cfg.task))
    speed_up(model, **cfg.speed)
    log_settings(trainer.loggers, plain(cfg), data.info)
    resumed = run.last if cfg.resume == "auto" and run.last.exists() else None
    status = "failed"
    try:
        with lightning_refusals():
            trainer.fit(task, datamodule=data, ckpt_path=resumed, weights_only=True)
            # Now: the test restores the timer of the best epoch.
            spent = {
                "train/epochs": trainer.current_epoch,
                "train/seconds": timer.time_elapsed("train"),
            }
            if cfg.trainer.limit_test_batches != 0:
                tested = None if cfg.fast_dev_run else run.tested
                if tested is not None:
                    model.posterior = fit_posterior(trainer, data, tested)
                trainer.test(task, data, ckpt_path=tested, weights_only=True, verbose=False)
        if trainer.is_global_zero and not cfg.fast_dev_run:
            _record(cfg, run, data, task, trainer, spent)
        status = "success"
    except SystemExit as end:
        if trainer.interrupted:  # Lightning makes Ctrl-C a silent exit
            raise KeyboardInterrupt from end
        raise
    finally:
        _close(trainer, status)


def make_data(cfg: DictConfig) -> ExtensiveData:
    """Make the data set of a config and read it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from hydra import compose, initialize_config_dir
        >>> from ednn.runs.configs import CONF
        >>> sizes = [f"data.n_{split}=20" for split in ("train", "val", "test")]
        >>> words = ["data=coulomb", "data.L=4", *sizes]
        >>> with TemporaryDirectory() as temp, initialize_config_dir(str(CONF), version_base="1.3"):
        ...     data = make_data(compose("train", [*words, f"data.cache={temp}"]))
        ...     len(data.splits["train"]), data.dataset.example().shape
        (20, torch.Size([1, 1, 4, 4]))
    """
    data = make_dataset(cfg.data)
    data.prepare_data()
    data.setup()
    return data


def make_model(cfg: DictConfig, data: ExtensiveData) -> ExtensiveModel:
    """Make the model for some data: new and normalised, or with the weights of `ckpt_path`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from hydra import compose, initialize_config_dir
        >>> from ednn.runs.configs import CONF
        >>> sizes = [f"data.n_{split}=20" for split in ("train", "val", "test")]
        >>> words = ["data=coulomb", "data.L=4", *sizes, "tile.f=2", "tile.c=1"]
        >>> with TemporaryDirectory() as temp, initialize_config_dir(str(CONF), version_base="1.3"):
        ...     cfg = compose("train", [*words, f"data.cache={temp}"])
        ...     model = make_model(cfg, make_data(cfg))
        >>> model.info.names, model.tiling.window
        (('energy',), (4, 4))
    """
    check_sharing(cfg, data)
    check_precision(cfg.trainer.precision, data)
    before = None if cfg.ckpt_path is None else read_checkpoint(cfg.ckpt_path)
    if before and (note := prepare(data, before)) and is_first_process():
        say(note)
    model = build_model(plain(cfg.model), info_of(data, before))
    model.check(data.dataset.example())
    if cfg.standardise:
        samples = torch.from_numpy(data.splits["train"])
        model.fit_normalisation(
            lambda rows: data.dataset.inputs(samples[rows]),
            data.dataset.labels[samples],
            data.dataset.sites[samples],
        )
    if before:
        start_from(model, before, data)
    return model


def _prolongs(cfg: DictConfig, run: Run) -> bool:
    """Tell whether a finished run is given other limits than it had: more epochs, steps or time."""
    before = run.read_config().trainer
    limits = ("max_epochs", "max_steps", "max_time")
    return any(cfg.trainer[name] != before.get(name, cfg.trainer[name]) for name in limits)


def _make_trainer(cfg: DictConfig, run: Run, timer: Timer) -> Trainer:
    unwanted: dict[Any, Any] = {
        ProgressBar: cfg.trainer.enable_progress_bar,
        ModelCheckpoint: cfg.trainer.enable_checkpointing,
    }
    off = tuple(kind for kind, enabled in unwanted.items() if enabled is False)
    callbacks = [c for c in instantiate(cfg.callbacks).values() if c and not isinstance(c, off)]
    shown = cfg.trainer.enable_progress_bar
    if shown is None:  # Lightning would make one of its own
        shown = any(isinstance(callback, ProgressBar) for callback in callbacks)
    trainer: Trainer = instantiate(
        cfg.trainer,
        callbacks=[*callbacks, timer],
        enable_progress_bar=shown,
        logger=[logger for logger in instantiate(cfg.logger).values() if logger],
        plugins=[AtomicCheckpoints(), cluster(cfg)],
        _convert_="all",
    )
    profiler: Profiler = trainer.profiler  # type: ignore[attr-defined]
    if not isinstance(profiler, Profiler):
        raise InputError(
            f"trainer.profiler={cfg.trainer.profiler} is not possible; give simple, advanced, "
            f"pytorch or null."
        )
    if cfg.trainer.profiler:
        profiler.dirpath, profiler.filename = run.folder, "profile"
    return trainer


def _close(trainer: Trainer, status: str) -> None:
    """Close loggers and the group of processes, however the training ended."""
    for logger in trainer.loggers:
        logger.finalize(status)
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()  # or the next job of a sweep would write into this run
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()  # or a process may abort at its very end


def _use_own_gpu(cfg: DictConfig, job: int) -> None:
    """Give parallel sweep jobs of one GPU each a GPU of their own."""
    if cfg.trainer.accelerator == "gpu" and cfg.trainer.devices == 1:
        cfg.trainer.devices = [job % max(1, torch.cuda.device_count())]


def _record(
    cfg: DictConfig,
    run: Run,
    data: ExtensiveData,
    task: ExtensiveTask,
    trainer: Trainer,
    spent: dict[str, Any],
) -> None:
    for logger in trainer.loggers:
        logger.save()
    history = run.history()
    run.write_splits(data.splits)
    trained = history if len(history) else None
    figures: dict[str, Any] = {}
    pictures: list[Path] = []
    if cfg.trainer.limit_test_batches != 0:
        found = task.test_columns, task.test_slopes
        pictures = write_results(run, task.model, data, *found, trained)
        figures["test/samples"] = len(task.test_columns["sample"])
    if "val/loss" in history:
        figures["val/loss"] = float(history["val/loss"].min())
    figures |= spent
    if "train/samples_per_second" in history:
        rate = float(history["train/samples_per_second"].median())
        counted = "atoms" if data.info.takes == "structures" else "sites"
        per_second = rate * float(data.dataset.sites.double().mean())
        figures |= {"train/samples_per_second": rate, f"train/{counted}_per_second": per_second}
    summary = summarise(trainer, data, figures)
    log_results(trainer.loggers, run, pictures, summary)
    run.finish(summary, plain(cfg.paper))


if __name__ == "__main__":  # one of the processes that `ednn.training.launch` starts
    this_run = Run(sys.argv[1])
    plain_warnings()
    with reported():
        fit(this_run.read_config(), this_run)
