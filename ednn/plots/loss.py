"""The loss against the epoch."""

from itertools import cycle

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ednn.core.info import in_words
from ednn.plots.outputs_picture import MANY
from ednn.plots.style import COLOUR, label, limits, log_ticks, styled, ticks

LONGEST = 22  # letters beside a panel of half the height
OUTPUT_COLOURS = [
    COLOUR[name] for name in ("vermilion", "green", "orange", "purple", "sky", "black")
]


@styled
def loss_curve(history: pandas.DataFrame, unit: str, loss_unit: str) -> Figure:
    """Draw the training and validation loss against the epoch, on a logarithmic axis.

    With errors in the history, a second panel shows these. Values that a logarithm cannot show are
    left out.

    Args:
        history: a run's `metrics.csv`, with gaps or not: the columns `epoch`, `train/loss` and
            `val/loss`, and for errors `val/median_absolute_error`, or of several outputs
            `val/NAME/median_absolute_error`, of many their mean. Several values in one epoch are
            averaged.
        unit: of the errors; empty for none that all outputs have.
        loss_unit: of the loss.

    Example:
        >>> history = pandas.DataFrame({"epoch": [0, 1], "train/loss": [2.0, 1.0]})
        >>> axes = loss_curve(history, "eV", "eV²").axes[0]
        >>> axes.get_ylabel(), axes.lines[0].get_xdata().tolist()
        ('loss (eV²)', [1, 2])
    """
    # Values are those at the end of an epoch: those of the first epoch are drawn at 1.
    epochs = history.groupby("epoch").mean(numeric_only=True)
    epochs.index += 1
    columns = [name for name in map(str, epochs) if name.startswith("val/")]
    errors = [name for name in columns if name.endswith("/median_absolute_error")]
    shown = epochs[errors]
    if len(errors) > MANY:
        shown = shown.mean(axis=1).to_frame(f"val/mean over {len(errors)} outputs/")
    figure = Figure(figsize=(7.0, 6.5)) if errors else Figure()
    axes = figure.subplots(2 if errors else 1, sharex=True, squeeze=False)[:, 0]

    _curve(axes[0], epochs, "train/loss", "training", COLOUR["blue"])
    _curve(axes[0], epochs, "val/loss", "validation", COLOUR["vermilion"])
    axes[0].set_ylabel(label("loss", loss_unit, LONGEST))
    if axes[0].lines:
        axes[0].legend()
    for column, colour in zip(map(str, shown), cycle(OUTPUT_COLOURS), strict=False):
        _curve(axes[1], shown, column, in_words(column.split("/")[1]), colour)
    if errors:
        axes[1].set_ylabel(label("median absolute\nerror", unit, LONGEST))
    if len(errors) > 1:
        axes[1].legend()
    axes[-1].set_xlabel("epoch")
    axes[-1].xaxis.set_major_locator(ticks(8, integer=True))
    for panel in axes:
        _number_less_than_a_decade(panel)
    figure.align_ylabels()
    return figure


def _curve(axes: Axes, epochs: pandas.DataFrame, column: str, name: str, colour: str) -> None:
    axes.set_yscale("log")
    if column not in epochs:
        return
    values = epochs[column]
    values = values[np.isfinite(values) & (values > 0)]
    if len(values):
        marker = "o" if len(values) <= 30 else None
        axes.plot(values.index, values.to_numpy(), color=colour, marker=marker, label=name)


def _number_less_than_a_decade(axes: Axes) -> None:
    """Write plain numbers on a logarithmic axis whose values span less than a decade."""
    values = np.concatenate([line.get_ydata() for line in axes.lines] or [[1.0]])
    if values.max() < 10 * values.min():
        axes.set_ylim(*np.exp(limits(np.log(values))))
        log_ticks(axes.yaxis)
