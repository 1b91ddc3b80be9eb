"""What a tile contributes is not a local energy: two networks divide one total differently."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ednn.core.checkpoint import load_model
from ednn.plots.style import label, number, styled
from ednn.studies.base import Numbers, Row, Study
from ednn.studies.records import cost, read_samples, record

COMPARED = 1000  # test fields, at most


class Contributions(Study):
    """The contributions of two networks that differ in the seed of their training alone.

    Args:
        train: overrides of the trainings, on fields.
        seed: of the second; that of the first, and of the data, is 0.
        **base: arguments of `Study`.

    Example:
        ednn study study=contributions
    """

    title = "Tile contributions"
    claim = "Only the sum over the tiles is physical: no share of it should be assigned to a tile."

    def __init__(self, train: Sequence[str], seed: int, **base: Any) -> None:
        super().__init__(**base)
        self.train, self.seed = train, seed

    def measure(self) -> Numbers:
        runs = [
            self.lab.train("ising", *self.train),  # named as in fig2 and phase_transition: one run
            self.lab.train("contributions", *self.train, f"seed={self.seed}", "data.seed=0"),
        ]
        fields = read_samples(runs[0], "test", COMPARED).inputs  # (N, 1, *L)
        with torch.inference_mode():
            maps = torch.stack(
                [load_model(run.best).contributions(fields)[..., 0] for run in runs]
            )  # (2, N, *tiles)
        totals = maps.flatten(2).sum(-1)  # (2, N)
        sites = fields[0].numel()
        return {
            "runs": [record(run) for run in runs],
            "maps": maps[:, 0].tolist(),
            "field": fields[0, 0].tolist(),
            "total": totals[:, 0].tolist(),
            "difference_of_totals_per_site": float((totals[0] - totals[1]).abs().mean() / sites),
            "difference_of_contributions": float((maps[0] - maps[1]).abs().mean()),
            "spread_of_contributions": float(maps.std()),
        }

    def rows(self, numbers: Numbers) -> list[Row]:
        first = numbers["runs"][0]
        unit = first["unit"]
        quantities = {
            "difference_of_totals_per_site": f"|difference of the totals| ({unit} per spin), mean",
            "difference_of_contributions": f"|difference of a tile's contributions| ({unit}), mean",
            "spread_of_contributions": f"standard deviation of the contributions ({unit})",
        }
        return [
            Row(quantity, "", f"{numbers[key]:.2g}", cost(first))
            for key, quantity in quantities.items()
        ]

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        first, second = (np.array(values) for values in numbers["maps"])
        unit = numbers["runs"][0]["unit"]
        figure = Figure(figsize=(12, 10))
        panels = figure.subplots(2, 2).ravel()
        panels[0].imshow(np.array(numbers["field"]).T, origin="lower", cmap="Greys")
        panels[0].set_title("spins (black: up)")
        bound = max(np.abs(first).max(), np.abs(second).max())
        for axes, values, seed, total in zip(
            panels[1:3], (first, second), (0, self.seed), numbers["total"], strict=True
        ):
            _draw_map(axes, values, bound, unit)
            axes.set_title(f"seed {seed}: Σ = {total:.4f} {unit}".replace("-", "−"))
        difference = first - second
        _draw_map(panels[3], difference, np.abs(difference).max(), unit)
        panels[3].set_title(f"difference: Σ = {number(difference.sum())} {unit}")
        for axes in panels:
            axes.grid(visible=False)
            axes.set(xlabel="x (sites)", ylabel="y (sites)")
        return figure


def _draw_map(axes: Axes, contributions: np.ndarray, bound: float, unit: str) -> None:
    """Draw contributions (nx, ny) on a colour scale from −bound to bound."""
    image = axes.imshow(contributions.T, origin="lower", cmap="PuOr", vmin=-bound, vmax=bound)
    assert axes.figure is not None
    axes.figure.colorbar(image, ax=axes, label=label("contribution", unit), shrink=0.8)
