"""A table of numbers as colours, with the numbers written in."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from ednn.plots.style import label, log_ticks


def heatmap_on(
    axes: Axes,
    values: np.ndarray,
    rows: Sequence[object],
    columns: Sequence[object],
    names: tuple[str, str],
    quantity: str,
    unit: str,
) -> None:
    """Draw a table of positive values on a logarithmic colour scale, with each value written in.

    Args:
        axes: the panel.
        values: (rows, columns); NaN stays white.
        rows: names of the rows.
        columns: names of the columns.
        names: axis labels of rows and columns.
        quantity: name of the values.
        unit: of the values.

    Example:
        >>> from matplotlib.figure import Figure
        >>> axes = Figure().subplots()
        >>> heatmap_on(axes, np.array([[1.0, 10.0]]), ["ANN"], [8, 16], ("net", "L"), "error", "J")
        >>> [text.get_text() for text in axes.texts]
        ['1', '10']
    """
    image = axes.imshow(values, cmap="cividis_r", norm=LogNorm(), aspect="auto")
    middle = np.sqrt(np.nanmin(values) * np.nanmax(values))
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value > middle else "black"
            axes.text(j, i, f"{value:.2g}", ha="center", va="center", color=colour)
    axes.set_yticks(range(len(rows)), [str(row) for row in rows])
    axes.set_xticks(range(len(columns)), [str(column) for column in columns])
    axes.set(ylabel=names[0], xlabel=names[1])
    axes.grid(visible=False)
    assert axes.figure is not None
    bar = axes.figure.colorbar(image, ax=axes, label=label(quantity, unit, longest=34))
    log_ticks(bar.ax.yaxis)
