"""One experiment from config to run folder: data → task → fit → test → results."""

import sys

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.profilers import Profiler
from omegaconf import DictConfig

from ednn.atomistic import AtomisticEDNN
from ednn.data.base import SPLITS, ExtensiveData
from ednn.errors import InputError
from ednn.launch import is_first_process, launch, needs_processes
from ednn.lightning_fixes import AtomicCheckpoints, quieten_lightning
from ednn.results import log_pictures, summarise, write_results
from ednn.runs import Run, plain
from ednn.spec import load_weights, read_checkpoint
from ednn.speed import check_speed, speed_up
from ednn.task import ExtensiveTask

# Data settings that may change when a run is resumed: where and how the same samples are read, and
# what only generate.py looks at.
FREE = {"path", "workers", "cache", "count", "seed0", "repeat"}


def train(cfg: DictConfig) -> float | None:
    """Train, test and record one run; returns its validation loss, for a sweeper to compare."""
    hydra = HydraConfig.get()
    run = Run(cfg.run_dir)
    if run.finished and cfg.resume == "auto":
        print(f"Already finished: {run.folder}")
    else:
        _check_trainer(cfg)
        check_speed(**cfg.speed, forces=bool(cfg.task.force_weight))
        if cfg.resume == "auto" and run.last.exists():
            _check_resumed(cfg, run)
        run.open(cfg)
        if hydra.mode == RunMode.MULTIRUN:
            _use_own_gpu(cfg, hydra.job.num)
        if needs_processes(cfg):
            make_task(cfg, make_data(cfg))  # bad input ends here, in one sentence
            launch(cfg, run)
        else:
            fit(cfg, run)
    if not is_first_process():
        return None
    if cfg.fast_dev_run:
        print("fast_dev_run: one batch of everything ran; no results were recorded.")
        return None
    return run.read_summary()["val/loss"]


def fit(cfg: DictConfig, run: Run) -> None:
    """Train one model in this process, which may be one of several."""
    quieten_lightning()
    seed_everything(cfg.seed, workers=True, verbose=False)
    data = make_data(cfg)
    timer = Timer()
    trainer: Trainer = instantiate(
        cfg.trainer,
        callbacks=[*instantiate(cfg.callbacks).values(), timer],
        logger=list(instantiate(cfg.logger).values()),
        plugins=[AtomicCheckpoints()],
    )
    if cfg.trainer.profiler:
        profiler: Profiler = trainer.profiler  # type: ignore[attr-defined]
        profiler.dirpath, profiler.filename = run.folder, "profile"
    with trainer.init_module():  # in the trainer's precision, so that a resume loses no digits
        task = make_task(cfg, data)
    speed_up(task.model, **cfg.speed)
    for logger in trainer.loggers:
        logger.log_hyperparams(plain(cfg))
    resumed = run.last if cfg.resume == "auto" and run.last.exists() else None
    status = "failed"
    try:
        trainer.fit(task, datamodule=data, ckpt_path=resumed, weights_only=True)
        seconds = timer.time_elapsed("train")  # now: the test restores the timer of the best epoch
        best = None if cfg.fast_dev_run else run.best
        trainer.test(task, data, ckpt_path=best, weights_only=True, verbose=False)
        if trainer.is_global_zero and not cfg.fast_dev_run:
            _record(cfg, run, data, task, trainer, seconds)
        status = "success"
    except SystemExit as end:
        if trainer.interrupted:  # Lightning makes Ctrl-C a silent exit
            raise KeyboardInterrupt from end
        raise
    finally:
        for logger in trainer.loggers:
            logger.finalize(status)
            if isinstance(logger, WandbLogger):
                logger.experiment.finish()  # or the next job of a sweep would write into this run
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()  # or a process may abort at its very end


def make_data(cfg: DictConfig) -> ExtensiveData:
    """Make the data set of a config and read it."""
    data: ExtensiveData = instantiate(cfg.data, _convert_="all")
    data.prepare_data()
    data.setup()
    return data


def make_task(cfg: DictConfig, data: ExtensiveData) -> ExtensiveTask:
    """Make the task for some data: a standardised model, or the weights of `ckpt_path`."""
    _check_sharing(cfg, data)
    task = ExtensiveTask(
        model=data.spec(plain(cfg.model)),
        errors=data.errors(),
        **plain(cfg.task),
    )
    task.model.check(data.dataset.example())
    if cfg.standardise:
        data.standardise(task.model)
    if cfg.ckpt_path is not None:
        checkpoint = read_checkpoint(cfg.ckpt_path)
        data.require_kind(checkpoint)
        load_weights(task.model, checkpoint)
        data.adopt(task.model, checkpoint)
    return task


def _check_resumed(cfg: DictConfig, run: Run) -> None:
    """Make sure that a run goes on with its own model and data, before its record is touched."""
    started = run.read_config()
    for group in ("model", "data"):
        before, now = plain(started[group]), plain(cfg[group])
        for key in (before.keys() | now.keys()) - FREE:
            if before.get(key) != now.get(key):
                raise InputError(
                    f"The run {run.folder} was started with {group}.{key}={before.get(key)}, not "
                    f"{now.get(key)}; give the same, or start anew with another run=NAME."
                )


def _check_trainer(cfg: DictConfig) -> None:
    for name in ("max_epochs", "accumulate_grad_batches"):
        value = cfg.trainer[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(
                f"trainer.{name}={value} is not possible; give a whole number of at least 1."
            )
    if cfg.trainer.accelerator == "gpu" and not torch.accelerator.is_available():
        raise InputError(
            "This trainer wants a GPU, but torch finds none here; use trainer=cpu, or "
            "trainer=ddp_sim for two processes."
        )


def _use_own_gpu(cfg: DictConfig, job: int) -> None:
    """Give parallel sweep jobs of one GPU each a GPU of their own."""
    if cfg.trainer.accelerator == "gpu" and cfg.trainer.devices == 1:
        cfg.trainer.devices = [job % max(1, torch.cuda.device_count())]


def _check_sharing(cfg: DictConfig, data: ExtensiveData) -> None:
    """Make sure that splits and batches suit the processes and the optimizer."""
    devices = cfg.trainer.devices if isinstance(cfg.trainer.devices, int) else 1
    processes = devices * cfg.trainer.num_nodes
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
    history = run.history()
    run.write_splits(data.splits)
    pictures = write_results(run, task, data, history)
    log_pictures(trainer.loggers, pictures)
    rate = float(history["train/samples_per_second"].median())
    counted = "atoms" if isinstance(task.model, AtomisticEDNN) else "sites"
    timings = {
        "val/loss": float(history["val/loss"].min()),
        "train/epochs": trainer.max_epochs,
        "train/seconds": seconds,
        "train/samples_per_second": rate,
        f"train/{counted}_per_second": rate * float(data.dataset.sites.double().mean()),
    }
    run.finish(summarise(trainer, data, timings), plain(cfg.paper))


if __name__ == "__main__":  # one of the processes that `ednn.launch` starts
    this_run = Run(sys.argv[1])
    fit(this_run.read_config(), this_run)
