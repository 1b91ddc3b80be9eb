"""The study itself: networks trained, lattices simulated, rows of the report."""

from collections.abc import Mapping, Sequence
from os import cpu_count
from time import perf_counter
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from ednn.core.checkpoint import load_model
from ednn.data.workers import worker_pool
from ednn.physics import kaufman
from ednn.physics.heat_bath import sample
from ednn.runs.folder import Run
from ednn.studies.base import Numbers, Row, Study
from ednn.studies.phase_transition.analysis import EXACT, LABELS, analyse
from ednn.studies.phase_transition.picture import by_side, draw, written
from ednn.studies.records import cost, record

TOLERANCE = 0.01  # of the critical temperature, relative: what counts as found


class PhaseTransition(Study):
    """Monte Carlo with learned energies, beside finite lattices solved exactly and the exact T_c.

    Args:
        networks: each with its `name`, the `paper`'s median absolute error, the overrides of its
            training, `train`, and `simulations`, sides L ascending: with `replicas` of each
            temperature, sweeps of `equilibration` and measured `sweeps`.
        temperatures: of all simulations, ascending, in J.
        critical: the lowest and the highest of those that the Binder cumulants cross between.
        **base: arguments of `Study`.

    Example:
        ednn study study=phase_transition
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
        critical: Sequence[float],
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.networks, self.temperatures, self.critical = networks, temperatures, critical

    def measure(self) -> Numbers:
        runs = [self.lab.train("ising", *network["train"]) for network in self.networks]
        results = self._simulate(runs)
        table = [
            {
                "name": network["name"],
                "paper": network["paper"],
                "trained": record(run),
                **analyse(results[n], self.temperatures, self.critical),
            }
            for n, (network, run) in enumerate(zip(self.networks, runs, strict=True))
        ]
        return {"temperatures": self.temperatures, "critical": self.critical, "table": table}

    def _simulate(self, runs: Sequence[Run]) -> list[list[Numbers]]:
        """Run every network's simulations side by side; returns plans and results together."""
        plans = [(n, plan) for n, net in enumerate(self.networks) for plan in net["simulations"]]
        workers = 1 if torch.cuda.is_available() else min(len(plans), cpu_count() or 1)
        with worker_pool(workers) as pool:
            futures = {
                (n, plan["L"]): pool.submit(
                    self.lab.measured,
                    "simulation",
                    simulate,
                    str(runs[n].best),
                    plan,
                    self.temperatures,
                )
                for n, plan in sorted(plans, key=lambda part: -part[1]["L"])  # the longest first
            }
            return [
                [{**plan, **futures[n, plan["L"]].result()} for plan in network["simulations"]]
                for n, network in enumerate(self.networks)
            ]

    def rows(self, numbers: Numbers) -> list[Row]:
        rows = []
        for network in numbers["table"]:
            name, trained = network["name"], network["trained"]
            error = f"{trained['test/median_absolute_error']:.3g}"
            quantity = (
                f"median absolute error (J) on {by_side(*trained['data']['lattice'])}, {name}"
            )
            rows.append(Row(quantity, network["paper"], error, cost(trained)))
            rows += [crossing_row(name, crossing) for crossing in network["crossings"]]
        for network in numbers["table"]:
            for simulation in network["simulations"]:
                rows += [self._deviation_row(network["name"], simulation, key) for key in EXACT]
        return rows

    def _deviation_row(self, name: str, simulation: Numbers, key: str) -> Row:
        """Say how far a simulation is from the exact result, in its unit and standard errors."""
        lattice = (simulation["L"], simulation["L"])
        away = np.abs(simulation[key] - EXACT[key](lattice, self.temperatures))  # (temperatures,)
        ratio = (away / np.array(simulation[f"{key}_standard_error"])).max()
        quantity = LABELS[key].replace("$", "")  # the table knows no TeX
        return Row(
            f"largest deviation from exact, {quantity}, {by_side(*lattice)}, {name}",
            "",
            f"{away.max():.2g} at {self.temperatures[away.argmax()]} J; up to {ratio:.1f} "
            f"standard errors",
            "{replicas} replicas, {equilibration} + {sweeps} sweeps, {seconds:.0f} s".format(
                **simulation
            ),
        )

    def picture(self, numbers: Numbers) -> Figure:
        return draw(numbers)


def simulate(checkpoint: str, plan: Mapping[str, int], temperatures: Sequence[float]) -> Numbers:
    """Simulate a square lattice with a learned energy.

    Args:
        checkpoint: path of the network's.
        plan: side `L`, and `replicas`, `equilibration` and `sweeps` as in
            `ednn.physics.heat_bath.sample`.
        temperatures: in J.

    Returns:
        `moments`, (5, replicas, temperatures), and `seconds`.

    Example:
        plan = {"L": 16, "replicas": 8, "equilibration": 100, "sweeps": 1000}
        simulate("outputs/runs/mine/checkpoints/best.ckpt", plan, [2.0, 2.27, 2.5])["moments"]
    """
    torch.set_num_threads(1)  # simulations run side by side
    model = load_model(checkpoint).to("cuda" if torch.cuda.is_available() else "cpu")
    started = perf_counter()
    counts = {key: value for key, value in plan.items() if key != "L"}
    moments = sample(model, (plan["L"], plan["L"]), temperatures, **counts)
    return {"moments": moments.tolist(), "seconds": perf_counter() - started}


def crossing_row(name: str, crossing: Numbers) -> Row:
    """Say where the Binder cumulants of two lattices cross; nowhere is a result, too.

    Example:
        >>> nowhere = {"L": [8, 16], "T": None, "standard_error": None, "crossed": 0.0}
        >>> crossing_row("f = c = 1", nowhere).here
        'no crossing'
    """
    small, large = crossing["L"]
    lattices = f"{by_side(small, small)} and {by_side(large, large)}"
    quantity = f"critical temperature (J), Binder cumulants of {lattices}, {name}"
    exact = f"{kaufman.TC:.4f} (exact)"
    crossed = f"{100 * crossing['crossed']:.0f} % of the bootstrap samples cross"
    if crossing["T"] is None:
        return Row(quantity, exact, "no crossing", crossed)
    away = crossing["T"] / kaufman.TC - 1
    within = "within" if abs(away) <= TOLERANCE else "not within"
    return Row(
        quantity,
        exact,
        written(crossing),
        f"{100 * away:+.2f} %: {within} {100 * TOLERANCE:.0f} %; {crossed}",
    )
