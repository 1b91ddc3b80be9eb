"""The error of a network against the number of labels that it learned from."""

import pandas
from matplotlib.figure import Figure

from ednn.plots.style import COLOUR, label, log_ticks, styled, ticks

LINES = {
    "mean_error": ("mean absolute error", "blue", "o-"),
    "median_error": ("median absolute error", "sky", "o-"),
    "largest_uncertainty": ("largest uncertainty of a label chosen next", "vermilion", "s:"),
}


@styled
def learning_curve(table: pandas.DataFrame, unit: str) -> Figure:
    """Draw errors, and the largest uncertainty of what is labelled next, against labels.

    Args:
        table: a row per round, with the columns `labels` and those of `LINES` that are known.
        unit: of the errors.

    Example:
        >>> table = pandas.DataFrame({"labels": [100, 120], "mean_error": [9.0, 6.0]})
        >>> learning_curve(table, "meV per atom").axes[0].lines[0].get_ydata().tolist()
        [9.0, 6.0]
    """
    figure = Figure()
    axes = figure.subplots()
    for name, (words, colour, look) in LINES.items():
        if name in table:
            known = table.dropna(subset=name)
            known = known[known[name] > 0]  # as a logarithm shows
            axes.plot(known["labels"], known[name], look, color=COLOUR[colour], label=words)
    axes.set(yscale="log", xlabel="labels")
    axes.set_ylabel(label("error and uncertainty of the energy", unit))
    log_ticks(axes.yaxis)
    axes.xaxis.set_major_locator(ticks(8, integer=True))
    axes.legend(fontsize=12)
    return figure
