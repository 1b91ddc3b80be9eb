"""The errors of many outputs side by side."""

import numpy as np
from matplotlib.figure import Figure

from ednn.plots.style import COLOUR, label, styled, ticks

MANY = 8  # outputs; more than so many are drawn, and told, together


@styled
def error_by_output(prediction: np.ndarray, target: np.ndarray, unit: str) -> Figure:
    """Draw median and mean absolute error of every output against its number.

    Args:
        prediction: (N, outputs) in `unit`.
        target: true values, of the same shape.
        unit: of both.

    Example:
        >>> target = np.zeros((5, 20))
        >>> error_by_output(target + 0.5, target, "eV").axes[0].get_ylabel()
        'absolute error (eV)'
    """
    size = np.abs(prediction - target)  # (N, outputs)
    figure = Figure(figsize=(8.0, 5.5))
    axes = figure.subplots()
    mean, median = size.mean(0), np.median(size, axis=0)
    for name, errors, colour in (("mean", mean, "vermilion"), ("median", median, "blue")):
        axes.plot(errors, "o", color=COLOUR[colour], markersize=4, label=name)
    axes.set(
        ylim=(0, 1.1 * float(max(mean.max(), median.max())) or 1.0),
        xlabel="number of the output",
        ylabel=label("absolute error", unit),
    )
    axes.xaxis.set_major_locator(ticks(8, integer=True))
    # Above the panel, where it covers no point.
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)
    return figure
