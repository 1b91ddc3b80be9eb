"""Fig. 7: interactions longer than a tile, and the branches that learn them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ednn.core.checkpoint import load_field_model
from ednn.plots.style import COLOUR, log_ticks, styled
from ednn.runs.folder import Run
from ednn.studies.base import Numbers, Row, Study, yes_or_no
from ednn.studies.records import cost, read_samples, record

ERROR = "test/mean_absolute_error_per_site"
PLAIN = "c = 1"  # the single scale with the context that every branch of the others has
ADVANTAGE = 10  # of several branches: the least ratio of the errors that counts as better
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
        **base: arguments of `Study`.

    Example:
        ednn study study=multiscale
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
                row = {"model": name, "screening": length, **record(run)}
                table.append(row | self.lab.measured("branches", branches, str(run.folder)))
                if length == self.shown:
                    words = [*self.transfer, f"data.screening={length:g}"]
                    larger[name] = record(self.lab.evaluate(f"{word}-larger", run, *words))
        return {"table": table, "larger": larger}

    def rows(self, numbers: Numbers) -> list[Row]:
        runs = {run["model"]: run for run in numbers["table"] if run["screening"] == self.shown}
        rows = [
            Row(
                f"mean absolute error per site (A), screening length {self.shown:g}, {name}",
                "",
                f"{run[ERROR]:.3g}; on {numbers['larger'][name]['data']['lattice'][0]}²: "
                f"{numbers['larger'][name][ERROR]:.3g}",
                f"{run['parameters']:,.0f} parameters, {cost(run)}",
            )
            for name, run in runs.items()
        ]
        several = {name: run[ERROR] for name, run in runs.items() if run["spreads"]}
        best = min(several, key=lambda name: several[name])
        ratio = runs[PLAIN][ERROR] / several[best]
        return [
            *rows,
            Row(
                f"{PLAIN} has at least {ADVANTAGE} times the error of the best with several "
                "branches",
                "",
                yes_or_no(ratio >= ADVANTAGE),
                f"{ratio:.1f} times that of {best}",
            ),
        ]

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        table = pd.DataFrame(numbers["table"])
        figure = Figure(figsize=(12, 14))
        (lengths, sizes), (names, parts) = figure.subplots(2, 2)
        _draw_spreads(parts, table)
        for i, name in enumerate(self.models):
            rows = table[table["model"] == name].sort_values("screening")
            look = _look(i, several=bool(rows.iloc[0]["spreads"]))
            lengths.plot(rows["screening"], rows[ERROR], label=name, **look)
            pair = [rows[rows["screening"] == self.shown].iloc[0], numbers["larger"][name]]
            lattices = [run["data"]["lattice"][0] for run in pair]
            sizes.plot(lattices, [run[ERROR] for run in pair], label=name, **look)
        lengths.set(xlabel="screening length (sites)", ylabel=NAME, yscale="log")
        _name_lengths(lengths, self.screening)
        names.legend(*lengths.get_legend_handles_labels(), loc="upper left", title="models")
        names.set_axis_off()
        sizes.set_xticks(lattices, [f"{side}²" for side in lattices])
        sizes.set(xlabel="lattice (trained on the smaller)", ylabel=NAME, yscale="log")
        sizes.set_title(f"screening length {self.shown:g} sites")
        for axes in (lengths, sizes):
            log_ticks(axes.yaxis)
        return figure


def branches(folder: str) -> dict[str, Any]:
    """Count a run's parameters, and measure how much each branch's part of the energy varies.

    Args:
        folder: of the run.

    Returns:
        `parameters`, and `spreads` by branch: the standard deviation of its part over the test
        fields, relative to that of the energy; none for a single scale.

    Example:
        folder = "outputs/runs/mine"  # of: ednn train data=coulomb model=multiscale run=mine
        branches(folder)["spreads"]["coarse"]
    """
    run = Run(folder)
    model = load_field_model(run.best)
    test = read_samples(run, "test")
    with torch.inference_mode():
        parts = model.parts(test.inputs)
    whole = float(test.target.std())
    return {
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "spreads": {name: float(part[:, 0].std()) / whole for name, part in parts.items()},
    }


def _look(number: int, several: bool) -> dict[str, Any]:
    """Return how a model's line is drawn: dashed for a single scale."""
    marker, line = ("s", "-") if several else ("o", "--")
    return {"color": list(COLOUR.values())[number % len(COLOUR)], "marker": marker, "ls": line}


def _name_lengths(axes: Axes, lengths: Sequence[float]) -> None:
    """Give a panel a logarithmic axis with the screening lengths on it."""
    axes.set_xscale("log")
    axes.set_xticks(lengths, [f"{length:g}" for length in lengths])
    axes.minorticks_off()


def _draw_spreads(axes: Axes, table: pd.DataFrame) -> None:
    """Draw how much each branch's part of the energy varies against the screening length."""
    for name, rows in table[table["spreads"].astype(bool)].groupby("model", sort=False):
        ordered = rows.sort_values("screening")
        spreads = pd.DataFrame(list(ordered["spreads"]), index=ordered["screening"])
        for branch in spreads:
            axes.plot(spreads.index, spreads[branch], "s-", label=f"{name}: {branch}")
    _name_lengths(axes, sorted(table["screening"].unique()))
    axes.set(
        xlabel="screening length (sites)",
        ylabel="spread of the branch's part /\nspread of the energy",
        ylim=(0, None),
    )
    axes.legend(**BELOW)
