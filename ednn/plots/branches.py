"""The branches of a multi-scale EDNN: what each sees of a field, and one of its tiles (Fig. 7)."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ednn.branch import Branch
from ednn.multiscale import MultiScale
from ednn.plots.style import COLOUR, number, styled, ticks

FAINT = 1e-12  # of |x_k|², drawn as zero


@styled
def branches(model: MultiScale, field: np.ndarray) -> Figure:
    """Draw a panel for each branch of `model`: a field (C, *L) as it sees it, and a tile.

    Of several channels the first is drawn, of three dimensions the first plane. The tile's focus is
    framed in full, its whole dashed.
    """
    weights = model.weights()
    figure = Figure(figsize=(6.5 * len(weights), 7))
    panels = figure.subplots(1, len(weights), squeeze=False)[0]
    for axes, (name, branch) in zip(panels, model.named(), strict=True):
        weight = f"weight {number(weights[name])}" if weights[name] else "joined by a network"
        axes.set_title(f"{name}: {weight}")
        _draw(axes, branch, torch.from_numpy(field)[None])
    return figure


def _draw(axes: Axes, branch: Branch, field: torch.Tensor) -> None:
    with torch.no_grad():
        seen = branch.seen(field.to(branch.net.shift))[0, 0].cpu().numpy()  # (*L)
    if branch.space != "real":
        seen = np.fft.fftshift(seen if branch.space == "complex" else np.log10(seen + FAINT))
    image = np.atleast_2d(seen if seen.ndim < 3 else seen[..., 0])  # (nx, ny)
    axes.imshow(image.T, origin="lower", cmap="Greys")
    axes.grid(visible=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticks(8, integer=True))
    tiling, dims = branch.net.tiling, min(branch.net.tiling.dims, 2)
    f = np.array([1, *tiling.focus[:dims]][-2:])
    c = np.array([0, *tiling.context[:dims]][-2:])
    corner = image.shape // f // 2 * f - 0.5
    for low, size, line, colour in (
        (corner - c, f + 2 * c, "--", COLOUR["vermilion"]),
        (corner, f, "-", COLOUR["blue"]),
    ):
        axes.add_patch(Rectangle(tuple(low), *size, fill=False, ec=colour, lw=2.5, ls=line))
    what = {
        "real": f"blocks of {branch.coarse} sites" if branch.coarse > 1 else "sites",
        "complex": r"wave vectors, Re $x_k$",
    }.get(branch.space, r"wave vectors, log$_{10}$ $|x_k|^2$")
    axes.set_xlabel(f"f = {f[-1]}, c = {c[-1]} ({what})")
