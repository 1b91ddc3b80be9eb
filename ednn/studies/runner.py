"""Run studies one after the other and write the report of all that are finished."""

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from ednn import plots
from ednn.core.errors import InputError, TrainingError
from ednn.core.files import require_writable
from ednn.core.terminal import say
from ednn.runs.folder import OUTPUTS, environment, plain, write_json
from ednn.runs.naming import folder_name
from ednn.studies.base import Numbers, Study
from ednn.studies.lab import Lab
from ednn.studies.report import write_report
from ednn.training.loggers import wandb_logger

SCALES = ("cpu", "paper")  # sections of every study's config


def run(cfg: DictConfig) -> None:
    """Run the studies of a config; one that fails doesn't keep the others from running.

    Args:
        cfg: conf/study.yaml, composed.

    Raises:
        InputError: there is no such scale, or `train` is no list.
        TrainingError: names the studies that failed.

    Example:
        ednn study study=table1  # writes outputs/paper/cpu/report.html
    """
    if cfg.scale not in SCALES:
        raise InputError(f"scale={cfg.scale} is not known; give scale={' or scale='.join(SCALES)}.")
    if not isinstance(cfg.train, ListConfig):
        raise InputError(f"train={cfg.train} is no list; give train=[KEY=VALUE,KEY=VALUE].")
    folder = OUTPUTS / folder_name("name", cfg.name)
    require_writable(folder / "report.html", "name")
    failed = []
    for name in map(str, cfg.study):
        try:
            _run_study(cfg, name, folder / name)
        except (InputError, TrainingError) as error:
            failed.append(name)
            say(f"{name} failed: {error}")
    print(f"Report: {write_report(folder)}")
    if failed:
        raise TrainingError(f"Studies failed, see above: {', '.join(failed)}.")


def study_config(study: DictConfig, scale: str) -> DictConfig:
    """Return what a study's class is made with: what its scales share, and the sizes of one.

    Args:
        study: config of one study, with a section for each of `SCALES`.
        scale: one of them.

    Returns:
        A config with neither section.

    Example:
        >>> study = OmegaConf.create({"seed": 1, "cpu": {"epochs": 5}, "paper": {"epochs": 500}})
        >>> study_config(study, "cpu")
        {'seed': 1, 'epochs': 5}
    """
    values = plain(study)
    sections = {name: values.pop(name, {}) for name in SCALES}
    return DictConfig(OmegaConf.merge(values, sections[scale]))


def described(study: Study, numbers: Numbers, started: float) -> dict[str, Any]:
    """Return what the report says of a study.

    Args:
        study: which has measured.
        numbers: what it found.
        started: reading of `time.perf_counter` when it began.

    Example:
        described(study, study.measure(), started=time.perf_counter())["rows"]
    """
    return {
        "title": study.title,
        "claim": study.claim,
        "rows": [vars(row) for row in study.rows(numbers)],
        "numbers": numbers,
        "commands": study.lab.commands,
        "seconds": time.perf_counter() - started,
        "environment": environment(),
    }


def _run_study(cfg: DictConfig, name: str, folder: Path) -> None:
    """Run one study, unless it is finished with the same settings."""
    config = study_config(cfg.study[name], cfg.scale)
    settings = {"study": plain(config), "train": list(cfg.train)}
    path, picture = folder / "result.json", folder / "picture.png"
    if path.exists() and json.loads(path.read_text())["settings"] == settings:
        print(f"Already finished: {folder}")
        return
    started = time.perf_counter()
    logger = ["logger=wandb"] if cfg.wandb else []
    lab = Lab(f"{cfg.name}/runs", folder, [*cfg.train, *logger])
    study: Study = instantiate(config, lab=lab, _convert_="all")
    numbers = study.measure()
    plots.save(study.picture(numbers), picture)
    result = {**described(study, numbers, started), "settings": settings}
    if cfg.wandb:
        _log(name, lab.name, folder, result, picture)
    write_json(path, result)  # last: it marks the study as finished
    print(f"Finished: {picture}")


def _log(name: str, group: str, folder: Path, result: dict[str, Any], picture: Path) -> None:
    """Show a study in W&B: its rows, its table and its picture, in the group of its trainings."""
    logger = wandb_logger(str(folder), project="ednn", group=group, name=name, job_type="study")
    if logger is None:
        return
    logger.log_table("rows", dataframe=pd.DataFrame(result["rows"]))
    if "table" in result["numbers"]:
        logger.log_table("table", dataframe=pd.DataFrame(result["numbers"]["table"]))
    logger.log_image("picture", [str(picture)])
    logger.experiment.finish()
