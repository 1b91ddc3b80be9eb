"""Which context a data set needs, found without knowing it, and how far its labels reach."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ednn.core.checkpoint import load_model
from ednn.core.errors import InputError
from ednn.data.fields.generated import Labelling
from ednn.physics.locality import locality_length, reach, response
from ednn.plots.style import COLOUR, number, styled
from ednn.runs.folder import Run
from ednn.studies.base import Numbers, Row, Study, yes_or_no
from ednn.studies.records import best_validation, record
from ednn.training.train import make_data

ERROR = "val/median_absolute_error"
PAPER = {"magnetisation": 0, "energy": 1, "laplacian": 2}  # l of every target
NAMES = {"magnetisation": "magnetisation", "energy": "Ising energy", "laplacian": "Laplacian"}
LOOKS = {
    "magnetisation": (COLOUR["green"], "s"),
    "energy": (COLOUR["blue"], "o"),
    "laplacian": (COLOUR["vermilion"], "^"),
}
FARTHEST = 6  # sites between two that change
LINEAR_BELOW = 1e-4  # of a response: there the picture's axis is linear, down to zero
RING: dict[str, Any] = {"markersize": 18, "markerfacecolor": "none", "markeredgewidth": 2}


class Locality(Study):
    """A sweep over the context that stops by itself, and the response to far perturbations.

    The sweep goes up from c = 0 and finds the last context that lowered the validation error by
    more than a factor. It would stop too early where a target needs two steps at once to improve;
    the response (`ednn.physics.locality`) has no such gap.

    Args:
        train: overrides of the trainings, by target.
        factor: a context pays if the error with it is less than this share of that before.
        samples: validation fields that are perturbed.
        **base: arguments of `Study`.

    Example:
        ednn study study=locality
    """

    title = "Locality: which context a target needs"
    claim = (
        "The context that an operator needs is its locality length l: 0 for the magnetisation, "
        "1 for the Ising energy, 2 for the Laplacian."
    )

    def __init__(
        self, train: Mapping[str, Sequence[str]], factor: float, samples: int, **base: Any
    ) -> None:
        super().__init__(**base)
        self.train, self.factor, self.samples = train, factor, samples

    def measure(self) -> Numbers:
        table, found = [], {}
        for target in self.train:
            runs = self._sweep(target)
            measured = self.lab.measured("response", responses, str(runs[-1].folder), self.samples)
            table += [
                {"target": target, "c": c, ERROR: validation_error(run), **record(run)}
                for c, run in enumerate(runs)
            ]
            farthest = reach(np.array(measured["labels"]))
            lengths = {"sweep": len(runs) - 2, "response": locality_length(farthest)}
            found[target] = {**measured, "reach": farthest, "l": lengths}
        return {"table": table, "found": found}

    def _sweep(self, target: str) -> list[Run]:
        """Train with more and more context until it doesn't pay; the last run is one too many."""
        runs: list[Run] = []
        least = np.inf
        for c in count():
            run = self.lab.train(f"locality-{target}", *self.train[target], f"tile.c={c}")
            runs.append(run)
            error = validation_error(run)
            if error >= self.factor * least:
                break
            least = error
        return runs

    def rows(self, numbers: Numbers) -> list[Row]:
        rows = []
        for target, found in numbers["found"].items():
            runs = [run for run in numbers["table"] if run["target"] == target]
            errors = ", ".join(f"{run[ERROR]:.2g}" for run in runs)
            seconds = sum(run["train/seconds"] for run in runs)
            how = {
                "sweep": f"median absolute errors on validation with c = 0, 1, …: {errors} "
                f"{runs[0]['unit']}; {runs[0]['train/epochs']} epochs each, {seconds:.0f} s",
                "response": f"interactions reach R = {found['reach']}, l = ⌈R/2⌉",
            }
            name, paper = f"l of the {NAMES[target]}", f"{PAPER[target]}"
            rows += [
                Row(f"{name}, by the {method}", paper, f"{length}", how[method])
                for method, length in found["l"].items()
            ]
        right = all(
            length == PAPER[target]
            for target, found in numbers["found"].items()
            for length in found["l"].values()
        )
        return [*rows, Row("every l is found without knowing it", "yes", yes_or_no(right))]

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        figure = Figure(figsize=(10, 14))
        above, below = figure.subplots(2, 1)
        _draw_errors(above, numbers)
        _draw_responses(below, numbers["found"])
        return figure


