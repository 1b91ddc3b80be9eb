"""Functionals of the density: how far their derivatives see, found without knowing it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ednn.plots.style import COLOUR, styled
from ednn.runs.folder import Run
from ednn.studies.base import Numbers, Row, Study
from ednn.studies.records import record

ERROR = "test/relative_error_of_derivative"
FREE_ENERGY = "test/mean_absolute_error_per_site"
COLOURS = [COLOUR[name] for name in ("blue", "vermilion", "green", "purple", "orange", "sky")]
MARKERS = "o^sDvP"


class Functional(Study):
    """A sweep over the context for every system, whose derivatives see 2c points to either side.

    A point's term of the functional sees c points to either side, so its derivative at a point, to
    which all terms within c contribute, sees 2c. The locality length by measurement is the least
    such reach with which the error of the derivative on test densities is within a tolerance. A
    fixed tolerance compares systems better than a multiple of the least error, which is that of
    the training.

    Args:
        train: overrides of all trainings: network and budget.
        data: those of the data of all systems.
        systems: by name, the overrides of each one's own `data` and the `length` expected.
        c: contexts in points, ascending.
        tolerance: of the error of the derivative, relative to the derivative's spread.
        larger: overrides of larger boxes, on which the context that was found is tested.
        **base: arguments of `Study`.

    Example:
        ednn study study=functional
    """

    title = "Functionals of the density: how far their derivatives see"
    claim = (
        "The free energy of fermions is the more local a functional of their density the hotter "
        "they are, and that of hard rods on a line sees exactly the length of a rod."
    )

    def __init__(
        self,
        train: Sequence[str],
        data: Sequence[str],
        systems: Mapping[str, Mapping[str, Any]],
        c: Sequence[int],
        tolerance: float,
        larger: Sequence[str],
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.train, self.data, self.systems = train, data, systems
        self.c, self.tolerance, self.larger = c, tolerance, larger

    def measure(self) -> Numbers:
        table, found = [], {}
        for name, system in self.systems.items():
            word = "".join(letter for letter in name if letter.isalnum())
            data = [*system["data"], *self.data]
            contexts = f"tile.c={','.join(map(str, self.c))}"
            runs = {
                int(swept["tile.c"]): run
                for swept, run in self.lab.sweep(word, *self.train, *data, contexts)
            }
            rows = [{"system": name, **_row(c, run)} for c, run in sorted(runs.items())]
            errors = {row["c"]: row[ERROR] for row in rows}
            c = sufficient(errors, self.tolerance)
            tested = min(errors, key=lambda c: errors[c]) if c is None else c
            larger = self.lab.evaluate(f"{word}-larger", runs[tested], *data, *self.larger)
            table += rows
            found[name] = {
                "length": system["length"],
                "reach": None if c is None else _reach(c, runs[c]),
                "tested": tested,
                "larger": record(larger),
            }
        return {"table": table, "found": found, "tolerance": self.tolerance}

    def rows(self, numbers: Numbers) -> list[Row]:
        return [row for name in numbers["found"] for row in _report(name, numbers)]

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        figure = Figure(figsize=(10, 14))
        errors, lengths = figure.subplots(2, 1)
        _draw_errors(errors, numbers)
        _draw_lengths(lengths, numbers)
        return figure


def sufficient(errors: Mapping[int, float], tolerance: float) -> int | None:
    """Return the least context from which on every error is within the tolerance, if any is.

    Args:
        errors: by context.
        tolerance: the largest error that suffices.

    Example:
        >>> sufficient({0: 0.5, 1: 0.03, 2: 0.06, 3: 0.01, 4: 0.02}, tolerance=0.05)
        3
    """
    enough = None
    for c in sorted(errors, reverse=True):
        if not errors[c] <= tolerance:
            break
        enough = c
    return enough


def _row(c: int, run: Run) -> Numbers:
    return {"c": c, "reach": _reach(c, run), **record(run)}


def _reach(c: int, run: Run) -> float:
    """Return how far a derivative sees with a context of c points, in the unit of length."""
    return float(2 * c * run.read_config().data.spacing)


def _report(name: str, numbers: Numbers) -> list[Row]:
    """Return the lines of one system: the length, and the errors on larger boxes."""
    found, larger = numbers["found"][name], numbers["found"][name]["larger"]
    runs = [run for run in numbers["table"] if run["system"] == name]
    (tested,) = (run for run in runs if run["c"] == found["tested"])
    errors = ", ".join(f"{100 * run[ERROR]:.2g}" for run in runs)
    contexts = ", ".join(f"{run['c']}" for run in runs)
    farthest, measured = runs[-1]["reach"], found["reach"]
    budget = f"{tested['train/epochs']} epochs each, {sum(r['train/seconds'] for r in runs):.0f} s"
    tolerance = f"{100 * numbers['tolerance']:g} %"
    sides = [run["data"]["sides"][0] for run in (tested, larger)]
    return [
        Row(
            f"locality length, {name}",
            f"{found['length']:.3g} (expected)",
            f"more than {farthest:g}" if measured is None else f"{measured:g}",
            f"least 2c × spacing with errors of the derivative up to {tolerance}; "
            f"{errors} % with c = {contexts}; {budget}",
        ),
        Row(
            f"relative error of δF/δn with c = {found['tested']}, {name}",
            "",
            f"{100 * tested[ERROR]:.2g} %; on {sides[1]} points: {100 * larger[ERROR]:.2g} %",
            f"trained on {sides[0]} points",
        ),
        Row(
            f"mean absolute error of F per point ({tested['unit']}), {name}",
            "",
            f"{tested[FREE_ENERGY]:.2g}; on {sides[1]} points: {larger[FREE_ENERGY]:.2g}",
        ),
    ]


def _draw_errors(axes: Axes, numbers: Numbers) -> None:
    """Draw the error of the derivative against the reach, with a line at each measured length."""
    table = pd.DataFrame(numbers["table"])
    for (name, found), look in zip(numbers["found"].items(), _looks(), strict=False):
        runs = table[table["system"] == name]
        axes.plot(runs["reach"], runs[ERROR], label=name, **look)
        if found["reach"] is not None:
            axes.axvline(found["reach"], color=look["color"], linestyle="--", linewidth=1.2)
    axes.axhline(numbers["tolerance"], color="black", linestyle=":")
    axes.set(
        yscale="log",
        xlabel="how far the derivative sees, 2c × spacing",
        ylabel="relative error of δF/δn on test densities",
        title="dotted: the tolerance; dashed: the length measured by it",
    )
    axes.legend(frameon=True, framealpha=1, edgecolor="none")  # above the dashed lines


def _draw_lengths(axes: Axes, numbers: Numbers) -> None:
    """Draw the measured lengths against the expected ones."""
    farthest = max(run["reach"] for run in numbers["table"])
    expected = [found["length"] for found in numbers["found"].values()]
    axes.plot([0, max(expected)], [0, max(expected)], color="black", linestyle=":", label="equal")
    for (name, found), look in zip(numbers["found"].items(), _looks(), strict=False):
        look = {**look, "linestyle": "none", "markersize": 11}
        if found["reach"] is None:  # longer than all that was tried
            look |= {"markerfacecolor": "none"}
            name += " (longer)"
        measured = farthest if found["reach"] is None else found["reach"]
        axes.plot(found["length"], measured, label=name, **look)
    axes.set(
        xlim=(0, None),
        ylim=(0, None),
        xlabel="thermal length of fermions, length of a rod",
        ylabel="measured locality length",
    )
    axes.legend()


def _looks() -> list[dict[str, Any]]:
    return [
        {"color": colour, "marker": marker} for colour, marker in zip(COLOURS, MARKERS, strict=True)
    ]
