"""Fig. 6: trained on 60 atoms, tested on more; and the time against the number of atoms."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ednn.core.errors import InputError
from ednn.core.info import in_words
from ednn.core.loading import load_structure_model
from ednn.core.structure_model import StructureModel
from ednn.core.terminal import say
from ednn.data.structures.crystals import CRYSTALS, finite_size
from ednn.inference.structure_job import batch
from ednn.physics.labels import label, resolve
from ednn.physics.sheets import Repeat, sheet
from ednn.plots.style import COLOUR, log_ticks, styled
from ednn.runs.folder import Run
from ednn.studies.base import Numbers, Row, Study
from ednn.studies.records import record

MEDIAN, MEAN = (f"test/{average}_absolute_error_per_site" for average in ("median", "mean"))
BLOCK_SITES = 60  # of a cell "1x1", as in the training
CHEMICAL_ACCURACY = 43.3641  # meV per particle in 1 kcal/mol
TIMED_RUNS = 5  # of the network; their median counts
NETWORK = "network"
COLOURS = {NETWORK: COLOUR["blue"], "gfn1": COLOUR["green"], "pbe": COLOUR["vermilion"]}
POWERS = {NETWORK: "1", "pbe": "3"}  # of the number of atoms, that the paper has times grow by


class Transfer(Study):
    """Errors on cells larger than those of the training, and times on this machine.

    Args:
        train: overrides of the training, on cells of 60 sites.
        test: files of larger cells, by their blocks of 60 sites along x and y as "2x1".
        timed: cells whose time is measured, by method, the same way.
        **base: arguments of `Study`.

    Example:
        ednn study study=transfer
    """

    title = "Fig. 6: transfer to larger cells, and time"
    claim = (
        "Trained on 60 atoms, an EDNN predicts larger cells within 1 kcal/mol, and over a million "
        "times faster than DFT."
    )

    def __init__(
        self,
        train: Sequence[str],
        test: Mapping[str, str],
        timed: Mapping[str, Sequence[str]],
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.train, self.test, self.timed = train, test, timed

    def measure(self) -> Numbers:
        trained = self.lab.train("dft", *self.train)
        runs = [(BLOCK_SITES, trained)]
        for size, path in self.test.items():
            words = ["data=dft", f"data.path={path}"]
            runs.append((_sites(size), self.lab.evaluate(f"dft-{size}", trained, *words)))
        table = [
            {"atoms": sites, **record(run), "finite_size": _finite_size(sites)}
            for sites, run in runs
        ]
        return {"table": table, "seconds": self._times(trained), "trained": record(trained)}

    def _times(self, trained: Run) -> dict[str, dict[str, float]]:
        """Return seconds by method and number of sites; none of a method that isn't installed."""
        seconds: dict[str, dict[str, float]] = {}
        for method, sizes in self.timed.items():
            try:
                seconds[method] = {
                    str(_sites(size)): self.lab.measured(
                        f"time-{method}", _seconds, method, str(trained.best), size
                    )
                    for size in sizes
                }
            except InputError as error:
                say(f"{method} is not timed: {error}")
        return seconds

    def rows(self, numbers: Numbers) -> list[Row]:
        return [*map(_error_row, numbers["table"]), *_time_rows(numbers["seconds"])]

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        figure = Figure(figsize=(12, 6.5))
        times, errors = figure.subplots(1, 2)
        for method, seconds in numbers["seconds"].items():
            atoms = np.array(list(map(int, seconds)))
            name = f"{in_words(method)}, ∝ $N^{{{_power(seconds):.2f}}}$"
            times.loglog(atoms, list(seconds.values()), "o-", color=COLOURS[method], label=name)
        times.set(xlabel="atoms N", ylabel="time per structure (s)")
        log_ticks(times.xaxis)
        times.legend()
        _draw_errors(errors, numbers["table"])
        return figure


def _error_row(run: Numbers) -> Row:
    changes = ", ".join(f"{kind} {value:.2g}" for kind, value in run["finite_size"].items())
    return Row(
        f"mean absolute error at {run['atoms']} sites (meV per atom)",
        f"{CHEMICAL_ACCURACY:.3g} (1 kcal/mol)",
        f"{run[MEAN]:.3g} (median {run[MEDIAN]:.3g})",
        f"{run['test/samples']} structures; finite size of the labels: {changes}",
    )


