"""A field, and the true and the predicted derivative of its property."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ednn.plots.style import COLOUR, styled


@styled
def derivative(
    field: np.ndarray,
    prediction: np.ndarray,
    target: np.ndarray,
    spacing: Sequence[float],
    quantity: str,
) -> Figure:
    """Draw a field, the derivative of its property at every site, and the error of the prediction.

    Of a volume, the plane halfway along its last axis is drawn.

    Args:
        field: one component, (n,), (nx, ny) or (nx, ny, nz).
        prediction: of the derivative, of the same shape.
        target: the true one.
        spacing: distance of the sites along each axis; empty if it is not known.
        quantity: name of the property.

    Example:
        >>> wave = np.sin(np.linspace(0, 6, 50))
        >>> len(derivative(wave, wave, wave, spacing=[0.25], quantity="free energy").axes)
        3
    """
    if field.ndim == 3:
        field, prediction, target = (a[..., a.shape[-1] // 2] for a in (field, prediction, target))
    draw = _lines if field.ndim == 1 else _maps
    where = "position" if spacing else "position (sites)"
    steps = np.array(spacing or [1.0] * field.ndim)[: field.ndim]
    return draw(field, prediction, target, steps, where, f"derivative of the\n{quantity}")


def _lines(
    field: np.ndarray,
    prediction: np.ndarray,
    target: np.ndarray,
    steps: np.ndarray,
    where: str,
    quantity: str,
) -> Figure:
    figure = Figure(figsize=(8.0, 8.0))
    above, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=[2, 3, 2])
    x = steps[0] * np.arange(len(field))
    above.plot(x, field, color="black")
    above.set_ylabel("field")
    middle.plot(x, target, color="black", label="true")
    middle.plot(x, prediction, color=COLOUR["vermilion"], linestyle="--", label="predicted")
    middle.set_ylabel(quantity)
    middle.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    below.plot(x, prediction - target, color=COLOUR["blue"])
    below.axhline(0, color="black", linewidth=1.0, linestyle="--")
    below.set(ylabel="error", xlabel=where)
    figure.align_ylabels()
    return figure


def _maps(
    field: np.ndarray,
    prediction: np.ndarray,
    target: np.ndarray,
    steps: np.ndarray,
    where: str,
    quantity: str,
) -> Figure:
    figure = Figure(figsize=(11.0, 10.0))
    low, high = float(target.min()), float(target.max())
    bound = float(np.abs(prediction - target).max()) or 1.0
    panels: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
        "field": (field, {"cmap": "cividis"}),
        f"true {quantity}": (target, {"vmin": low, "vmax": high}),
        f"predicted {quantity}": (prediction, {"vmin": low, "vmax": high}),
        "error: predicted − true": (
            prediction - target,
            {"cmap": "RdBu_r", "vmin": -bound, "vmax": bound},
        ),
    }
    size = steps * field.shape
    for axes, (title, (values, colours)) in zip(
        figure.subplots(2, 2, sharex=True, sharey=True).flat, panels.items(), strict=True
    ):
        image = axes.imshow(values.T, origin="lower", extent=(0, size[0], 0, size[1]), **colours)
        axes.set_title(title, fontsize=14)
        axes.grid(visible=False)
        figure.colorbar(image, ax=axes, shrink=0.8)
    figure.supxlabel(where)
    figure.supylabel(where)
    return figure
