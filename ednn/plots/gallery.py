"""Existing pictures, side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from ednn.plots.style import read, styled

COLUMNS = 2


@styled
def gallery(rows: Mapping[str, Sequence[Path]]) -> Figure:
    """Show the pictures of each row under the row's title, two side by side.

    Args:
        rows: PNG files by title.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from ednn.plots.style import save
        >>> with TemporaryDirectory() as folder:
        ...     picture = Path(folder, "empty.png")
        ...     save(Figure(), picture)
        ...     figure = gallery({"the same twice": [picture, picture]})
        >>> len(figure.axes)
        2
    """
    lines = {title: -(-len(paths) // COLUMNS) for title, paths in rows.items()}
    figure = Figure(figsize=(5.5 * COLUMNS, 5 * sum(lines.values())))
    parts = figure.subfigures(len(rows), 1, squeeze=False, height_ratios=list(lines.values()))
    for part, (title, paths) in zip(parts[:, 0], rows.items(), strict=True):
        part.suptitle(title, fontsize=20, x=0.01, ha="left")
        panels = part.subplots(lines[title], COLUMNS, squeeze=False).ravel()
        for axes, path in zip(panels, paths, strict=False):
            axes.imshow(read(path))
        for axes in part.axes:
            axes.set_axis_off()
    return figure