def validation_error(run: Run) -> float:
    """Return the median absolute error on validation of the weights that a run kept.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> history = {"epoch": [0, 1, 2], "val/loss": [3.0, 1.0, 2.0], ERROR: [0.9, 0.5, 0.4]}
        >>> with TemporaryDirectory() as folder:
        ...     pd.DataFrame(history).to_csv(Run(folder).metrics)
        ...     validation_error(Run(folder))
        0.5
    """
    return float(best_validation(pd.read_csv(run.metrics))[ERROR])


def responses(folder: str, samples: int) -> dict[str, Any]:
    """Measure what far perturbations do to the labels of a run's data and to its network.

    Args:
        folder: of the run, whose data are generated.
        samples: how many validation fields are perturbed.

    Returns:
        The responses by distance, `labels` and `network`, and the standard deviation of the
        labels, `spread`.

    Raises:
        InputError: the data have no labels of changed fields.

    Example:
        measured = responses("outputs/runs/mine", samples=32)  # of: ednn train data=ising run=mine
        measured["labels"]  # the effect at each distance, from 1
    """
    run = Run(folder)
    data = make_data(run.read_config())
    if not isinstance(data, Labelling):
        raise InputError(
            f"{data.path} has no labels of changed fields, which the response needs; give data "
            f"whose law is known, such as data=ising."
        )
    model = load_model(run.best).double()
    sample = torch.from_numpy(data.splits["val"])
    fields = data.dataset.inputs(sample[:samples])[:, 0].double().numpy()  # (N, *L)

    @torch.inference_mode()
    def network(fields: np.ndarray) -> np.ndarray:
        return model(torch.from_numpy(fields)[:, None])[:, 0].numpy()  # (B, *L) → (B,)

    functions = {"labels": lambda fields: data.label(fields)[:, 0], "network": network}
    changed = _changed(fields, data.info.alphabet)
    distance = min(FARTHEST, min(fields.shape[1:]) // 2)
    return {
        name: response(function, fields, changed, distance, np.random.default_rng(0)).tolist()
        for name, function in functions.items()
    } | {"spread": float(data.dataset.labels[sample].std())}


def _changed(fields: np.ndarray, alphabet: Sequence[float] | None) -> np.ndarray:
    """Return what every site of fields (N, *L) changes to: of two values the other one."""
    if alphabet is not None:
        return sum(alphabet) - fields
    return fields + fields.std() * np.random.default_rng(0).standard_normal(fields.shape)


def _draw_errors(axes: Axes, numbers: Numbers) -> None:
    """Draw the validation error against the context, a ring around the context that was found."""
    table = pd.DataFrame(numbers["table"])
    for target, found in numbers["found"].items():
        colour, marker = LOOKS[target]
        errors = table[table["target"] == target].set_index("c")[ERROR] / found["spread"]
        length = found["l"]["sweep"]
        name = f"{NAMES[target]}: l = {length}"
        axes.plot(errors.index, errors.to_numpy(), color=colour, marker=marker, label=name)
        axes.plot(length, errors[length], "o", color=colour, **RING)
    axes.set(
        yscale="log",
        xticks=range(table["c"].max() + 1),
        xlabel="context c",
        ylabel="median absolute error on validation /\nstandard deviation of the target",
        title="the last context that lowers the error",
    )
    axes.legend()


def _draw_responses(axes: Axes, targets: Mapping[str, Any]) -> None:
    """Draw the response against the distance, a ring around the reach R."""
    for target, found in targets.items():
        colour, marker = LOOKS[target]
        distances = np.arange(len(found["labels"])) + 1
        R, length, c = found["reach"], found["l"]["response"], found["l"]["sweep"] + 1
        look: dict[str, Any] = {"color": colour, "marker": marker, "clip_on": False}
        name = f"{NAMES[target]}: R = {R}, l = ⌈R/2⌉ = {length}"
        axes.plot(distances, found["labels"], label=name, **look)
        look |= {"linestyle": "--", "markerfacecolor": "white"}
        axes.plot(distances, found["network"], label=f"its network with c = {c}", **look)
        if R:
            axes.plot(R, found["labels"][R - 1], "o", color=colour, **RING)
    axes.set_yscale("symlog", linthresh=LINEAR_BELOW)
    axes.set(
        ylim=(0, None),
        xlabel="distance of two sites max(|Δx|, |Δy|)",
        ylabel="effect of one site on the other's effect /\nthe other's effect",
        title=f"the farthest interaction (linear below {number(LINEAR_BELOW)})",
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
