"""Fig. 5: what obscured context costs, and what obscured focus."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import gaussian_filter
from torch import Tensor

from ednn.core.checkpoint import load_structure_model
from ednn.core.model import EDNN
from ednn.plots.style import COLOUR, styled
from ednn.studies.base import Numbers, Row, Study, yes
from ednn.training.train import make_data

ERROR = "median absolute error (meV per atom)"
COLOURS = {"border": COLOUR["blue"], "centre": COLOUR["vermilion"]}
NAMES = {"border": "from the border inwards", "centre": "from the centre outwards"}
LINES = {"blur": "-", "noise": "--"}


class Resilience(Study):
    """The error against the obscured area of every tile, which grows from either end.

    Args:
        train: overrides of the training, on structures.
        samples: how many test structures.
        blur: standard deviation of the Gaussian blur in Å; the noise has that of the field.
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
        data = make_data(run.read_config())
        model = load_structure_model(run.best)
        sample = torch.from_numpy(data.splits["test"][: self.samples])
        structures = data.dataset.inputs(sample)
        (network,) = model.networks()
        with torch.inference_mode():
            field = network.seen(model.field(structures))  # (N, 1, nx, ny)
            references = model.known(structures)  # (N, 1)
        tiling = network.tiling
        clean = tiling.tiles(field)  # (N, *grid, 1, *window)
        random = torch.Generator().manual_seed(0)
        obscured = {
            "blur": tiling.tiles(_blurred(field, self.blur / model.renderer.pixel.numpy())),
            "noise": clean + torch.randn(clean.shape, generator=random),
        }
        table = []
        for place, mask in _masks(tiling.window):
            for kind, tiles in obscured.items():
                energy = references + _total(network, torch.where(mask, tiles, clean))
                error = (energy - data.dataset.labels[sample])[:, 0] / data.dataset.sites[sample]
                table.append(
                    {
                        "place": place,
                        "kind": kind,
                        "area": float(mask.double().mean()),
                        ERROR: 1000 * float(error.abs().median()),
                        "mean absolute error (meV per atom)": 1000 * float(error.abs().mean()),
                    }
                )
        share = np.prod(tiling.focus) / np.prod(tiling.window)
        return {
            "table": table,
            "focus": tiling.focus,
            "context": tiling.context,
            "focus_share": float(share),
            "example": clean[0, 0, 0, 0].tolist(),
            "blurred_example": obscured["blur"][0, 0, 0, 0].tolist(),
        }

    def rows(self, numbers: Numbers) -> list[Row]:
        area = numbers["focus_share"]
        rows = []
        for kind in LINES:
            border, centre = (np.interp(area, *_line(numbers, place, kind)) for place in COLOURS)
            words = f"with {100 * area:.0f} % of every tile's area (one focus) under {kind}"
            rows += [
                Row(f"{ERROR} {words}, context", "", f"{border:.3g}"),
                Row(f"{ERROR} {words}, focus", "", f"{centre:.3g}"),
                Row(f"context costs less than focus, {kind}", "yes", yes(border < centre)),
            ]
        return rows

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        figure = Figure(figsize=(16, 7))
        panels = figure.subplot_mosaic(
            [["border", "curves"], ["centre", "curves"]], width_ratios=[1, 2.6]
        )
        window = np.add(numbers["focus"], 2 * np.array(numbers["context"]))
        for place in COLOURS:
            # the mask whose area is nearest to that of the focus
            mask = min(
                (mask for where, mask in _masks(window) if where == place),
                key=lambda mask: abs(float(mask.double().mean()) - numbers["focus_share"]),
            )
            tile = np.where(mask, *map(np.array, (numbers["blurred_example"], numbers["example"])))
            panels[place].imshow(tile.T, origin="lower", cmap="Greys")
            panels[place].add_patch(_focus(numbers))
            panels[place].grid(visible=False)
            panels[place].set_title(NAMES[place], color=COLOURS[place])
        curves = panels["curves"]
        for place, kind in product(COLOURS, LINES):
            area, error = _line(numbers, place, kind)
            curves.plot(
                100 * area,
                error,
                LINES[kind],
                color=COLOURS[place],
                marker="o",
                label=f"{kind} {NAMES[place]}",
            )
        curves.axvline(100 * numbers["focus_share"], color="black", linestyle=":")
        curves.annotate(
            " area of the focus",
            (100 * numbers["focus_share"], 0.02),
            xycoords=("data", "axes fraction"),
        )
        curves.set(yscale="log", xlabel="obscured area of every tile (%)", ylabel=ERROR)
        curves.legend()
        return figure


def _masks(window: Sequence[int]) -> Iterator[tuple[str, Tensor]]:
    """Yield what is obscured of a tile, (*window): rings of growing width, and growing centres."""
    place = torch.stack(
        torch.meshgrid(*(torch.arange(w) for w in window), indexing="ij")
    )  # (2, *window)
    side = torch.tensor(window)[:, None, None]
    depth = torch.minimum(place, side - 1 - place).amin(0)  # (*window), 0 at the border
    for width in range(int(depth.max()) + 2):
        yield "border", depth < width
    for width in range(int(depth.max()) + 2):
        yield "centre", depth > int(depth.max()) - width


def _focus(numbers: Numbers) -> Rectangle:
    corner = np.array(numbers["context"]) - 0.5
    return Rectangle(tuple(corner), *numbers["focus"], fill=False, ec=COLOUR["green"], lw=2.5)


def _blurred(field: Tensor, sigma: np.ndarray) -> Tensor:
    """Blur periodic fields (N, 1, nx, ny) by a Gaussian of `sigma` pixels along each axis."""
    return torch.from_numpy(gaussian_filter(field.numpy(), (0, 0, *sigma), mode="wrap"))


@torch.inference_mode()
def _total(network: EDNN, tiles: Tensor) -> Tensor:
    """Return the energy without references of tiles (N, *grid, 1, *window): (N, 1), in eV."""
    raw = network.subnet(tiles.flatten(0, 2)).unflatten(0, tiles.shape[:3])
    return network.physical(raw, network.tiling.sites).sum((1, 2)).double()


def _line(numbers: Numbers, place: str, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the obscured areas and the errors there."""
    table = pd.DataFrame(numbers["table"])
    line = table[(table["place"] == place) & (table["kind"] == kind)]
    return line["area"].to_numpy(), line[ERROR].to_numpy()
