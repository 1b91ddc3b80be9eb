"""Energy and temperature of a dynamics against time."""

import numpy as np
from matplotlib.figure import Figure

from ednn.plots.style import COLOUR, limits, styled, ticks

UNCERTAINTY = "uncertainty\n(meV per atom)"


@styled
def dynamics_picture(
    times: np.ndarray,
    energies: np.ndarray,
    temperatures: np.ndarray,
    deviations: np.ndarray | None = None,
) -> Figure:
    r"""Draw what is conserved, what fluctuates and how far the network is to be trusted.

    Args:
        times: (N,) in ps.
        energies: total energies per atom less the first, (N,) in meV.
        temperatures: (N,) in K.
        deviations: standard deviations of the potential energy per atom, (N,) in meV.

    Example:
        >>> figure = dynamics_picture(np.arange(3.0), np.zeros(3), np.full(3, 300.0))
        >>> [axes.get_ylabel() for axes in figure.axes], figure.axes[-1].get_xlabel()
        (['energy change\n(meV per atom)', 'temperature (K)'], 'time (ps)')
    """
    rows = [
        ("energy change\n(meV per atom)", energies, "blue"),
        ("temperature (K)", temperatures, "vermilion"),
    ]
    if deviations is not None:
        rows.append((UNCERTAINTY, deviations, "green"))
    figure = Figure(figsize=(7.0, 2.6 * len(rows)))
    panels = figure.subplots(len(rows), sharex=True)
    for axes, (name, values, colour) in zip(panels, rows, strict=True):
        axes.plot(times, values, color=COLOUR[colour], linewidth=1.2)
        axes.set_ylabel(name)
        low, high = limits(values)
        axes.set_ylim(low if name != UNCERTAINTY else 0, high)
        axes.yaxis.set_major_locator(ticks(5))
    panels[-1].set_xlabel("time (ps)")
    panels[-1].xaxis.set_major_locator(ticks(8))
    figure.align_ylabels()
    return figure
