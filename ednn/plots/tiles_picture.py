"""A field cut into tiles, with some of them marked (paper, Fig. 3)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from ednn.core.errors import InputError
from ednn.core.tiling import Tiling
from ednn.core.view import TiledView
from ednn.plots.style import COLOUR, styled, ticks

MARK_COLOURS = [COLOUR[name] for name in ("vermilion", "blue", "green")]
LINE_WIDTH = 2.5  # points, of the frames of marked tiles


@styled
def tiles(view: TiledView, marked: Sequence[tuple[int, int]] | None = None) -> Figure:
    """Draw a field, the borders of its tiles, and focus and context of the marked tiles.

    Around the cell, the padding is drawn pale. Of a volume, it is the plane halfway along z.

    Args:
        view: values (nx, ny) at (i Lx / nx, j Ly / ny) of a cell (Lx, Ly) in Å, or (nx, ny, nz).
        marked: indices along x and y into the grid of tiles; None for three of them.

    Raises:
        InputError: a field that the tiles don't fit, or a tile outside the grid.

    Example:
        >>> import torch
        >>> from ednn.core.tiling import Tiling
        >>> tiling = Tiling(2, focus=4, context=2)
        >>> figure = tiles(TiledView("V", torch.rand(16, 16), tiling, cell=(4.0, 4.0)), [(0, 1)])
        >>> len(figure.axes[0].patches)  # focus and whole tile
        2
    """
    view, title = _halfway(view) if view.tiling.dims == 3 else (view, "")
    grid, tiling = view.tiling.grid(view.values.shape), view.tiling
    if marked is None:
        nx, ny = grid
        marked = sorted({(0, ny // 2), (nx // 4, ny // 4), (nx - 1, ny - 1)})
    _check(marked, grid)
    pixel = np.asarray(view.cell, dtype=float) / view.values.shape  # (2,) in Å
    focus, context = pixel * tiling.focus, pixel * tiling.context  # (2,) in Å
    low, high = -pixel / 2, view.cell - pixel / 2  # pixels are drawn around their points

    figure = Figure(figsize=(8.0, 7.0))
    axes = figure.subplots()
    image = _draw_field(axes, view, low, high, context)
    figure.colorbar(image, label=view.name, shrink=0.8)
    x, y = (low[k] + focus[k] * np.arange(grid[k] + 1) for k in (0, 1))  # borders of tiles
    axes.vlines(x, y[0], y[-1], color="0.6", linewidth=0.8)
    axes.hlines(y, x[0], x[-1], color="0.6", linewidth=0.8)
    for n, tile in enumerate(marked):
        corner, colour = low + focus * tile, MARK_COLOURS[n % len(MARK_COLOURS)]
        axes.add_patch(_frame(corner, focus, "-", colour))
        axes.add_patch(_frame(corner - context, focus + 2 * context, "--", colour))

    (left, bottom), (right, top) = low - 1.1 * context, high + 1.1 * context
    axes.set(xlim=(left, right), ylim=(bottom, top), xlabel="x (Å)", ylabel="y (Å)", title=title)
    axes.xaxis.set_major_locator(ticks(7))
    axes.yaxis.set_major_locator(ticks(7))
    _add_legend(figure, view, focus, context)
    return figure


def _halfway(view: TiledView) -> tuple[TiledView, str]:
    """Return the plane halfway along z of a view of a volume, and a title with its height."""
    tiling, middle = view.tiling, view.values.shape[2] // 2
    plane = Tiling(2, tiling.focus[:2], tiling.context[:2], tiling.padding)
    padded = None if view.padded is None else view.padded[..., middle + tiling.context[2]]
    values, cell = view.values[..., middle], view.cell[:2]
    height = view.cell[2] * middle / view.values.shape[2]
    title = f"Plane at z = {height:.3g} Å"
    return replace(view, values=values, tiling=plane, cell=cell, padded=padded), title


def _check(marked: Sequence[tuple[int, int]], grid: tuple[int, ...]) -> None:
    nx, ny = grid
    for tile in marked:
        if not all(0 <= i < n for i, n in zip(tile, grid, strict=True)):
            raise InputError(
                f"tile {tuple(tile)} is outside the grid of {nx} × {ny} tiles: choose "
                f"from (0, 0) to ({nx - 1}, {ny - 1})."
            )


def _draw_field(
    axes: Axes, view: TiledView, low: np.ndarray, high: np.ndarray, context: np.ndarray
) -> AxesImage:
    """Draw the padded field, pale, and the field over it; return the image of the field."""
    axes.grid(visible=False)
    field = view.values.double().numpy()  # numpy has no bfloat16
    around = view.tiling.pad(view.values) if view.padded is None else view.padded
    padded = around.double().numpy()
    for values, border, alpha in ((padded, context, 0.35), (field, 0 * context, 1.0)):
        (left, bottom), (right, top) = low - border, high + border
        image = axes.imshow(
            values.T,
            origin="lower",
            extent=(left, right, bottom, top),
            cmap="Greys",
            alpha=alpha,
            vmin=field.min(),
            vmax=field.max(),
        )
    return image


def _add_legend(figure: Figure, view: TiledView, focus: np.ndarray, context: np.ndarray) -> None:
    solid = Line2D([], [], color="black", linewidth=LINE_WIDTH, linestyle="-")
    dashed = Line2D([], [], color="black", linewidth=LINE_WIDTH, linestyle="--")
    names = [
        _size("focus f", view.tiling.focus, focus),
        _size("context c", view.tiling.context, context),
    ]
    figure.legend([solid, dashed], names, loc="outside upper center")


def _frame(corner: np.ndarray, sides: np.ndarray, style: str, colour: str) -> Rectangle:
    return Rectangle(
        (corner[0], corner[1]), *sides, fill=False, ec=colour, ls=style, lw=LINE_WIDTH, zorder=3
    )


def _size(name: str, pixels: Sequence[int], lengths: np.ndarray) -> str:
    """Return "focus f = 64 pixels (3.12 × 3.25 Å)", or "64 × 32" where the axes differ."""
    count = " × ".join(map(str, pixels if len(set(pixels)) > 1 else pixels[:1]))
    return f"{name} = {count} pixels ({lengths[0]:.3g} × {lengths[1]:.3g} Å)"