def _time_rows(times: Mapping[str, Mapping[str, float]]) -> list[Row]:
    rows = []
    network = times[NETWORK]
    for method, seconds in times.items():
        quantity = f"time ∝ atoms to the power of, {method}"
        sites = f"{', '.join(seconds)} sites"
        rows.append(Row(quantity, POWERS.get(method, ""), f"{_power(seconds):.2f}", sites))
        if method == NETWORK:
            continue
        rows += [
            Row(
                f"{method} takes longer than the network, {sites} sites",
                "over 1,000,000 times" if method == "pbe" else "",
                f"{slow / network[sites]:,.0f} times",
                f"{slow:.3g} s against {network[sites]:.3g} s",
            )
            for sites, slow in seconds.items()
        ]
    return rows


def _draw_errors(axes: Axes, table: Sequence[Numbers]) -> None:
    """Draw the errors and the finite size of the labels against the number of atoms."""
    atoms = [run["atoms"] for run in table]
    for key, name, colour in ((MEAN, "mean", "blue"), (MEDIAN, "median", "sky")):
        error = [run[key] for run in table]
        axes.plot(atoms, error, "o-", color=COLOUR[colour], label=f"{name} absolute error")
    for kind, line in zip(CRYSTALS, ("--", ":"), strict=True):
        change = [run["finite_size"][kind] for run in table[1:]]  # zero for the first
        look: dict[str, Any] = {"linestyle": line, "marker": "s", "color": "black"}
        axes.plot(atoms[1:], change, label=f"finite size, {kind}", **look)
    axes.axhline(CHEMICAL_ACCURACY, color=COLOUR["vermilion"], label="1 kcal/mol")
    axes.set(xscale="log", yscale="log", xlabel="atoms N", ylabel="error (meV per atom)")
    axes.set_xticks(atoms, list(map(str, atoms)))
    axes.minorticks_off()
    right = axes.secondary_yaxis(
        "right",
        functions=(
            lambda error: np.divide(error, CHEMICAL_ACCURACY),
            lambda error: np.multiply(error, CHEMICAL_ACCURACY),
        ),
    )
    right.set_ylabel("error (kcal/mol per atom)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, fontsize=12)


def _repeat(size: str) -> Repeat:
    columns, _, rows = size.partition("x")
    return int(columns), int(rows)


def _sites(size: str) -> int:
    return BLOCK_SITES * int(np.prod(_repeat(size)))


def _power(seconds: Mapping[str, float]) -> float:
    """Fit time ∝ atoms to the power of the result."""
    atoms = np.log(list(map(int, seconds)))
    return float(np.polyfit(atoms, np.log(list(seconds.values())), 1)[0])


def _finite_size(sites: int) -> dict[str, float]:
    """Return how far the labels of perfect crystals move from 60 sites to more, in meV/atom."""
    return {kind: abs(finite_size("gfn1", kind, sites)) for kind in CRYSTALS}


def _seconds(method: str, checkpoint: str, size: str) -> float:
    """Return the time for one sheet."""
    if method != NETWORK:
        return seconds_to_label(method, _repeat(size))
    return seconds_to_predict(load_structure_model(checkpoint), _repeat(size))


def seconds_to_label(theory: str, repeat: Repeat) -> float:
    """Time the energy and the forces of one sheet.

    Args:
        theory: its name, as in `ednn.physics.labels`.
        repeat: blocks of 60 sites along x and y.

    Returns:
        Seconds.

    Raises:
        InputError: the theory is unknown or not installed.

    Example:
        >>> 0 < seconds_to_label("ase.calculators.lj.LennardJones", (1, 1)) < 60
        True
    """
    chosen = resolve(theory)
    chosen.calculator_class()  # imports it
    started = time.perf_counter()
    label(sheet(0, repeat), chosen)
    return time.perf_counter() - started


def seconds_to_predict(model: StructureModel, repeat: Repeat) -> float:
    """Time the energy of one sheet.

    Args:
        model: what predicts it.
        repeat: blocks of 60 sites along x and y.

    Returns:
        Seconds, the median of several runs.

    Example:
        >>> from ednn.core.atomistic import AtomisticEDNN
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> pixel = [12.5 / 32, 12.99 / 32]
        >>> model = AtomisticEDNN(EDNN(ANN, 8, 4), [5, 6, 7], pixel, gamma=0.4)
        >>> 0 < seconds_to_predict(model, (1, 1)) < 60
        True
    """
    structures = batch(sheet(0, repeat), model)
    times = []
    with torch.inference_mode():
        for _ in range(1 + TIMED_RUNS):  # the first warms up
            started = time.perf_counter()
            model(structures)
            times.append(time.perf_counter() - started)
    return float(np.median(times[1:]))
