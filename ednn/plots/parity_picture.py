"""Predicted against true values, and the error against the true value."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ednn.core.errors import InputError
from ednn.plots.style import COLOUR, label, limits, number, styled, ticks


@styled
def parity(prediction: np.ndarray, target: np.ndarray, unit: str, quantity: str) -> Figure:
    """Draw predicted against true values, with the line on which they are equal.

    Args:
        prediction: (N,) or (N, 1) in `unit`.
        target: true values, of the same shape.
        unit: of both.
        quantity: its name.

    Raises:
        InputError: shapes differ, or a value is not finite.

    Example:
        >>> target = np.array([1.0, 2.0, 3.0])
        >>> parity(target + 0.5, target, "eV", "energy").axes[0].get_ylabel()
        'predicted energy (eV)'
    """
    figure = Figure(figsize=(6.5, 6.5))
    parity_on(figure.subplots(), prediction, target, unit, quantity)
    return figure


def parity_on(
    axes: Axes, prediction: np.ndarray, target: np.ndarray, unit: str, quantity: str
) -> None:
    """Draw what `parity` draws into a panel, with the further arguments of `parity`.

    Example:
        >>> axes = Figure().subplots()
        >>> parity_on(axes, np.array([1.0, 2.0]), np.array([1.0, 2.5]), "eV", "energy")
        >>> axes.get_title(loc="left").splitlines()[0]
        'median absolute error  0.25 eV'
    """
    prediction, target = _finite(prediction, target)
    low, high = limits(prediction, target)
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
    _write_errors(axes, prediction - target, unit)


@styled
def error(prediction: np.ndarray, target: np.ndarray, unit: str, quantity: str) -> Figure:
    """Draw the error (predicted − true) against the true value, with a histogram at the side.

    The arguments are those of `parity`.

    Example:
        >>> target = np.array([1.0, 2.0, 3.0])
        >>> len(error(target + 0.5, target, "eV", "energy").axes)
        2
    """
    figure = Figure(figsize=(8.0, 5.5))
    axes, side = figure.subplots(1, 2, sharey=True, width_ratios=[4, 1])
    difference = error_on(axes, prediction, target, unit, quantity)
    bound = _bound(difference)
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


def error_on(
    axes: Axes, prediction: np.ndarray, target: np.ndarray, unit: str, quantity: str
) -> np.ndarray:
    """Draw the error against the true value into a panel, with the further arguments of `parity`.

    Returns:
        The errors, (N,).

    Example:
        >>> target = np.array([1.0, 2.0, 3.0])
        >>> error_on(Figure().subplots(), target + 0.5, target, "eV", "energy").tolist()
        [0.5, 0.5, 0.5]
    """
    prediction, target = _finite(prediction, target)
    difference = prediction - target
    bound = _bound(difference)
    _points(axes, target, difference)
    axes.axhline(0, color="black", linewidth=1.0, linestyle="--")
    axes.set(
        xlim=limits(target),
        ylim=(-1.1 * bound, 1.1 * bound),
        xlabel=label(f"true {quantity}", unit),
        ylabel=label("error: predicted − true", unit, longest=34),
    )
    axes.xaxis.set_major_locator(ticks(7))
    _write_errors(axes, difference, unit)
    return difference


def _bound(difference: np.ndarray) -> float:
    """Return the largest absolute error; 1 if all are zero, for an axis of finite width."""
    return float(np.abs(difference).max()) or 1.0


def _points(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    # The more points, the smaller and fainter each is, so that their density is visible.
    size = float(np.clip(1600 / np.sqrt(len(x)), 12, 60))
    alpha = float(np.clip(20 / np.sqrt(len(x)), 0.12, 0.9))
    axes.scatter(x, y, s=size, alpha=alpha, color=COLOUR["blue"], linewidths=0, rasterized=True)


def _write_errors(axes: Axes, difference: np.ndarray, unit: str) -> None:
    """Write median and mean absolute error above the panel, where they cover no point."""
    size = np.abs(difference)
    lines = (
        f"median absolute error  {number(float(np.median(size)))} {unit}".rstrip(),
        f"mean absolute error  {number(float(size.mean()))} {unit}".rstrip(),
    )
    axes.set_title("\n".join(lines), loc="left", linespacing=1.4)


def _finite(prediction: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return flat prediction and target in float64.

    Raises:
        InputError: shapes differ, or a value is not finite.
    """
    if prediction.shape != target.shape:
        # Unequal shapes such as (N, 1) and (N,) would silently broadcast to (N, N).
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
    return prediction, target
