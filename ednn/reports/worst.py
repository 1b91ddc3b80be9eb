"""The samples of a test that are predicted worst."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from ednn.core.info import Output
from ednn.data.module import ExtensiveData
from ednn.data.structures.module import StructureData
from ednn.plots import sample_picture
from ednn.plots.style import png
from ednn.reports.page import Picture

WORST = 10


class Sample(NamedTuple):
    """A sample of the test.

    Attributes:
        number: in its data set.
        true, predicted: values of the output.
        uncertainty: standard deviation of the prediction; None where it is not known.
        per_site: error divided by sites or atoms, in the unit of errors per site.
        picture: what it looks like; None where the data are not at hand.

    Example:
        >>> Sample(7, 1.0, 1.5, None, 0.1).error
        0.5
    """

    number: int
    true: float
    predicted: float
    uncertainty: float | None
    per_site: float
    picture: Picture | None = None

    @property
    def error(self) -> float:
        """Predicted less true."""
        return self.predicted - self.true


def worst_samples(table: pd.DataFrame, output: Output) -> list[Sample]:
    """Return the ten samples whose error per site is largest, the worst first.

    Args:
        table: a run's `predictions.csv`.
        output: that is compared.

    Example:
        >>> columns = {"sample": [3, 4], "sites": [2, 2], "E_true": [1.0, 1], "E_predicted": [1, 2]}
        >>> worst_samples(pd.DataFrame(columns), Output("E", "J", "J per spin"))[0].number
        4
    """
    true, predicted = (table[f"{output.name}_{kind}"] for kind in ("true", "predicted"))
    deviation = table.get(f"{output.name}_uncertainty")
    per_site = (predicted - true) / table["sites"] * output.per_unit
    order = per_site.abs().sort_values(ascending=False, kind="stable").index[:WORST]
    return [
        Sample(
            int(table["sample"][i]),
            float(true[i]),
            float(predicted[i]),
            None if deviation is None else float(deviation[i]),
            float(per_site[i]),
        )
        for i in order
    ]


def drawn(samples: Sequence[Sample], data: ExtensiveData) -> list[Sample]:
    """Return samples with a picture each.

    Args:
        samples: of the test.
        data: that is read.

    Raises:
        ModuleNotFoundError: ASE, which draws structures, is not installed.

    Example:
        drawn(worst_samples(table, output), data)[0].picture
    """
    figures = _figures([sample.number for sample in samples], data)
    return [
        sample._replace(picture=Picture(png(figure), _alt(sample, data)))
        for sample, figure in zip(samples, figures, strict=True)
    ]


def _figures(numbers: Sequence[int], data: ExtensiveData) -> list[Figure]:
    if isinstance(data, StructureData):
        return [sample_picture.structure(data.labels.structure(number)) for number in numbers]
    fields = [data.dataset.inputs(torch.tensor([number]))[0, 0].numpy() for number in numbers]
    span = float(np.min(fields)), float(np.max(fields))
    return [sample_picture.field(values, data.info.spacing, span) for values in fields]


def _alt(sample: Sample, data: ExtensiveData) -> str:
    kind = "atoms of a structure" if isinstance(data, StructureData) else "values of a field"
    fault = "high" if sample.error > 0 else "low"
    return f"Sample {sample.number}: the {kind} whose prediction is too {fault}"
