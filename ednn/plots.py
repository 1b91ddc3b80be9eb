"""The pictures of a run, all in one style: loss against epoch, predicted against true, error.

New pictures: decorate the function with `styled`, make a `Figure`, use the names in `COLOUR`, and
write the file with `save`.
"""

from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.image
import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from matplotlib.ticker import MaxNLocator

from ednn.errors import InputError
from ednn.files import atomic

# Okabe & Ito, "Color universal design" (2008): told apart with any kind of colour vision.
COLOUR = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
}

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": True,
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.labelpad": 6,
    "axes.labelsize": 16,
    "axes.linewidth": 1.0,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlepad": 12,
    "axes.titlesize": 15,
    "axes.prop_cycle": cycler(
        color=[COLOUR[name] for name in ("blue", "vermilion", "green", "orange", "purple", "sky")]
    ),
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.figsize": (7.0, 5.25),
    "font.size": 14,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "legend.fontsize": 15,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "savefig.dpi": 200,
}

styled = matplotlib.rc_context(STYLE)  # a decorator: the style holds inside the call only


@styled
def loss_curve(history: pandas.DataFrame, unit: str, loss_unit: str | None = None) -> Figure:
    """Draw the training and validation loss against the epoch, on a logarithmic axis.

    `history` is the `metrics.csv` of a run: the columns `epoch`, `train/loss` and `val/loss`, any
    of them with gaps; several values in one epoch are averaged. With `val/median_absolute_error`
    a second panel shows it in `unit`, the unit of the target. The loss is in `loss_unit`, by
    default the square of `unit`. Values that a logarithm cannot show are left out.
    """
    # An epoch's values are those after it, so the first stands at 1.
    epochs = history.groupby("epoch").mean(numeric_only=True)
    epochs.index += 1
    with_error = "val/median_absolute_error" in epochs
    figure = Figure(figsize=(7.0, 6.5)) if with_error else Figure()
    axes = figure.subplots(2 if with_error else 1, sharex=True, squeeze=False)[:, 0]

    _curve(axes[0], epochs, "train/loss", "training", COLOUR["blue"])
    _curve(axes[0], epochs, "val/loss", "validation", COLOUR["vermilion"])
    axes[0].set_ylabel(label("loss", loss_unit or (f"{unit}²" if unit else "")))
    if axes[0].lines:
        axes[0].legend()
    if with_error:
        _curve(axes[1], epochs, "val/median_absolute_error", "validation", COLOUR["vermilion"])
        axes[1].set_ylabel(label("median absolute\nerror", unit))
    axes[-1].set_xlabel("epoch")
    axes[-1].xaxis.set_major_locator(ticks(8, integer=True))
    for panel in axes:
        _at_least_a_decade(panel)
    figure.align_ylabels()
    return figure


@styled
def parity(
    prediction: np.ndarray,
    target: np.ndarray,
    unit: str,
    quantity: str,
    sites: int | np.ndarray | None = None,
    site: str = "site",
) -> Figure:
    """Draw predicted against true values, with the line on which they are equal.

    `prediction` and `target` are (N,) or (N, 1) in `unit`. With `sites`, one number of sites or
    one per example (N,), everything is per site, called `site` ("spin", "atom") in the labels.
    Raises InputError where shapes differ or values are not finite.
    """
    prediction, target, unit = _per_site(prediction, target, unit, sites, site)
    low, high = limits(prediction, target)

    figure = Figure(figsize=(6.5, 6.5))
    axes = figure.subplots()
    _points(axes, target, prediction)
    axes.axline((low, low), (high, high), color="black", linewidth=1.0, linestyle="--")
    axes.set(
        xlim=(low, high),
        ylim=(low, high),
        aspect="equal",
        xlabel=label(f"true {quantity}", unit),
        ylabel=label(f"predicted {quantity}", unit),
    )
    axes.xaxis.set_major_locator(ticks(7))
    axes.yaxis.set_major_locator(ticks(7))
    _errors_in_words(axes, prediction - target, unit)
    return figure


