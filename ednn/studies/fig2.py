"""Fig. 2: which context and which focus suit the Ising energy."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ednn.plots.heatmap import heatmap_on
from ednn.plots.parity_picture import error_on, parity_on
from ednn.plots.style import styled
from ednn.runs.folder import Run
from ednn.studies.base import Numbers, Row, Study, yes_or_no
from ednn.studies.records import cost, record

ERROR = "test/median_absolute_error"
LOCALITY = 1  # of the Ising energy: nearest neighbours


class Fig2(Study):
    """A sweep over focus f and context c on the 8 × 8 Ising model.

    Args:
        train: overrides of the trainings that are compared.
        best: those of the training that shows how far f = c = 1 goes.
        f: sides of the focus.
        c: widths of the context, each combined with every side.
        **base: arguments of `Study`.

    Example:
        ednn study study=fig2
    """

    title = "Fig. 2: context and focus, Ising model 8 × 8"
    claim = (
        "The energy of nearest neighbours has locality l = 1: less context cannot work, c = l is "
        "best, and more makes the training harder."
    )

    def __init__(
        self,
        train: Sequence[str],
        best: Sequence[str],
        f: Sequence[int],
        c: Sequence[int],
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.train, self.best, self.f, self.c = train, best, f, c

    def measure(self) -> Numbers:
        swept = [f"tile.{key}={','.join(map(str, getattr(self, key)))}" for key in "fc"]
        table = [
            {"f": int(tile["tile.f"]), "c": int(tile["tile.c"]), **record(run)}
            for tile, run in self.lab.sweep("fig2", *self.train, *swept)
        ]
        return {"table": table, "best": record(self.lab.train("ising", *self.best))}

    def rows(self, numbers: Numbers) -> list[Row]:
        runs = {(run["f"], run["c"]): run for run in numbers["table"]}
        error = pd.Series({tile: run[ERROR] for tile, run in runs.items()})
        best = numbers["best"]
        by_context = [error[1, c] for c in self.c if c >= LOCALITY]
        too_little = min(error[f, c] for f in self.f for c in self.c if c < LOCALITY)
        median = "median absolute error (J)"
        return [
            Row(f"{median}, f = c = 1, our recipe", "0.00148", f"{best[ERROR]:.3g}", cost(best)),
            Row(f"{median}, f = c = 1", "0.00148", f"{error[1, 1]:.3g}", cost(runs[1, 1])),
            Row(f"{median}, f = 8, c = 1", "0.512", f"{error[8, 1]:.3g}", cost(runs[8, 1])),
            Row(f"least {median} with c < l", "fails", f"{too_little:.3g}"),
            Row(
                "c = l is the best context of f = 1",
                "yes",
                yes_or_no(error[1].idxmin() == LOCALITY),
            ),
            Row(
                "the error of f = 1 grows with every c > l",
                "yes",
                yes_or_no(all(b > a for a, b in pairwise(by_context))),
                ", ".join(f"{value:.3g} J" for value in by_context),
            ),
        ]

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        table = pd.DataFrame(numbers["table"])
        figure = Figure(figsize=(12, 16))
        panels = figure.subplot_mosaic([["c", "f"], ["map", "map"], ["parity", "error"]])
        _draw_losses(panels["c"], table[table["f"] == 1], "c", "f = 1")
        _draw_losses(panels["f"], table[table["c"] == 1], "f", "c = 1")
        errors = table.pivot(index="f", columns="c", values=ERROR)
        heatmap_on(
            panels["map"],
            errors.to_numpy(),
            errors.index.tolist(),
            errors.columns.tolist(),
            ("focus f", "context c"),
            "median absolute error",
            "J",
        )
        predicted, true, sites = Run(numbers["best"]["run"]).read_predictions("energy")
        quantity = "energy, our recipe"  # of f = c = 1, as in the rows: not that of the map
        parity_on(panels["parity"], predicted / sites, true / sites, "J per spin", quantity)
        error_on(panels["error"], predicted, true, "J", quantity)
        return figure


def _draw_losses(axes: Axes, runs: pd.DataFrame, key: str, title: str) -> None:
    """Draw the validation loss against the epoch, a line per value of `key`."""
    for _, row in runs.sort_values(key).iterrows():
        history = pd.read_csv(Run(row["run"]).metrics)
        loss = history.groupby("epoch")["val/loss"].mean()
        axes.plot(np.asarray(loss.index) + 1, loss.to_numpy(), label=f"{key} = {row[key]}")
    axes.set(yscale="log", xlabel="epoch", ylabel="validation loss (J²)", title=title)
    axes.legend()
