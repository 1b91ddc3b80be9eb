"""Fig. 6: trained on 60 atoms, tested on more; and the time against the number of atoms."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ednn.core.checkpoint import load_structure_model
from ednn.core.errors import InputError
from ednn.core.interface import StructureModel
from ednn.data.structures.crystals import CRYSTALS, finite_size
from ednn.inference.structure_job import batch
from ednn.physics.labels import label, resolve
from ednn.physics.sheets import Repeat, sheet
from ednn.plots.style import COLOUR, styled
from ednn.studies.base import Numbers, Row, Study, figures

MEDIAN, MEAN = (f"test/{kind}_absolute_error_per_site" for kind in ("median", "mean"))
BLOCK_SITES = 60
KCAL = 43.3641  # meV per particle in 1 kcal/mol
NETWORK = "network"
COLOURS = {NETWORK: COLOUR["blue"], "gfn1": COLOUR["green"], "pbe": COLOUR["vermilion"]}


class Transfer(Study):
    """Errors on cells larger than those of the training, and times on this machine.

    Args:
        train: overrides of the training, on cells of 60 sites.
        test: files of larger cells, by their blocks of 60 sites along x and y as "2x1".
        timed: cells whose time is measured, by method, the same way.
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
        table = [{"atoms": BLOCK_SITES, **figures(trained), "floor": _floor(BLOCK_SITES)}]
        for size, path in self.test.items():
            tested = self.lab.evaluate(f"dft-{size}", trained, "data=dft", f"data.path={path}")
            table.append({"atoms": _sites(size), **figures(tested), "floor": _floor(_sites(size))})
        seconds: dict[str, dict[str, float]] = {}
        for method, sizes in self.timed.items():
            try:
                seconds[method] = {
                    str(_sites(size)): self.lab.measured(
                        f"time-{method}", _seconds, method, str(trained.best), size
                    )
                    for size in sizes
                }
            except InputError as error:  # the engine is not installed
                print(f"{method} is not timed: {error}")
        return {"table": table, "seconds": seconds, "trained": figures(trained)}

    def rows(self, numbers: Numbers) -> list[Row]:
        rows = []
        for run in numbers["table"]:
            floor = ", ".join(f"{kind} {value:.2g}" for kind, value in run["floor"].items())
            rows.append(
                Row(
                    f"mean absolute error at {run['atoms']} sites (meV per atom)",
                    f"{KCAL:.3g} (1 kcal/mol)",
                    f"{run[MEAN]:.3g} (median {run[MEDIAN]:.3g})",
                    f"{run['test/samples']} structures; finite size of the labels: {floor}",
                )
            )
        network = numbers["seconds"][NETWORK]
        for method, seconds in numbers["seconds"].items():
            rows.append(
                Row(
                    f"time ∝ atoms to the power of, {method}",
                    "1" if method == NETWORK else "3" if method == "pbe" else "",
                    f"{_exponent(seconds):.2f}",
                    f"{', '.join(seconds)} sites",
                )
            )
            for sites in seconds if method != NETWORK else ():
                rows.append(
                    Row(
                        f"{method} takes longer than the network, {sites} sites",
                        "over 1,000,000 times" if method == "pbe" else "",
                        f"{seconds[sites] / network[sites]:,.0f} times",
                        f"{seconds[sites]:.3g} s against {network[sites]:.3g} s",
                    )
                )
        return rows

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        figure = Figure(figsize=(15, 6.5))
        times, errors = figure.subplots(1, 2)
        for method, seconds in numbers["seconds"].items():
            atoms = np.array(list(map(int, seconds)))
            name = f"{method}, ∝ $N^{{{_exponent(seconds):.2f}}}$"
            times.loglog(atoms, list(seconds.values()), "o-", color=COLOURS[method], label=name)
        times.set(xlabel="atoms N", ylabel="time per structure (s)")
        times.legend()
        _draw_errors(errors, numbers)
        return figure


def _draw_errors(axes: Axes, numbers: Numbers) -> None:
    """Draw error and finite-size floor against the number of atoms."""
    table = numbers["table"]
    atoms = [run["atoms"] for run in table]
    for key, name, colour in ((MEAN, "mean", "blue"), (MEDIAN, "median", "sky")):
        error = [run[key] for run in table]
        axes.plot(atoms, error, "o-", color=COLOUR[colour], label=f"{name} absolute error")
    for kind, line in zip(CRYSTALS, ("--", ":"), strict=True):
        floor = [run["floor"][kind] for run in table]
        axes.plot(
            atoms[1:], floor[1:], line, marker="s", color="black", label=f"finite size, {kind}"
        )
    axes.axhline(KCAL, color=COLOUR["vermilion"], label="1 kcal/mol")
    axes.set(xscale="log", yscale="log", xlabel="atoms N", ylabel="error (meV per atom)")
    axes.set_xticks(atoms, list(map(str, atoms)))
    axes.minorticks_off()
    kcal = axes.secondary_yaxis(
        "right", functions=(lambda e: np.divide(e, KCAL), lambda e: np.multiply(e, KCAL))
    )
    kcal.set_ylabel("error (kcal/mol per atom)")
    axes.legend(loc="upper right", bbox_to_anchor=(1, 0.94))  # below the line


def _repeat(size: str) -> Repeat:
    columns, _, rows = size.partition("x")
    return int(columns), int(rows)


def _sites(size: str) -> int:
    return BLOCK_SITES * int(np.prod(_repeat(size)))


def _exponent(seconds: Mapping[str, float]) -> float:
    """Fit time ∝ atoms to the power of the result."""
    atoms = np.log(list(map(int, seconds)))
    return float(np.polyfit(atoms, np.log(list(seconds.values())), 1)[0])


def _floor(sites: int) -> dict[str, float]:
    """How far the labels of perfect crystals move from 60 sites to more, in meV/atom."""
    return {kind: abs(finite_size("gfn1", kind, sites)) for kind in CRYSTALS}


def _seconds(method: str, checkpoint: str, size: str) -> float:
    """Return the time for one sheet."""
    if method != NETWORK:
        return seconds_to_label(method, _repeat(size))
    return seconds_to_predict(load_structure_model(checkpoint), _repeat(size))


def seconds_to_label(theory: str, repeat: Repeat) -> float:
    """Return the time for the energy and the forces of one sheet."""
    chosen = resolve(theory)
    chosen.calculator_class()  # imports it
    started = time.perf_counter()
    label(sheet(0, repeat), chosen)
    return time.perf_counter() - started


def seconds_to_predict(model: StructureModel, repeat: Repeat) -> float:
    """Return the time for the energy of one sheet, the median of five."""
    structures = batch(sheet(0, repeat), model)
    times = []
    with torch.inference_mode():
        for _ in range(6):  # the first warms up
            started = time.perf_counter()
            model(structures)
            times.append(time.perf_counter() - started)
    return float(np.median(times[1:]))
