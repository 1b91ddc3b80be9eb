"""What the tiles contribute is not a local energy: two networks share one total out differently."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ednn.core.checkpoint import load_model
from ednn.data.fields.file import dataset, open_hdf5
from ednn.data.fields.layout import channels_first
from ednn.plots.style import label, number, styled
from ednn.runs.folder import Run
from ednn.studies.base import Numbers, Row, Study, figures, how

SAMPLES = 1000


class Contributions(Study):
    """The contributions of two networks that differ in the seed of their training alone.

    Args:
        train: overrides of the trainings, on fields.
        seed: of the second; that of the first, and of the data, is 0.
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
        fields = _test_fields(runs[0])  # (N, 1, *L)
        maps = torch.stack([_contributions(run, fields) for run in runs])  # (2, N, *tiles)
        totals = maps.flatten(2).sum(-1)  # (2, N)
        sites = fields[0].numel()
        return {
            "runs": [figures(run) for run in runs],
            "maps": maps[:, 0].tolist(),
            "field": fields[0, 0].tolist(),
            "total": totals[:, 0].tolist(),
            "difference_of_totals_per_site": float((totals[0] - totals[1]).abs().mean() / sites),
            "difference_of_contributions": float((maps[0] - maps[1]).abs().mean()),
            "spread_of_contributions": float(maps.std()),
        }

    def rows(self, numbers: Numbers) -> list[Row]:
        unit, made = numbers["runs"][0]["unit"], how(numbers["runs"][0])
        words = {
            "difference_of_totals_per_site": f"|difference of the totals| ({unit} per spin), mean",
            "difference_of_contributions": f"|difference of a tile's contributions| ({unit}), mean",
            "spread_of_contributions": f"standard deviation of the contributions ({unit})",
        }
        return [Row(words[key], "", f"{numbers[key]:.2g}", made) for key in words]

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        first, second = (np.array(shares) for shares in numbers["maps"])
        unit = numbers["runs"][0]["unit"]
        figure = Figure(figsize=(19, 5.5))
        panels = figure.subplots(1, 4)
        panels[0].imshow(np.array(numbers["field"]).T, origin="lower", cmap="Greys")
        panels[0].set_title("spins")
        bound = max(np.abs(first).max(), np.abs(second).max())
        for axes, shares, seed, total in zip(
            panels[1:3], (first, second), (0, self.seed), numbers["total"], strict=True
        ):
            _map(axes, shares, bound, unit)
            axes.set_title(f"seed {seed}: Σ = {total:.4f} {unit}")
        difference = first - second
        _map(panels[3], difference, np.abs(difference).max(), unit)
        panels[3].set_title(f"difference: Σ = {number(difference.sum())} {unit}")
        for axes in panels:
            axes.grid(visible=False)
        return figure


def _map(axes: Axes, shares: np.ndarray, bound: float, unit: str) -> None:
    """Draw contributions (nx, ny) on a scale that is even about zero."""
    image = axes.imshow(shares.T, origin="lower", cmap="PuOr", vmin=-bound, vmax=bound)
    assert axes.figure is not None
    axes.figure.colorbar(image, ax=axes, label=label("contribution", unit), shrink=0.8)


def _test_fields(run: Run) -> torch.Tensor:
    """Return the first test fields of a run, (N, 1, *L)."""
    with np.load(run.splits) as splits, open_hdf5(Path(run.read_summary()["data"]["path"])) as file:
        stored = dataset(file, "fields")[np.sort(splits["test"])[:SAMPLES]]
    return torch.from_numpy(channels_first(stored, dims=2, channels=1)).float()


@torch.inference_mode()
def _contributions(run: Run, fields: torch.Tensor) -> torch.Tensor:
    """Return what each tile contributes, (N, *tiles)."""
    return load_model(run.best).contributions(fields)[..., 0]
