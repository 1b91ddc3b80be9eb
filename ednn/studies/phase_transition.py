"""The phase transition of the Ising model, simulated with learned energies."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from os import cpu_count
from time import perf_counter
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ednn.core.checkpoint import load_model
from ednn.data.workers import worker_pool
from ednn.physics import kaufman
from ednn.physics.metropolis import crossing, observables, resample, sample
from ednn.plots.style import COLOUR, styled
from ednn.studies.base import Numbers, Row, Study, figures, how

EXACT = {"energy": kaufman.energy, "specific_heat": kaufman.specific_heat}
LABELS = {
    "energy": "energy per spin (J)",
    "magnetisation": "magnetisation |m|",
    "specific_heat": "specific heat per spin ($k_B$)",
    "binder": "Binder cumulant U",
}
RESAMPLED = 500
TOLERANCE = 0.01  # of the critical temperature
COLOURS = [COLOUR[name] for name in ("blue", "vermilion", "green")]  # of networks
LOOKS = [("o", "-"), ("s", "--"), ("^", ":"), ("D", "-."), ("v", (0, (1, 3)))]  # of lattices
THIN: dict[str, Any] = {"color": "black", "linewidth": 1.2, "zorder": 1}


class PhaseTransition(Study):
    """Monte Carlo with learned energies, beside finite lattices solved exactly and the exact T_c.

    Args:
        networks: each with its `name`, the `paper`'s median absolute error, the overrides of its
            training, `train`, and `simulations`, sides L ascending: with `replicas` of each
            temperature, sweeps of `equilibration` and measured `sweeps`.
        temperatures: of all simulations, ascending, in J.
        critical: the lowest and the highest of those that the Binder cumulants cross between.
    """

    title = "Phase transition of the Ising model"
    claim = (
        "The energy learned with f = 8 and c = 1, to 0.512 J, is sufficiently accurate to "
        "reproduce the finite temperature phase transition."
    )

    def __init__(
        self,
        networks: Sequence[Mapping[str, Any]],
        temperatures: Sequence[float],
        critical: tuple[float, float],
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.networks, self.temperatures = networks, np.array(temperatures)
        low, high = critical
        self.near = (self.temperatures >= low) & (self.temperatures <= high)

    def measure(self) -> Numbers:
        runs = [self.lab.train("ising", *network["train"]) for network in self.networks]
        parts = [(n, plan) for n, net in enumerate(self.networks) for plan in net["simulations"]]
        workers = 1 if torch.cuda.is_available() else min(len(parts), cpu_count() or 1)
        with worker_pool(workers) as pool:
            futures = {
                (n, plan["L"]): pool.submit(
                    self.lab.measured,
                    "simulation",
                    simulate,
                    str(runs[n].best),
                    plan,
                    self.temperatures.tolist(),
                )
                for n, plan in sorted(parts, key=lambda part: -part[1]["L"])  # the longest first
            }
            simulated = {part: future.result() for part, future in futures.items()}
        table = []
        for n, (network, run) in enumerate(zip(self.networks, runs, strict=True)):
            results = [{**plan, **simulated[n, plan["L"]]} for plan in network["simulations"]]
            told = {key: network[key] for key in ("name", "paper")}
            table.append({**told, "trained": figures(run), **self._analyse(results)})
        return {"temperatures": self.temperatures.tolist(), "table": table}

    def _analyse(self, results: Sequence[Numbers]) -> Numbers:
        """Return observables with their standard errors, and where Binder cumulants cross."""
        rng = np.random.default_rng(0)
        simulations, binder = [], []
        for result in results:
            moments = np.array(result["moments"])  # (5, replicas, temperatures)
            means = [moments.mean(1, keepdims=True), resample(moments, RESAMPLED, rng)]
            values = observables(np.concatenate(means, 1), self.temperatures, result["L"] ** 2)
            simulations.append(
                {key: value for key, value in result.items() if key != "moments"}
                | {of: value[0].tolist() for of, value in values.items()}
                | {f"{of}_error": value[1:].std(0).tolist() for of, value in values.items()}
            )
            binder.append(values["binder"][:, self.near])  # the mean, then those resampled
        crossings = []
        for (a, smaller), (b, larger) in pairwise(zip(results, binder, strict=True)):
            T = self.temperatures[self.near]
            found = [crossing(T, *pair) for pair in zip(smaller, larger, strict=True)]
            others = [where for where in found[1:] if where is not None]
            error = float(np.std(others)) if others else None
            crossings.append({"L": [a["L"], b["L"]], "T": found[0], "error": error})
        return {"simulations": simulations, "crossings": crossings}

    def rows(self, numbers: Numbers) -> list[Row]:
        rows = []
        for network in numbers["table"]:
            name, trained = network["name"], network["trained"]
            error = f"{trained['test/median_absolute_error']:.3g}"
            lattice = _times(trained["data"]["lattice"])
            quantity = f"median absolute error (J) on {lattice}, {name}"
            rows.append(Row(quantity, network["paper"], error, how(trained)))
            rows += [_crossing_row(name, found) for found in network["crossings"]]
        for network in numbers["table"]:
            for simulation in network["simulations"]:
                rows += [self._deviation(network["name"], simulation, of) for of in EXACT]
        return rows

    def _deviation(self, name: str, simulation: Numbers, of: str) -> Row:
        """Tell how far a simulation is from the exact result, in its unit and standard errors."""
        lattice = (simulation["L"], simulation["L"])
        away = np.abs(simulation[of] - EXACT[of](lattice, self.temperatures))  # (temperatures,)
        errors = away / np.array(simulation[f"{of}_error"])
        quantity = LABELS[of].replace("$", "")  # the table knows no TeX
        return Row(
            f"largest deviation from exact, {quantity}, {_times(lattice)}, {name}",
            "",
            f"{away.max():.2g} at {self.temperatures[away.argmax()]} J; up to {errors.max():.1f} "
            f"standard errors",
            "{replicas} replicas, {equilibration} + {sweeps} sweeps, {seconds:.0f} s".format(
                **simulation
            ),
        )

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        figure = Figure(figsize=(20, 13))
        panels = figure.subplots(2, 3)
        networks = list(zip(numbers["table"], COLOURS, strict=False))
        sides = sorted({s["L"] for network, _ in networks for s in network["simulations"]})
        looks = dict(zip(sides, LOOKS, strict=False))
        T = np.linspace(self.temperatures[0], self.temperatures[-1], 400)
        for axes, of in zip(panels[0], ("energy", "magnetisation", "specific_heat"), strict=True):
            for network, colour in networks:
                for simulation in network["simulations"]:
                    marker, line = looks[simulation["L"]]
                    look = (marker, "" if of in EXACT else line)
                    self._draw(axes, simulation, of, colour, look)
            for L in sides if of in EXACT else ():
                axes.plot(T, EXACT[of]((L, L), T), linestyle=looks[L][1], **THIN)
            axes.set(xlabel="temperature T (J)", ylabel=LABELS[of])
        _legends(panels[0], networks, looks)
        for axes, (network, colour) in zip(panels[1], networks, strict=False):
            for simulation in network["simulations"]:
                look = looks[simulation["L"]]
                self._draw(axes, simulation, "binder", colour, look, self.near)
            _mark(axes, network["crossings"][-1], colour)
            axes.set(xlabel="temperature T (J)", ylabel=LABELS["binder"], title=network["name"])
        return figure

    def _draw(
        self,
        axes: Axes,
        simulation: Numbers,
        of: str,
        colour: str,
        look: tuple[str, Any],
        chosen: Any = slice(None),
    ) -> None:
        """Draw one simulation at the chosen temperatures, with standard errors."""
        axes.errorbar(
            self.temperatures[chosen],
            np.array(simulation[of])[chosen],
            np.array(simulation[f"{of}_error"])[chosen],
            marker=look[0],
            linestyle=look[1],
            linewidth=1.0,
            color=colour,
            markerfacecolor="none",
            label=_times([simulation["L"]] * 2),
        )


def simulate(checkpoint: str, plan: Mapping[str, int], temperatures: Sequence[float]) -> Numbers:
    """Simulate a square lattice with the energy of a checkpoint; returns moments and seconds."""
    torch.set_num_threads(1)  # simulations run side by side
    model = load_model(checkpoint).to("cuda" if torch.cuda.is_available() else "cpu")
    started = perf_counter()
    counts = {key: value for key, value in plan.items() if key != "L"}
    moments = sample(model, (plan["L"], plan["L"]), temperatures, **counts)
    return {"moments": moments.tolist(), "seconds": perf_counter() - started}


def _crossing_row(name: str, found: Numbers) -> Row:
    sides = " and ".join(_times([L, L]) for L in found["L"])
    quantity = f"critical temperature (J), Binder cumulants of {sides}, {name}"
    exact = f"{kaufman.TC:.4f} (exact)"
    if found["T"] is None:
        return Row(quantity, exact, "no crossing")
    away = found["T"] / kaufman.TC - 1
    within = "within" if abs(away) <= TOLERANCE else "not within"
    return Row(
        quantity,
        exact,
        f"{found['T']:.4f} ± {found['error']:.4f}",
        f"{100 * away:+.2f} %: {within} {100 * TOLERANCE:.0f} %",
    )


def _mark(axes: Axes, found: Numbers, colour: str) -> None:
    """Mark the exact critical temperature and the crossing that was found."""
    axes.axvline(kaufman.TC, label=f"exact $T_c$ = {kaufman.TC:.4f} J", **THIN)
    if found["T"] is not None:
        low, high = found["T"] - found["error"], found["T"] + found["error"]
        words = f"crossing {found['T']:.4f} ± {found['error']:.4f} J"
        axes.axvspan(low, high, color=colour, alpha=0.25, linewidth=0, label=words)
    axes.legend()


def _legends(panels: np.ndarray, networks: Sequence[tuple[Numbers, str]], looks: Any) -> None:
    """Say in the first panel what the colours are, and in the last what lattices and lines are."""
    colours = [Line2D([], [], color=colour) for _, colour in networks]
    panels[0].legend(colours, [network["name"] for network, _ in networks], loc="lower right")
    lattices = [
        Line2D([], [], color="black", marker=marker, linestyle=line, markerfacecolor="none")
        for marker, line in looks.values()
    ]
    panels[-1].legend(lattices, [_times([L, L]) for L in looks], title="lines: exact")


def _times(lattice: Sequence[int]) -> str:
    return " × ".join(map(str, lattice))
