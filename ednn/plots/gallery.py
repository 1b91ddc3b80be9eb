"""Pictures that exist already, side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from ednn.plots.style import read, styled


@styled
def gallery(rows: Mapping[str, Sequence[Path]]) -> Figure:
    """Show the pictures of each row under the row's title."""
    columns = max(map(len, rows.values()))
    figure = Figure(figsize=(6 * columns, 5.5 * len(rows)))
    for part, (title, paths) in zip(
        figure.subfigures(len(rows), 1, squeeze=False)[:, 0], rows.items(), strict=True
    ):
        part.suptitle(title, fontsize=20, x=0.01, ha="left")
        for axes, path in zip(part.subplots(1, columns), paths, strict=False):
            axes.imshow(read(path))
        for axes in part.axes:
            axes.set_axis_off()
    return figure
