"""Score a checkpoint on the test split of any data config."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning import Trainer
from lightning.fabric.plugins.environments import LightningEnvironment
from lightning.pytorch.callbacks import Timer
from omegaconf import DictConfig

from ednn.core.checkpoint import read_checkpoint
from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo
from ednn.core.interface import ExtensiveModel
from ednn.core.loading import as_paths, build_models
from ednn.core.shifts import check_shifts
from ednn.core.terminal import say
from ednn.data.making import make_dataset
from ednn.data.module import ExtensiveData
from ednn.runs.folder import Run, plain
from ednn.runs.results import summarise, write_results
from ednn.runs.started import started
from ednn.training.callbacks import TrainingBar
from ednn.training.finetune import require_kind, trainings
from ednn.training.lightning_fixes import quieten_lightning
from ednn.training.task import ExtensiveTask


def evaluate(cfg: DictConfig) -> None:
    """Test a checkpoint in one process and record the result like that of a run.

    Example:
        ednn evaluate ckpt_path=RUN data=ising data.L=16
    """
    quieten_lightning()
    by, count = started()
    if count > 1:
        raise InputError(f"{by} started {count} processes, but a test is one; let it start 1.")
    model, data = model_and_data(cfg.ckpt_path, cfg.data)
    check_shifts(cfg.shifts, model.info.takes)
    data.prepare_data()
    data.setup()
    if data.reading:
        say(data.reading)
    if note := data.orient(model.info):
        say(note)
    if cfg.extrapolate:
        model.values_seen = None
    else:
        data.require_seen(model.info)
    score(cfg, model, data, cfg.extrapolate)


def model_and_data(
    ckpt_path: str | Path | Sequence[str | Path], config: DictConfig
) -> tuple[ExtensiveModel, ExtensiveData]:
    """Load a model, and make the data set that it is tested on; its samples are not read yet.

    Of data with other settings than those of the training, there is a test split alone.

    Args:
        ckpt_path: one checkpoint, or those of an ensemble.
        config: of the data.

    Raises:
        InputError: the model can't be tested on these data.

    Example:
        model, data = model_and_data("RUN/checkpoints/best.ckpt", cfg.data)
        data.setup()
    """
    checkpoints = [read_checkpoint(path) for path in as_paths(ckpt_path)]
    data = make_dataset(config)
    model = build_models(checkpoints)
    require_kind(model.info, data)
    settings = _known_settings(checkpoints, data)
    if settings != data.settings:
        data.test_only(settings)
    return model, data


def _known_settings(
    checkpoints: Sequence[Mapping[str, Any]], data: ExtensiveData
) -> dict[str, Any] | None:
    """Return the settings of the training on the same samples, else of the last on such data."""
    last, *before = (
        t["settings"] if t["data"] == data.kind else None for t in _trainings(checkpoints)
    )
    known = [settings for settings in (last, *before) if settings and data.same_samples(settings)]
    return known[0] if known else last


def score(
    cfg: DictConfig, model: ExtensiveModel, data: ExtensiveData, extrapolate: bool = False
) -> None:
    """Test a model on the test split of a data set that is read, and record the result.

    Args:
        cfg: `run_dir`, `resume`, `ckpt_path`, `shifts` and `accelerator`.
        model: what predicts.
        data: of the kind that it was trained on.
        extrapolate: takes labels of another name, too.

    Raises:
        InputError: the data has other outputs than the model.

    Example:
        ednn evaluate ckpt_path=RUN data=ising data.L=16
    """
    say(f"Testing {len(data.splits['test'])} of {len(data.dataset)} samples of {data.path}")
    model.check(data.dataset.example())
    _check_outputs(model.info, data.info, extrapolate)
    task = ExtensiveTask(model, shifts=cfg.shifts)
    run = Run(cfg.run_dir)
    run.open(cfg)
    timer = Timer()
    trainer = Trainer(
        accelerator=cfg.accelerator,
        devices=1,
        callbacks=[timer, TrainingBar()],
        plugins=[LightningEnvironment()],  # a batch script has SLURM's variables, too
        logger=False,
        inference_mode=False,
    )
    trainer.test(task, data, verbose=False)
    write_results(run, model, data, task.test_columns, task.test_slopes)
    tested = {"test/samples": len(task.test_columns["sample"])}
    summary = summarise(trainer, data, {**tested, "test/seconds": timer.time_elapsed("test")})
    run.finish({"ckpt_path": plain(cfg)["ckpt_path"], "shifts": cfg.shifts, **summary})


def _trainings(checkpoints: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what data the models of checkpoints were trained on, the last first.

    Raises:
        InputError: on different ones, so that one may have seen another's test split.
    """
    first, *others = (
        [{name: training[name] for name in ("data", "settings")} for training in trainings(own)]
        for own in checkpoints
    )
    for other in others:
        if other != first:
            raise InputError(
                "The members of this ensemble were trained on different data or splits, and have "
                "no test split in common; give models of the same data settings (data.seed too)."
            )
    return first


def _check_outputs(model: DatasetInfo, data: DatasetInfo, extrapolate: bool) -> None:
    """Refuse labels that the predictions cannot be compared with, one for one.

    Those of fields may be the same property under another name, which `extrapolate` says; energies
    of two theories have no common zero.
    """
    predicted, labelled = model.names, data.names
    nameless = "energy" in (*predicted, *labelled)
    if model.takes == "structures" and not nameless and predicted != labelled:
        raise InputError(
            f"The model predicts {predicted[0]}, but the data has {labelled[0]}, and energies of "
            f"two theories have no common zero; go on from this model's weights with train.py "
            f"ckpt_path=… on that data, and evaluate the new model."
        )
    reordered = sorted(predicted) == sorted(labelled) and predicted != labelled
    if len(predicted) != len(labelled) or reordered:
        raise InputError(
            f"The model predicts {', '.join(predicted)}, but the data has {', '.join(labelled)}; "
            f"give data with the same outputs in the same order."
        )
    if model.takes == "fields" and predicted != labelled and not extrapolate:
        raise InputError(
            f"The model predicts {', '.join(predicted)}, but the labels are "
            f"{', '.join(labelled)}; give labels of that name (data.y of your own file), or "
            f"extrapolate=true if they are the same property under another name."
        )
    for ours, theirs in zip(model.outputs, data.outputs, strict=True):
        if ours.unit and theirs.unit and ours.unit != theirs.unit:
            raise InputError(
                f"The model predicts {ours.name} in {ours.unit}, but the data has {theirs.name} in "
                f"{theirs.unit}; give data of the law that the model was trained on."
            )
