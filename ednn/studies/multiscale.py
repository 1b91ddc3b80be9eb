"""Fig. 7: interactions longer than a tile, and the branches that learn them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ednn.core.checkpoint import load_field_model
from ednn.plots.style import COLOUR, styled
from ednn.runs.folder import Run
from ednn.studies.base import Numbers, Row, Study, figures, how, yes
from ednn.training.train import make_data

ERROR = "test/mean_absolute_error_per_site"
PLAIN = "c = 1"  # the single scale with the context that every branch of the others has
BELOW: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.15)}  # lines fill panels
NAME = "mean absolute error per site (A)"


class MultiScaleStudy(Study):
    """Single scales of every context against branches, for several screening lengths.

    Args:
        train: overrides of all trainings: data, budget.
        models: those of every model, by its name; one name is "c = 1".
        screening: lengths in sites.
        transfer: overrides of the larger lattice that is predicted.
        shown: the screening length of the transfer.
    """

    title = "Fig. 7: multi-scale EDNN, screened Coulomb interaction"
    claim = "Branches on several scales, joined by learned weights, reach further than one tile."

    def __init__(
        self,
        train: Sequence[str],
        models: Mapping[str, Sequence[str]],
        screening: Sequence[float],
        transfer: Sequence[str],
        shown: float,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.train, self.models, self.screening = train, models, screening
        self.transfer, self.shown = transfer, shown

    def measure(self) -> Numbers:
        lengths = "data.screening=" + ",".join(map(str, self.screening))
        table, larger = [], {}
        for name, model in self.models.items():
            word = "".join(letter for letter in name if letter.isalnum())
            for swept, run in self.lab.sweep(word, *self.train, *model, lengths):
                length = float(swept["data.screening"])
                row = {"model": name, "screening": length, **figures(run)}
                table.append(row | self.lab.measured("branches", branches, str(run.folder)))
                if length == self.shown:
                    law = f"data.screening={length:g}"
                    tested = self.lab.evaluate(f"{word}-larger", run, *self.transfer, law)
                    larger[name] = figures(tested)
        return {"table": table, "larger": larger}

    def rows(self, numbers: Numbers) -> list[Row]:
        at = {run["model"]: run for run in numbers["table"] if run["screening"] == self.shown}
        rows = [
            Row(
                f"mean absolute error per site (A), screening length {self.shown:g}, {name}",
                "",
                f"{run[ERROR]:.3g}; on {numbers['larger'][name]['data']['lattice'][0]}²: "
                f"{numbers['larger'][name][ERROR]:.3g}",
                f"{run['parameters']:,.0f} parameters, {how(run)}",
            )
            for name, run in at.items()
        ]
        several = {name: run[ERROR] for name, run in at.items() if run["shares"]}
        best = min(several, key=lambda name: several[name])
        ratio = at[PLAIN][ERROR] / several[best]
        return [
            *rows,
            Row(
                f"{PLAIN} has at least ten times the error of the best with several branches",
                "",
                yes(ratio >= 10),
                f"{ratio:.1f} times that of {best}",
            ),
        ]

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        table = pd.DataFrame(numbers["table"])
        figure = Figure(figsize=(20, 7))
        errors, shares, sizes = figure.subplots(1, 3)
        looks = {name: _look(i, name, table) for i, name in enumerate(self.models)}
        for name, look in looks.items():
            rows = table[table["model"] == name].sort_values("screening")
            errors.plot(rows["screening"], rows[ERROR], label=name, **look)
        errors.set(xlabel="screening length (sites)", ylabel=NAME)
        _draw_shares(shares, table)
        for name, look in looks.items():
            here = table[(table["model"] == name) & (table["screening"] == self.shown)].iloc[0]
            there = numbers["larger"][name]
            lattices = [run["data"]["lattice"][0] for run in (here, there)]
            sizes.plot(lattices, [here[ERROR], there[ERROR]], label=name, **look)
        sizes.set_xticks(lattices, [f"{side}²" for side in lattices])
        sizes.set(xlabel="lattice (trained on the smaller)", ylabel=NAME)
        sizes.set_title(f"screening length {self.shown:g}")
        for axes in (errors, sizes):
            axes.set_yscale("log")
        errors.set_xscale("log", base=2)
        errors.legend(**BELOW)
        return figure


def branches(folder: str) -> dict[str, Any]:
    """Count a run's parameters; tell what each branch's part of the energy spreads by.

    The spread is that over the test fields, relative to that of the energy; none for one scale.
    """
    run = Run(folder)
    model = load_field_model(run.best)
    parameters = sum(weights.numel() for weights in model.parameters())
    data = make_data(run.read_config())
    sample = torch.from_numpy(data.splits["test"])
    with torch.inference_mode():
        parts = model.parts(data.dataset.inputs(sample))
    spread = float(data.dataset.labels[sample].std())
    return {
        "parameters": parameters,
        "shares": {name: float(part[:, 0].std()) / spread for name, part in parts.items()},
    }


def _look(number: int, name: str, table: pd.DataFrame) -> dict[str, Any]:
    several = bool(table[table["model"] == name].iloc[0]["shares"])
    marker, line = ("s", "-") if several else ("o", "--")
    return {"color": list(COLOUR.values())[number % len(COLOUR)], "marker": marker, "ls": line}


def _draw_shares(axes: Axes, table: pd.DataFrame) -> None:
    """Draw what each branch's part of the energy spreads by against the screening length."""
    for name, rows in table[table["shares"].astype(bool)].groupby("model", sort=False):
        ordered = rows.sort_values("screening")
        shares = pd.DataFrame(list(ordered["shares"]), index=ordered["screening"])
        for branch in shares:
            axes.plot(shares.index, shares[branch], "s-", label=f"{name}: {branch}")
    axes.set_xscale("log", base=2)
    axes.set(
        xlabel="screening length (sites)",
        ylabel="spread of the branch's part /\nspread of the energy",
        ylim=(0, None),
    )
    axes.legend(**BELOW)
