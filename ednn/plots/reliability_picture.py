"""How large errors are where a model says that it is uncertain."""

import numpy as np
from matplotlib.figure import Figure

from ednn.core.uncertainty import COVERED, half_width
from ednn.plots.style import COLOUR, label, limits, log_ticks, styled

PER_BIN = 25  # samples, at least where there are so many
MOST_BINS = 20


@styled
def reliability(deviation: np.ndarray, error: np.ndarray, unit: str) -> Figure:
    """Draw root mean squared errors against the standard deviations that a model predicts.

    Samples are binned by their deviation, as many in each bin; both axes are of the same unit, and
    logarithmic unless a value is zero. On the line, errors are as large as predicted.

    Args:
        deviation: predicted standard deviations, (N,).
        error: predicted less true values, (N,).
        unit: of both.

    Example:
        >>> reliability(np.ones(100), np.ones(100), "eV").axes[0].get_title(loc="left")
        '90 % intervals cover 100.0 % of 100 samples'
    """
    bins = int(np.clip(len(error) // PER_BIN, 1, MOST_BINS))
    parts = np.array_split(np.argsort(deviation), bins)
    predicted, found = (
        np.array([np.sqrt(np.mean(values[part] ** 2)) for part in parts])
        for values in (deviation, error)
    )
    figure = Figure(figsize=(6.5, 6.5))
    axes = figure.subplots()
    axes.plot(predicted, found, "o", color=COLOUR["blue"])
    axes.axline((0, 0), (1, 1), color="black", linewidth=1.0, linestyle="--")
    logarithmic = min(predicted.min(), found.min()) > 0
    if logarithmic:
        low, high = np.exp(limits(np.log(predicted), np.log(found)))
        axes.set(xscale="log", yscale="log")
    else:
        low, high = limits(predicted, found)
    axes.set(
        xlim=(low, high),
        ylim=(low, high),
        aspect="equal",
        xlabel=label("predicted standard deviation", unit),
        ylabel=label("root mean squared error", unit),
    )
    for axis in (axes.xaxis, axes.yaxis) if logarithmic else ():
        log_ticks(axis)
    covered = np.mean(np.abs(error) <= half_width() * deviation)
    share, count = f"{100 * covered:.1f} %", f"{len(error):,} sample{'s' * (len(error) != 1)}"
    axes.set_title(f"{100 * COVERED:.0f} % intervals cover {share} of {count}", loc="left")
    return figure
