"""The heat map of a sweep over focus and context."""

import re
from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from ednn.core.info import in_words
from ednn.plots.heatmap import heatmap_on
from ednn.plots.outputs_picture import MANY
from ednn.plots.style import styled

ERROR = re.compile(r"test/(?:(.+)/)?(mean_absolute_error_per_site)")  # with its output, of several
SWEPT = ["tile.f", "tile.c"]
NAMES = ("focus f", "context c")


@styled
def heat_map(
    settings: pd.DataFrame, figures: pd.DataFrame, units: Mapping[str, str]
) -> Figure | None:
    r"""Draw the test errors of a sweep's jobs by focus and context, a panel for each output.

    Where other settings are swept, too, the least error of a focus and a context is drawn.

    Args:
        settings: of the jobs, a column for each key of the command line.
        figures: their results.
        units: of the results, as `metric_units` gives them.

    Returns:
        None if focus and context don't both vary, or of more outputs than there is room for.

    Example:
        >>> settings = pd.DataFrame({"tile.f": ["1", "2"] * 2, "tile.c": ["0", "0", "1", "1"]})
        >>> figures = pd.DataFrame({"test/mean_absolute_error_per_site": [4.0, 3.0, 2.0, 1.0]})
        >>> figure = heat_map(settings, figures, {"mean_absolute_error_per_site": "J per spin"})
        >>> [axes.get_ylabel() for axes in figure.axes]
        ['focus f', 'mean absolute test error\n(J per spin)']
    """
    errors = {name: found for name in map(str, figures) if (found := ERROR.fullmatch(name))}
    varied = [key for key in SWEPT if key in settings and settings[key].nunique() > 1]
    if varied != SWEPT or not 0 < len(errors) <= MANY:
        return None
    focus, context = (sorted(settings[key].dropna().unique(), key=_sides) for key in SWEPT)
    columns = min(len(errors), 2)  # of panels
    rows = -(-len(errors) // columns)
    figure = Figure(figsize=(6.0 * columns, 5.0 * rows))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(errors) :]:
        axes.set_axis_off()
    for axes, (name, found) in zip(panels, errors.items(), strict=False):
        least = settings.join(figures[name]).groupby(SWEPT)[name].min().unstack()
        values = least.reindex(index=focus, columns=context).to_numpy()
        unit = units.get(name.removeprefix("test/"), "")
        heatmap_on(axes, values, focus, context, NAMES, "mean absolute test error", unit)
        axes.set_title(in_words(found[1] or ""))
    return figure


def _sides(text: str) -> list[float]:
    """Return the numbers of a value as it was typed: 4, or [2,4] of two axes."""
    return [float(number) for number in re.findall(r"[\d.]+", text)]
