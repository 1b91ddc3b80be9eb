"""The branches of a multi-scale EDNN: what each sees of a field, and one of its tiles (Fig. 7)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ednn.core.view import TiledView
from ednn.plots.style import COLOUR, number, styled, ticks

SMALLEST = 1e-12  # values of |x_k|² below it are drawn as zero


@styled
def branches(views: Sequence[TiledView]) -> Figure:
    r"""Draw a panel for each branch of a multi-scale model: the field as it sees it, and one tile.

    Of a three-dimensional field, the first plane is drawn. The tile's focus has a solid frame, the
    whole tile a dashed one.

    Args:
        views: of one field, one for each branch.

    Example:
        >>> import torch
        >>> from ednn.core.tiling import Tiling
        >>> view = TiledView("fine", torch.ones(8, 8), Tiling(2, focus=2, context=1), weight=0.5)
        >>> [axes.get_title() for axes in branches([view]).axes]
        ['fine:\nweight 0.5']
    """
    figure = Figure(figsize=(4.2 * len(views), 5.8))
    panels = figure.subplots(1, len(views), squeeze=False)[0]
    for axes, view in zip(panels, views, strict=True):
        weight = "joined by a network" if view.weight is None else f"weight {number(view.weight)}"
        axes.set_title(f"{view.name}:\n{weight}")
        _draw(axes, view)
    return figure


def _draw(axes: Axes, view: TiledView) -> None:
    """Draw one branch's field, and focus and whole of the tile in its middle."""
    seen = view.values.double().cpu().numpy()  # (*L)
    if view.space != "real":
        seen = np.fft.fftshift(seen if view.space == "complex" else np.log10(seen + SMALLEST))
    image = np.atleast_2d(seen if seen.ndim < 3 else seen[..., 0])  # (nx, ny)
    axes.imshow(image.T, origin="lower", cmap="Greys")
    axes.grid(visible=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticks(5, integer=True))
    tiling, dims = view.tiling, min(view.tiling.dims, 2)
    f = np.array([1, *tiling.focus[:dims]][-2:])
    c = np.array([0, *tiling.context[:dims]][-2:])
    corner = image.shape // f // 2 * f - 0.5
    for low, size, line, colour in (
        (corner - c, f + 2 * c, "--", COLOUR["vermilion"]),
        (corner, f, "-", COLOUR["blue"]),
    ):
        frame = Rectangle(tuple(low), *size, fill=False, ec=colour, lw=2.5, ls=line)
        axes.add_patch(frame)
        frame.set_clip_on(False)  # it may lie on the panel's border
    values = {
        "real": f"blocks of {view.coarse} sites" if view.coarse > 1 else "sites",
        "complex": r"wave vectors, Re $x_k$",
    }.get(view.space, r"wave vectors, log$_{10}$ $|x_k|^2$")
    axes.set_xlabel(f"f = {f[-1]}, c = {c[-1]}\n{values}")
