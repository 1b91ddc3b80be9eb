"""The errors of a run as tables: of the test, the validation and the training samples."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import torch

from ednn.core.info import Output, in_words
from ednn.core.interface import ExtensiveModel
from ednn.data.module import ExtensiveData
from ednn.runs.folder import shortened, unit_of
from ednn.training.metrics import ExtensiveErrors

SAMPLES = 256  # of the training that are predicted again
SITES = 2**20  # of all these
PER_SITE = "_per_site"
Figure = tuple[float, str]  # a number and its unit


class Error(NamedTuple):
    """A row of a table: an error of the totals, and that per site or atom.

    Example:
        >>> Error("median absolute error", (0.5, "J"), None).total
        (0.5, 'J')
    """

    what: str
    total: Figure | None
    per_site: Figure | None


class Errors(NamedTuple):
    """The errors of some samples.

    Attributes:
        of: which samples, in words.
        rows: one for each kind of error.

    Example:
        >>> Errors("Test, 264 samples", []).of
        'Test, 264 samples'
    """

    of: str
    rows: Sequence[Error]


def errors_of(
    of: str, figures: Mapping[str, float], outputs: Sequence[Output], dims: int
) -> Errors:
    """Make the table of one split.

    Args:
        of: which samples, in words.
        figures: errors by the keys of a summary, `test/[OUTPUT/]mean_absolute_error`.
        outputs: whose units they have.
        dims: of the structures.

    Example:
        >>> errors = {"test/mean_absolute_error": 3.2, "test/mean_absolute_error_per_site": 0.05}
        >>> table = errors_of("Test", errors, [Output("energy", "J", "J per spin")], dims=2)
        >>> table.rows
        [Error(what='mean absolute error', total=(3.2, 'J'), per_site=(0.05, 'J per spin'))]
    """
    named = {output.name: output for output in outputs}
    shown = shortened({key: value for key, value in figures.items() if "_error" in key})
    rows: dict[str, dict[str, Figure]] = {}
    for key, value in shown.items():
        _, *name, kind = key.split("/")
        output = named.get(name[0], outputs[0]) if name else outputs[0]
        units = {"unit": output.unit, "unit_per_site": output.unit_per_site, "dims": dims}
        what = " ".join(map(in_words, [*name, kind.removesuffix(PER_SITE)]))
        column = "per_site" if kind.endswith(PER_SITE) else "total"
        rows.setdefault(what, {})[column] = value, unit_of(key, units)
    found = [Error(what, row.get("total"), row.get("per_site")) for what, row in rows.items()]
    return Errors(of, found)


def of_validation(history: pd.DataFrame) -> dict[str, float]:
    """Return the errors of the validation at the epoch of the least loss, whose weights are tested.

    Args:
        history: the metrics of a run.

    Example:
        >>> columns = {"epoch": [0, 1], "val/loss": [1.0, 2.0], "val/mean_absolute_error": [3.0, 4]}
        >>> of_validation(pd.DataFrame(columns))["val/mean_absolute_error"]
        3.0
    """
    if "val/loss" not in history or history["val/loss"].isna().all():
        return {}
    epochs = history.groupby("epoch").mean(numeric_only=True)
    best = epochs.iloc[int(epochs["val/loss"].argmin())]
    keys = [key for key in map(str, best.index) if key.startswith("val/")]
    keys.sort(key=lambda key: (key.split("/")[1:-1], "relative" in key, "/mean" in key))
    return {key: float(best[key]) for key in keys}


def of_training(model: ExtensiveModel, data: ExtensiveData) -> tuple[int, dict[str, float]]:
    """Predict some samples of the training, evenly spaced; return their number and their errors.

    Example:
        count, errors = of_training(model, data)  # errors["train/mean_absolute_error"]
    """
    train = torch.from_numpy(data.splits["train"])
    count = min(len(train), SAMPLES, max(1, SITES // int(data.dataset.sites.max())))
    errors = ExtensiveErrors(data.info)
    some = train[torch.linspace(0, len(train) - 1, count).long()]
    for part in some.split(data.batch_size):
        batch = data.dataset.__getitems__(part.tolist())
        with torch.no_grad():
            prediction = model(batch.inputs)
        errors.update(batch.sample, batch.sites, batch.target, prediction)
    return count, {f"train/{key}": float(value) for key, value in errors.compute().items()}


def outputs_of(table: pd.DataFrame, summary: Mapping[str, Any]) -> list[Output]:
    """Tell the outputs of a run whose network isn't at hand by its predictions and its summary.

    Example:
        >>> table = pd.DataFrame({"energy_true": [1.0], "energy_predicted": [1.1]})
        >>> outputs_of(table, {"unit": "eV", "unit_per_site": "meV per atom"})[0].per_unit
        1000.0
    """
    columns = [column for column in map(str, table) if column.endswith("_true")]
    names = [column.removesuffix("_true") for column in columns]
    unit, per_site = summary.get("unit", ""), summary.get("unit_per_site", "")
    thousandth = bool(unit) and per_site.startswith(f"m{unit} ")
    return [Output(name, unit, per_site, 1000.0 if thousandth else 1.0) for name in names]
