"""What a run leaves behind for people: predictions, pictures, a summary and a short table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning import Trainer
from matplotlib.figure import Figure
from torch import Tensor

from ednn import plots
from ednn.core.files import atomic
from ednn.core.info import in_words
from ednn.core.interface import ExtensiveModel, FieldModel
from ednn.core.terminal import say
from ednn.data.module import ExtensiveData
from ednn.runs.folder import Run, device_name
from ednn.runs.learned import note_on_learning
from ednn.runs.units import metric_units

COMPONENT = {  # of what is drawn, by its name
    "derivative": "derivative",
    "forces": "component of the force",
    "stress": "component of the stress",
}
DRAWN = 20_000  # most components of derivatives in a picture
# sample (N,), sites (N,), target and prediction (N, outputs); deviation, too, where it is known
Columns = Mapping[str, Tensor]


def write_results(
    run: Run,
    model: ExtensiveModel,
    data: ExtensiveData,
    columns: Columns,
    slopes: Mapping[str, Tensor],
    history: pd.DataFrame | None = None,
) -> list[Path]:
    """Write `predictions.csv`, `metrics.csv` and the pictures; returns the pictures' paths.

    Args:
        run: the folder.
        model: what predicted.
        data: what was predicted.
        columns: of the test samples.
        slopes: components of derivatives of them, predicted and true, (n, 2), by names.
        history: the metrics of every epoch, after a training.

    Example:
        ednn evaluate ckpt_path=RUN data=ising run=mine
        ls outputs/evaluations/mine  # predictions.csv, parity.png, error.png and more
    """
    columns = {name: values.cpu() for name, values in columns.items()}
    with atomic(run.predictions) as path:
        predictions(columns, data).to_csv(path, index=False)
    # What is known without a network (the composition's part of an energy) would hide the rest.
    known = data.dataset.known(model, columns["sample"])  # (N, outputs)
    learned = {name: columns[name].double() - known for name in ("prediction", "target")}
    figures = _pictures_of_tiles(model, data)
    figures |= _pictures_of_errors(data, columns | learned, bool(known.any()))
    figures |= _pictures_of_slopes(model, data, slopes)
    if history is not None:
        with atomic(run.metrics) as path:
            history.to_csv(path, index=False)
        units = metric_units(data.info)
        shown = (units.get(name, "") for name in ("median_absolute_error", "loss"))
        figures["loss"] = plots.loss_curve(history, *shown)
        trained = history.get("train/loss", pd.Series(dtype=float)).notna()
        done = int(history["step"][trained].max()) + 1 if trained.any() else 0
        if note := note_on_learning(**learned, sites=columns["sites"], steps=done):
            say(note)
    paths = [run.folder / f"{name}.png" for name in figures]
    for figure, path in zip(figures.values(), paths, strict=True):
        plots.save(figure, path)
    return paths


def _pictures_of_tiles(model: ExtensiveModel, data: ExtensiveData) -> dict[str, Figure]:
    """Draw a test sample: atoms and some of their tiles (Fig. 3), or what several branches see."""
    views = model.views(data.dataset.inputs(torch.from_numpy(data.splits["test"][:1])))
    figures = {}
    if views[0].cell:
        figures["tiles"] = plots.tiles(views[0])
    if len(views) > 1:
        figures["branches"] = plots.branches(views)
    return figures


def _pictures_of_errors(data: ExtensiveData, columns: Columns, less: bool) -> dict[str, Figure]:
    """Draw predictions and errors of every output against the true values.

    Args:
        data: what was predicted.
        columns: of the test samples.
        less: whether reference energies are subtracted from these.
    """
    predicted, true = columns["prediction"], columns["target"]
    if len(data.info.outputs) > plots.MANY:
        return _pictures_of_many(predicted, true)
    figures = {}
    for i, output in enumerate(data.info.outputs):
        suffix = f"_{output.name}" if len(data.info.outputs) > 1 else ""
        quantity = in_words(output.name) + (" minus reference energies" if less else "")
        values = [column[:, i].numpy() for column in (predicted, true)]
        scaled = [value * output.per_unit / columns["sites"].numpy() for value in values]
        unit = output.unit_per_site
        figures[f"parity{suffix}"] = plots.parity(scaled[0], scaled[1], unit, quantity)
        figures[f"error{suffix}"] = plots.error(values[0], values[1], output.unit, quantity)
        if "deviation" in columns:
            wide = columns["deviation"][:, i].numpy() * output.per_unit / columns["sites"].numpy()
            figures[f"reliability{suffix}"] = plots.reliability(wide, scaled[0] - scaled[1], unit)
    return figures


def _pictures_of_slopes(
    model: ExtensiveModel, data: ExtensiveData, slopes: Mapping[str, Tensor]
) -> dict[str, Figure]:
    """Draw components of derivatives, and that by the field of a test sample, beside the true."""
    figures, info = {}, data.info
    units = metric_units(info)
    for name, pair in slopes.items():
        drawn = torch.randperm(len(pair), generator=torch.Generator().manual_seed(0))[:DRAWN]
        predicted, true = pair[drawn].double().numpy().T
        unit = units.get(f"mean_absolute_error_of_{name}", "")
        figures[f"parity_{name}"] = plots.parity(predicted, true, unit, COMPONENT[name])
    if "derivative" in slopes and isinstance(model, FieldModel):
        one = torch.from_numpy(data.splits["test"][:1])
        field, true = data.dataset.inputs(one), data.dataset.slopes(one)["derivative"]
        parts = field, model.derivative(field), true
        shown, predicted, truth = (part[0, 0].double().numpy() for part in parts)
        name = in_words(info.names[0])
        figures["derivative"] = plots.derivative(shown, predicted, truth, info.spacing, name)
    return figures


def _pictures_of_many(predicted: Tensor, true: Tensor) -> dict[str, Figure]:
    """Draw predictions and errors (N, outputs) of many outputs together, on a common scale."""
    mean, spread = true.mean(0), true.std(0, correction=0)
    spread = torch.where(spread > 0, spread, 1.0)
    prediction, target = (((values - mean) / spread).numpy() for values in (predicted, true))
    quantity, unit = f"standardised values of {len(mean)} outputs", "σ"
    return {
        "parity": plots.parity(prediction, target, unit, quantity),
        "error": plots.error_by_output(prediction, target, unit),
    }


def predictions(columns: Columns, data: ExtensiveData) -> pd.DataFrame:
    """Return one row per test sample: sample, sites, and each output true and predicted.

    The standard deviation of each prediction follows where it is known.

    Example:
        >>> from ednn.data.fields.ising import IsingData
        >>> shared = {"batch_size": 1, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> data = IsingData(L=2, dims=2, J=1.0, n_train=1, n_val=1, n_test=1, **shared)
        >>> columns = {"sample": torch.tensor([7]), "sites": torch.tensor([4])}
        >>> columns |= {"target": torch.tensor([[-8.0]]), "prediction": torch.tensor([[-7.5]])}
        >>> predictions(columns, data).to_dict("records")
        [{'sample': 7, 'sites': 4, 'energy_true': -8.0, 'energy_predicted': -7.5}]
    """
    table = {name: columns[name].numpy() for name in ("sample", "sites")}
    for i, output in enumerate(data.info.outputs):
        table[f"{output.name}_true"] = columns["target"][:, i].double().numpy()
        table[f"{output.name}_predicted"] = columns["prediction"][:, i].double().numpy()
        if "deviation" in columns:
            table[f"{output.name}_uncertainty"] = columns["deviation"][:, i].double().numpy()
    return pd.DataFrame(table)


def summarise(trainer: Trainer, data: ExtensiveData, timings: Mapping[str, Any]) -> dict[str, Any]:
    """Collect a run's figures under flat keys.

    Example:
        ednn evaluate ckpt_path=RUN data=ising run=mine
        cat outputs/evaluations/mine/summary.json
    """
    errors = {
        name: float(value)
        for name, value in trainer.callback_metrics.items()
        if name.startswith("test/")
    }
    return {
        **errors,
        "unit": data.info.outputs[0].unit,
        "unit_per_site": data.info.outputs[0].unit_per_site,
        "units": metric_units(data.info),
        **timings,
        "device": device_name(trainer.strategy.root_device),
        "processes": trainer.world_size,
        "data": data.describe(),
    }
