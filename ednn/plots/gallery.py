"""Existing pictures, side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from ednn.plots.style import read, styled


@styled
def gallery(rows: Mapping[str, Sequence[Path]]) -> Figure:
    """Show the pictures of each row under the row's title.

    Args:
        rows: PNG files by title, at least two in the longest row.

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
