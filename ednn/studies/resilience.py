"""Fig. 5: what obscured context costs, and what obscured focus."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import gaussian_filter
from torch import Tensor

from ednn.core.interface import FieldModel
from ednn.core.loading import load_structure_model
from ednn.plots.style import COLOUR, log_ticks, styled
from ednn.studies.base import Numbers, Row, Study, yes_or_no
from ednn.studies.records import read_samples

ERROR = "median absolute error (meV per atom)"
COLOURS = {"border": COLOUR["blue"], "centre": COLOUR["vermilion"]}  # of the regions of a tile
NAMES = {"border": "from the border inwards", "centre": "from the centre outwards"}
LINES = {"blur": "-", "noise": "--"}  # of what obscures


class Resilience(Study):
    """The error against the obscured area of every tile, which grows from either end.

    Args:
        train: overrides of the training, on structures.
        samples: how many test structures.
        blur: standard deviation of the Gaussian blur in Å; the noise has that of the field.
        **base: arguments of `Study`.

    Example:
        ednn study study=resilience
    """

    title = "Fig. 5: resilience to obscured context"
    claim = (
        "At the same blurred area a blurred context costs less than a blurred focus: the network "
        "has learned to ignore the context."
    )

    def __init__(self, train: Sequence[str], samples: int, blur: float, **base: Any) -> None:
        super().__init__(**base)
        self.train, self.samples, self.blur = train, samples, blur

    def measure(self) -> Numbers:
        run = self.lab.train("dft", *self.train)
        model = load_structure_model(run.best)
        test = read_samples(run, "test", self.samples)
        with torch.inference_mode():
            field = model.field(test.inputs)  # (N, C, nx, ny)
            known = model.known(test.inputs)  # (N, 1)
        tiling = model.field_model.tiling
        clean = tiling.tiles(field)  # (N, *grid, C, *window)
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
        obscured = {
            "blur": tiling.tiles(_blurred(field, self.blur / model.renderer.pixel.numpy())),
            "noise": clean + field.std() * noise,
        }
        factor = model.info.outputs[0].per_unit  # from eV to meV
        table = []
        for region, mask in _masks(tiling.window):
            for kind, tiles in obscured.items():
                energy = known + _energy(model.field_model, torch.where(mask, tiles, clean))
                error = factor * (energy - test.target)[:, 0].abs() / test.sites  # (N,)
                row = {"region": region, "kind": kind, "area": float(mask.double().mean())}
                table.append(row | {ERROR: float(error.median())})
        return {
            "table": table,
            "focus": tiling.focus,
            "context": tiling.context,
            "focus_share": float(np.prod(tiling.focus) / np.prod(tiling.window)),
            "example": clean[0, 0, 0].sum(0).tolist(),
            "blurred_example": obscured["blur"][0, 0, 0].sum(0).tolist(),
        }

    def rows(self, numbers: Numbers) -> list[Row]:
        area = numbers["focus_share"]
        rows = []
        for kind in LINES:
            border, centre = (np.interp(area, *_curve(numbers, region, kind)) for region in COLOURS)
            quantity = f"{ERROR} with {100 * area:.0f} % of every tile's area (one focus) obscured"
            rows += [
                Row(f"{quantity} by {kind}, context", "", f"{border:.3g}"),
                Row(f"{quantity} by {kind}, focus", "", f"{centre:.3g}"),
                Row(f"context costs less than focus, {kind}", "yes", yes_or_no(border < centre)),
            ]
        return rows

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        figure = Figure(figsize=(10, 12))
        panels = figure.subplot_mosaic(
            [["border", "centre"], ["errors", "errors"]], height_ratios=[1, 1.8]
        )
        for region in COLOURS:
            _draw_tile(panels[region], numbers, region)
        _draw_errors(panels["errors"], numbers)
        return figure


def _masks(window: Sequence[int]) -> Iterator[tuple[str, Tensor]]:
    """Yield what is obscured of a tile, (*window): rings of growing width, and growing centres."""
    site = torch.stack(torch.meshgrid(*map(torch.arange, window), indexing="ij"))  # (2, *window)
    side = torch.tensor(window)[:, None, None]
    depth = torch.minimum(site, side - 1 - site).amin(0)  # (*window), 0 at the border
    deepest = int(depth.max())
    for width in range(deepest + 2):
        yield "border", depth < width
    for width in range(deepest + 2):
        yield "centre", depth > deepest - width


def _blurred(field: Tensor, sigma: np.ndarray) -> Tensor:
    """Blur periodic fields (N, C, nx, ny) by a Gaussian of `sigma` pixels along each axis."""
    return torch.from_numpy(gaussian_filter(field.numpy(), (0, 0, *sigma), mode="wrap"))


@torch.inference_mode()
def _energy(model: FieldModel, tiles: Tensor) -> Tensor:
    """Predict the energies, without references, of tiles (N, *grid, C, *window): (N, 1), in eV."""
    contributions = model.block_contributions(tiles.flatten(0, 2))  # (N · tiles, 1, 1, 1)
    return contributions.double().view(len(tiles), -1).sum(1, keepdim=True)


def _curve(numbers: Numbers, region: str, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the obscured areas and the errors there."""
    table = pd.DataFrame(numbers["table"])
    curve = table[(table["region"] == region) & (table["kind"] == kind)]
    return curve["area"].to_numpy(), curve[ERROR].to_numpy()


def _draw_tile(axes: Axes, numbers: Mapping[str, Any], region: str) -> None:
    """Draw a tile of which about as much is blurred as the focus has, and the focus in it."""
    focus, context = (np.array(numbers[key]) for key in ("focus", "context"))
    mask = min(
        (mask for name, mask in _masks((focus + 2 * context).tolist()) if name == region),
        key=lambda mask: abs(float(mask.double().mean()) - numbers["focus_share"]),
    )
    tile = np.where(mask, *map(np.array, (numbers["blurred_example"], numbers["example"])))
    x, y = context - 0.5
    axes.imshow(tile.T, origin="lower", cmap="Greys")
    axes.add_patch(Rectangle((x, y), *focus, fill=False, ec=COLOUR["green"], lw=2.5))
    axes.grid(visible=False)
    axes.set_title(NAMES[region], color=COLOURS[region])
    axes.set(xlabel="x (pixels)", ylabel="y (pixels)")


def _draw_errors(axes: Axes, numbers: Numbers) -> None:
    """Draw the error against the obscured area, a line per region and kind."""
    for region, kind in product(COLOURS, LINES):
        area, error = _curve(numbers, region, kind)
        look: dict[str, Any] = {"color": COLOURS[region], "linestyle": LINES[kind], "marker": "o"}
        axes.plot(100 * area, error, label=f"{kind} {NAMES[region]}", **look)
    share = 100 * numbers["focus_share"]
    axes.axvline(share, color="black", linestyle=":")
    axes.annotate(" area of the focus", (share, 0.02), xycoords=("data", "axes fraction"))
    axes.set(yscale="log", xlabel="obscured area of every tile (%)", ylabel=ERROR)
    log_ticks(axes.yaxis)
    axes.legend()
