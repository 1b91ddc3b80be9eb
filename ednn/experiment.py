"""One experiment from config to run folder: data → task → fit → test → results."""

import json
import logging
import sys
import warnings

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig

from ednn.data.base import ExtensiveData
from ednn.launch import launch, needs_processes
from ednn.results import log_pictures, summarise, write_results
from ednn.runs import Run, plain
from ednn.spec import load_weights, read_checkpoint
from ednn.targets import standardise
from ednn.task import ExtensiveTask


def train(cfg: DictConfig) -> float | None:
    """Train, test and record one run; returns its test error, for a sweep to compare."""
    hydra = HydraConfig.get()
    run = Run(cfg.run_dir)
    if run.finished and cfg.resume == "auto":
        print(f"Already finished: {run.folder}")
    else:
        rank_zero_only(run.open)(cfg)
        if hydra.mode == RunMode.MULTIRUN:
            _use_own_gpu(cfg, hydra.job.num)
        if needs_processes(cfg):
            launch(cfg, run)
        else:
            fit(cfg, run)
    if cfg.fast_dev_run or getattr(rank_zero_only, "rank", 0) != 0:
        return None
    return json.loads(run.summary.read_text())["test/median_absolute_error"]


def fit(cfg: DictConfig, run: Run) -> None:
    """Train one model in this process, which may be one of several."""
    _quieten_lightning()
    seed_everything(cfg.seed, workers=True, verbose=False)
    data: ExtensiveData = instantiate(cfg.data, _convert_="all")
    data.prepare_data()  # before the trainer would: the model needs the shape of the data
    data.setup()
    task = make_task(cfg, data)
    timer = Timer()
    trainer: Trainer = instantiate(
        cfg.trainer,
        callbacks=[*instantiate(cfg.callbacks).values(), timer],
        logger=list(instantiate(cfg.logger).values()),
    )
    for logger in trainer.loggers:
        logger.log_hyperparams(plain(cfg))
    resumed = run.last if cfg.resume == "auto" and run.last.exists() else None
    status = "failed"
    try:
        trainer.fit(task, datamodule=data, ckpt_path=resumed, weights_only=True)
        seconds = timer.time_elapsed("train")  # now: the test restores the timer of the best epoch
        if not cfg.fast_dev_run:
            trainer.test(task, data, ckpt_path=run.best, weights_only=True, verbose=False)
            if trainer.is_global_zero:
                _record(cfg, run, data, task, trainer, seconds)
        status = "success"
    finally:
        for logger in trainer.loggers:
            logger.finalize(status)
            if isinstance(logger, WandbLogger):
                logger.experiment.finish()  # or the next job of a sweep would write into this run


def _quieten_lightning() -> None:
    """Silence Lightning's announcements and a deprecation of its own; warnings still come."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")


def _use_own_gpu(cfg: DictConfig, job: int) -> None:
    """Give parallel sweep jobs of one GPU each a GPU of their own."""
    if cfg.trainer.accelerator == "gpu" and cfg.trainer.devices == 1:
        cfg.trainer.devices = [job % max(1, torch.cuda.device_count())]


def make_task(cfg: DictConfig, data: ExtensiveData) -> ExtensiveTask:
    """Make the task for some data: a standardised model, or the weights of `ckpt_path`."""
    task = ExtensiveTask(
        model={**plain(cfg.model), **data.geometry()},
        outputs=list(data.outputs),
        **plain(cfg.task),
    )
    task.model.check(data.dataset.fields[:1].float())
    if cfg.standardise:
        standardise(task.model, *data.train_targets())
    if cfg.ckpt_path is not None:
        load_weights(task.model, read_checkpoint(cfg.ckpt_path))
    return task


def evaluate(cfg: DictConfig) -> None:
    """Score a checkpoint on the test split of any data config."""
    _quieten_lightning()
    checkpoint = read_checkpoint(cfg.ckpt_path)
    data: ExtensiveData = instantiate(cfg.data, _convert_="all")
    if checkpoint.get(type(data).__qualname__) != data.settings:
        data.test_only()  # the model never saw this data set's training split
    data.prepare_data()
    data.setup()
    task = ExtensiveTask(**checkpoint["hyper_parameters"])
    load_weights(task.model, checkpoint)
    task.model.check(data.dataset.fields[:1].float())
    timer = Timer()
    trainer: Trainer = instantiate(cfg.trainer, callbacks=[timer], logger=False)
    trainer.test(task, data, verbose=False)
    run = Run(cfg.run_dir)
    run.open(cfg)
    write_results(run, task, data, history=None)
    summary = summarise(trainer, data, {"test/seconds": timer.time_elapsed("test")})
    run.finish({"ckpt_path": str(cfg.ckpt_path), **summary}, paper=None)


def _record(
    cfg: DictConfig,
    run: Run,
    data: ExtensiveData,
    task: ExtensiveTask,
    trainer: Trainer,
    seconds: float,
) -> None:
    for logger in trainer.loggers:
        logger.save()
    run.write_splits(data.splits)
    pictures = write_results(run, task, data, history=run.history())
    log_pictures(trainer.loggers, pictures)
    seen = trainer.max_epochs * len(data.splits["train"])  # type: ignore[operator]
    timings = {
        "train/epochs": trainer.max_epochs,
        "train/seconds": seconds,
        "train/samples_per_second": seen / seconds,
        "train/sites_per_second": seen * data.dataset.sites / seconds,
    }
    run.finish(summarise(trainer, data, timings), plain(cfg.paper))


if __name__ == "__main__":  # one of the processes that `ednn.launch` starts
    this_run = Run(sys.argv[1])
    fit(this_run.read_config(), this_run)
