"""What a run leaves behind for people: predictions, pictures, a summary and a short table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning import Trainer
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from matplotlib.figure import Figure
from torch import Tensor

from ednn import plots
from ednn.atomistic import AtomisticEDNN
from ednn.data.base import ExtensiveData
from ednn.files import atomic
from ednn.multiscale import MultiScale
from ednn.runs import Run, device_name
from ednn.task import ExtensiveTask


def write_results(
    run: Run, task: ExtensiveTask, data: ExtensiveData, history: pd.DataFrame | None = None
) -> list[Path]:
    """Write `predictions.csv`, `metrics.csv` and the pictures; returns the pictures' paths."""
    table = predictions(task, data)
    with atomic(run.predictions) as path:
        table.to_csv(path, index=False)
    figures = {}
    if history is not None:
        with atomic(run.metrics) as path:
            history.to_csv(path, index=False)
        figures["loss"] = plots.loss_curve(history, data.unit)
    if isinstance(task.model, AtomisticEDNN):
        figures["tiles"] = _tiles(task.model, data)
    if isinstance(task.model, MultiScale):
        field = data.dataset.inputs(torch.from_numpy(data.splits["test"][:1]))[0]  # (C, *L)
        figures["branches"] = plots.branches(task.model, field.numpy())
    for name in data.outputs:
        predicted, true = (table[c].to_numpy() for c in (f"{name}_predicted", f"{name}_true"))
        suffix = f"_{name}" if len(data.outputs) > 1 else ""
        quantity = name
        if isinstance(task.model, AtomisticEDNN):  # what the composition tells would hide the rest
            quantity = f"{name} less references"
            known = _references(task.model, data, task.test_columns["sample"].cpu())
            predicted, true = predicted - known, true - known
        unit, factor = data.site_unit
        per_site = factor / table["sites"].to_numpy()
        figures[f"parity{suffix}"] = plots.parity(
            predicted * per_site, true * per_site, unit, quantity
        )
        figures[f"error{suffix}"] = plots.error(predicted, true, data.unit, quantity)
    paths = [run.folder / f"{name}.png" for name in figures]
    for figure, path in zip(figures.values(), paths, strict=True):
        plots.save(figure, path)
    return paths


def _references(model: AtomisticEDNN, data: ExtensiveData, sample: Tensor) -> np.ndarray:
    """Return what the composition of some samples (N,) gives: the sum of their references."""
    counts = model.counts(data.dataset.inputs(sample))  # (N, species)
    return (counts @ model.references)[:, 0].numpy()


def _tiles(model: AtomisticEDNN, data: ExtensiveData) -> Figure:
    """Draw a test structure with some of its tiles (Fig. 3)."""
    structures = data.dataset.inputs(torch.from_numpy(data.splits["test"][:1]))
    field = model.field(structures)[0, 0].numpy()
    tiling = model.field_model.tiling
    nx, ny = tiling.grid(field.shape)
    marked = {(0, ny // 2), (nx // 4, ny // 4), (nx - 1, ny - 1)}
    return plots.tiles(field, structures.cell[0].tolist(), tiling, sorted(marked), "field")


def predictions(task: ExtensiveTask, data: ExtensiveData) -> pd.DataFrame:
    """Return one row per test sample: sample, sites, and each output true and predicted."""
    columns = task.test_columns
    table = pd.DataFrame({name: columns[name].cpu().numpy() for name in ("sample", "sites")})
    for i, name in enumerate(data.outputs):
        table[f"{name}_true"] = columns["target"][:, i].cpu().numpy()
        table[f"{name}_predicted"] = columns["prediction"][:, i].cpu().numpy()
    return table


def log_pictures(loggers: Sequence[Logger], pictures: Sequence[Path]) -> None:
    """Show the pictures wherever a logger can."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            for path in pictures:
                logger.log_image(path.stem, [str(path)])
        elif isinstance(logger, TensorBoardLogger):
            for path in pictures:
                image = plots.read(path)  # (height, width, 3)
                logger.experiment.add_image(path.stem, image, dataformats="HWC")


def summarise(trainer: Trainer, data: ExtensiveData, timings: Mapping[str, Any]) -> dict[str, Any]:
    """Collect a run's figures under flat keys."""
    errors = {
        name: float(value)
        for name, value in trainer.callback_metrics.items()
        if name.startswith("test/")
    }
    return {
        **errors,
        "unit": data.unit,
        "unit_per_site": data.site_unit[0],
        "test/samples": len(data.splits["test"]),
        **timings,
        "device": device_name(trainer.strategy.root_device),
        "processes": trainer.world_size,
        "data": data.describe(),
    }
