"""The picture: observables against temperature, and Binder cumulants about the critical one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ednn.physics import kaufman
from ednn.plots.style import COLOUR, styled
from ednn.studies.base import Numbers
from ednn.studies.phase_transition.analysis import EXACT, LABELS, near

SHOWN = ("energy", "magnetisation", "specific_heat")  # in the left column
COLOURS = [COLOUR[name] for name in ("blue", "vermilion", "green")]  # of networks
LOOKS = [("o", "-"), ("s", "--"), ("^", ":"), ("D", "-."), ("v", (0, (1, 3)))]  # of lattices
THIN: dict[str, Any] = {"color": "black", "linewidth": 1.2, "zorder": 1}

Look = tuple[str, Any]  # marker and line


@styled
def draw(numbers: Numbers) -> Figure:
    """Draw all networks: what was simulated at the left, their Binder cumulants at the right.

    Args:
        numbers: of the study.

    Returns:
        A figure of six panels.

    Example:
        path = Path("outputs/paper/cpu/phase_transition/result.json")  # of the study
        draw(json.loads(path.read_text())["numbers"]).savefig("again.png")
    """
    networks = list(zip(numbers["table"], COLOURS, strict=False))
    sides = sorted({s["L"] for network, _ in networks for s in network["simulations"]})
    looks = dict(zip(sides, LOOKS, strict=False))
    figure = Figure(figsize=(12, 16))
    panels = figure.subplots(3, 2).T  # (2, 3): a column each
    for axes, key in zip(panels[0], SHOWN, strict=True):
        _draw_observable(axes, key, numbers["temperatures"], networks, looks)
    _add_legends(figure, panels[0, -1], networks, looks)
    for axes, (network, colour) in zip(panels[1], networks, strict=False):
        _draw_cumulants(axes, numbers, network, colour, looks)
    for axes in panels[1, len(networks) :]:
        axes.set_axis_off()
    return figure


def by_side(*lattice: int) -> str:
    """Return "8 × 8" for a lattice of these sides.

    Example:
        >>> by_side(8, 16)
        '8 × 16'
    """
    return " × ".join(map(str, lattice))


def written(crossing: Numbers) -> str:
    """Return a temperature of crossing with its standard error, if there is one.

    Example:
        >>> written({"T": 2.2691853, "standard_error": 0.0042})
        '2.2692 ± 0.0042'
        >>> written({"T": 2.2691853, "standard_error": None})
        '2.2692'
    """
    if crossing["standard_error"] is None:
        return f"{crossing['T']:.4f}"
    return f"{crossing['T']:.4f} ± {crossing['standard_error']:.4f}"


def _draw_observable(
    axes: Axes,
    key: str,
    temperatures: Sequence[float],
    networks: Sequence[tuple[Numbers, str]],
    looks: Mapping[int, Look],
) -> None:
    """Draw one observable of all simulations, over the exact lines where they are known."""
    everywhere = np.full(len(temperatures), True)
    for network, colour in networks:
        for simulation in network["simulations"]:
            marker, line = looks[simulation["L"]]
            look = (marker, "" if key in EXACT else line)
            _draw_points(axes, temperatures, simulation, key, everywhere, colour, look)
    T = np.linspace(temperatures[0], temperatures[-1], 400)
    for L in looks if key in EXACT else ():
        axes.plot(T, EXACT[key]((L, L), T), linestyle=looks[L][1], **THIN)
    axes.set(xlabel="temperature T (J)", ylabel=LABELS[key])


def _draw_cumulants(
    axes: Axes, numbers: Numbers, network: Numbers, colour: str, looks: Mapping[int, Look]
) -> None:
    """Draw the Binder cumulants of a network, the exact critical temperature and the crossing."""
    temperatures = numbers["temperatures"]
    chosen = near(temperatures, numbers["critical"])
    for simulation in network["simulations"]:
        look = looks[simulation["L"]]
        _draw_points(axes, temperatures, simulation, "binder", chosen, colour, look)
    axes.axvline(kaufman.TC, label=f"exact $T_c$ = {kaufman.TC:.4f} J", **THIN)
    crossing = network["crossings"][-1]  # of the largest lattices
    if crossing["T"] is not None:
        T, error = crossing["T"], crossing["standard_error"] or 0.0
        name = f"crossing {written(crossing)} J"
        axes.axvspan(T - error, T + error, color=colour, alpha=0.25, linewidth=0, label=name)
    axes.set(xlabel="temperature T (J)", ylabel=LABELS["binder"], title=network["name"])
    axes.legend()


def _draw_points(
    axes: Axes,
    temperatures: Sequence[float],
    simulation: Numbers,
    key: str,
    chosen: np.ndarray,
    colour: str,
    look: Look,
) -> None:
    """Draw one simulation at the chosen temperatures, with standard errors."""
    columns = (temperatures, simulation[key], simulation[f"{key}_standard_error"])
    marker, line = look
    axes.errorbar(
        *(np.array(column)[chosen] for column in columns),
        marker=marker,
        linestyle=line,
        linewidth=1.0,
        color=colour,
        markerfacecolor="none",
        label=by_side(simulation["L"], simulation["L"]),
    )


def _add_legends(
    figure: Figure,
    axes: Axes,
    networks: Sequence[tuple[Numbers, str]],
    looks: Mapping[int, Look],
) -> None:
    """Say above all what the colours are, and in a panel what lattices and lines are."""
    colours = [Line2D([], [], color=colour) for _, colour in networks]
    names = [network["name"] for network, _ in networks]
    figure.legend(colours, names, loc="outside upper center", ncols=len(names), fontsize=13)
    lattices = [
        Line2D([], [], color="black", marker=marker, linestyle=line, markerfacecolor="none")
        for marker, line in looks.values()
    ]
    axes.legend(lattices, [by_side(L, L) for L in looks], title="lines: exact")