@styled
def error(
    prediction: np.ndarray,
    target: np.ndarray,
    unit: str,
    quantity: str,
    sites: int | np.ndarray | None = None,
    site: str = "site",
) -> Figure:
    """Draw the error (predicted − true) against the true value, its histogram at the side.

    Arguments and errors raised as in `parity`.
    """
    prediction, target, unit = _per_site(prediction, target, unit, sites, site)
    difference = prediction - target
    bound = float(np.abs(difference).max()) or 1.0

    figure = Figure(figsize=(8.0, 5.5))
    axes, side = figure.subplots(1, 2, sharey=True, width_ratios=[4, 1])
    _points(axes, target, difference)
    axes.axhline(0, color="black", linewidth=1.0, linestyle="--")
    axes.set(
        xlim=limits(target),
        ylim=(-1.1 * bound, 1.1 * bound),
        xlabel=label(f"true {quantity}", unit),
        ylabel=label("error: predicted − true", unit),
    )
    axes.xaxis.set_major_locator(ticks(7))
    _errors_in_words(axes, difference, unit)

    side.hist(
        difference,
        bins=101,  # odd: an error of zero falls inside a bin
        range=(-bound, bound),
        orientation="horizontal",
        histtype="stepfilled",
        color=COLOUR["blue"],
    )
    side.axhline(0, color="black", linewidth=1.0, linestyle="--")
    side.set_xlabel("examples")
    side.xaxis.set_major_locator(MaxNLocator(nbins=2, integer=True, min_n_ticks=1))
    side.tick_params(axis="y", length=0)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write the figure to `path` as PNG, whole or not at all."""
    with matplotlib.rc_context(STYLE), atomic(path) as temporary:
        figure.savefig(temporary, format="png")


def label(quantity: str, unit: str) -> str:
    """Return "quantity (unit)", or the quantity alone where it has no unit."""
    return f"{quantity} ({unit})" if unit else quantity


def number(value: float) -> str:
    """Return three significant digits, with a power of ten where the plain number would be long."""
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa} × $10^{{{int(exponent)}}}$" if exponent else mantissa


def ticks(count: int, integer: bool = False) -> MaxNLocator:
    """Return a locator of at most `count` intervals between round numbers."""
    return MaxNLocator(nbins=count, steps=[1, 2, 5, 10], integer=integer, min_n_ticks=1)


def limits(*values: np.ndarray) -> tuple[float, float]:
    """Return axis limits around all values, of a finite width also where they are all the same."""
    low = min(float(v.min()) for v in values)
    high = max(float(v.max()) for v in values)
    size = max(abs(low), abs(high)) or 1.0
    width = high - low
    pad = 0.05 * (width if width > 1e-9 * size else size)
    return low - pad, high + pad


def _curve(axes: Axes, epochs: pandas.DataFrame, column: str, name: str, colour: str) -> None:
    axes.set_yscale("log")
    if column not in epochs:
        return
    values = epochs[column]
    values = values[np.isfinite(values) & (values > 0)]
    if len(values):
        marker = "o" if len(values) <= 30 else None
        axes.plot(values.index, values.to_numpy(), color=colour, marker=marker, label=name)


def _at_least_a_decade(axes: Axes) -> None:
    """Widen a logarithmic axis to whole decades where its ticks would else be 1.95 × 10¹, …"""
    values = np.concatenate([line.get_ydata() for line in axes.lines] or [[1.0]])
    if values.max() < 10 * values.min():
        low = np.floor(np.log10(values.min()))
        high = max(np.ceil(np.log10(values.max())), low + 1)
        axes.set_ylim(10**low, 10**high)


def _points(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    # The more points, the smaller and fainter each: density shows as depth of colour.
    size = float(np.clip(1600 / np.sqrt(len(x)), 12, 60))
    alpha = float(np.clip(20 / np.sqrt(len(x)), 0.12, 0.9))
    axes.scatter(x, y, s=size, alpha=alpha, color=COLOUR["blue"], linewidths=0, rasterized=True)


def _errors_in_words(axes: Axes, difference: np.ndarray, unit: str) -> None:
    size = np.abs(difference)
    words = (
        f"median absolute error  {number(float(np.median(size)))} {unit}".rstrip(),
        f"mean absolute error  {number(float(size.mean()))} {unit}".rstrip(),
    )
    axes.set_title("\n".join(words), loc="left", linespacing=1.4)  # above: no point is covered


def _per_site(
    prediction: np.ndarray, target: np.ndarray, unit: str, sites: int | np.ndarray | None, site: str
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return flat prediction and target in float64, per site where `sites` is given, and unit."""
    if prediction.shape != target.shape:
        # Unequal shapes such as (N, 1) and (N,) would broadcast to (N, N) without a word.
        raise InputError(
            f"prediction has shape {prediction.shape} but target {target.shape}; "
            "give one prediction for each target."
        )
    prediction = prediction.astype(np.float64).ravel()  # (N,)
    target = target.astype(np.float64).ravel()  # (N,)
    finite = np.isfinite(prediction) & np.isfinite(target)
    if not finite.all() or not finite.size:
        raise InputError(
            f"{np.count_nonzero(~finite)} of {finite.size} values to draw are NaN or infinite; "
            "give at least one example, and finite predictions and targets."
        )
    if sites is None:
        return prediction, target, unit
    return prediction / sites, target / sites, f"{unit} per {site}".strip()


def read(path: Path) -> np.ndarray:
    """Read a picture back as (height, width, RGB) between 0 and 1."""
    return matplotlib.image.imread(path)[..., :3]
