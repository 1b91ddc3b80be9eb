"""One sample: a field as a line or an image, a structure as atoms."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from ednn.physics.structure import Structure, in_cell
from ednn.plots.style import COLOUR, limits, styled, ticks

SIZE = (4.4, 3.8)  # inches; several stand side by side
SHRUNK = 0.5  # discs, of covalent radii: neighbours don't touch


@styled
def field(values: np.ndarray, spacing: Sequence[float], span: tuple[float, float]) -> Figure:
    """Draw a field: a line, an image, or the plane halfway along the last axis of a volume.

    Args:
        values: one component, (n,), (nx, ny) or (nx, ny, nz).
        spacing: distance of the sites along each axis; empty if it is not known.
        span: smallest and largest value of the axis or the colours, shared by several pictures.

    Example:
        >>> figure = field(np.eye(4), spacing=[], span=(0.0, 1.0))
        >>> figure.axes[0].get_xlabel(), figure.axes[0].images[0].get_extent()
        ('x (sites)', [0, 4.0, 0, 4.0])
    """
    figure = Figure(figsize=SIZE)
    axes = figure.subplots()
    unit, steps = "" if spacing else " (sites)", spacing or [1.0] * values.ndim
    if values.ndim == 1:
        axes.plot(steps[0] * np.arange(len(values)), values, color=COLOUR["blue"])
        axes.set(xlabel=f"x{unit}", ylabel="field", ylim=limits(np.array(span)))
        return figure
    if values.ndim == 3:
        values = values[..., values.shape[-1] // 2]
    low, high = span
    image = axes.imshow(
        values.T,
        origin="lower",
        extent=(0, steps[0] * len(values), 0, steps[1] * values.shape[1]),
        cmap="cividis",
        vmin=low,
        vmax=high,
    )
    axes.set(xlabel=f"x{unit}", ylabel=f"y{unit}")
    _few_ticks(axes)
    figure.colorbar(image, ax=axes, shrink=0.8).locator = ticks(4)
    return figure


@styled
def structure(atoms: Structure) -> Figure:
    """Draw the atoms of a structure as discs in its cell, seen along z.

    Raises:
        ModuleNotFoundError: ASE is not installed, which knows colours and sizes of elements.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> figure = structure(crystal(boron_first=True))
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['B', 'N']
    """
    from ase.data import chemical_symbols, covalent_radii
    from ase.data.colors import jmol_colors

    atoms = in_cell(atoms, edge=0)
    edges = _edges(atoms.cell)
    corners = np.vstack([atoms.positions[:, :2], edges[..., :2].reshape(-1, 2)])
    across, along = np.ptp(corners, 0)
    width, height = SIZE
    tall = 1.2 + (width - 1.0) * along / max(across, 1e-9)
    figure = Figure(figsize=(width, float(np.clip(tall, 2.4, height))))
    axes = figure.subplots()
    for edge in edges:
        axes.plot(*edge[:, :2].T, color="black", linestyle=":", linewidth=1.0)
    for i in atoms.positions[:, -1].argsort():  # what is above hides what is below
        (x, y), number = atoms.positions[i, :2], atoms.numbers[i]
        look = {"fc": jmol_colors[number], "ec": "black", "lw": 0.6, "zorder": 2}
        axes.add_patch(Circle((x, y), SHRUNK * covalent_radii[number], **look))
    axes.set(xlabel="x (Å)", ylabel="y (Å)", aspect="equal")
    _few_ticks(axes)
    for number in np.unique(atoms.numbers):
        colour, name = jmol_colors[number], chemical_symbols[number]
        axes.plot([], [], "o", color=colour, markeredgecolor="black", label=name)
    figure.legend(loc="outside upper center", ncols=6, handletextpad=0, columnspacing=1)
    return figure


def _edges(cell: np.ndarray) -> np.ndarray:
    """Return both ends of every edge of a cell (D, D): (edges, 2, D)."""
    found = []
    for axis in range(len(cell)):
        for corner in product((0, 1), repeat=len(cell) - 1):
            start = np.insert(np.array(corner), axis, 0) @ cell
            found.append([start, start + cell[axis]])
    return np.array(found)


def _few_ticks(axes: Axes) -> None:
    axes.grid(visible=False)
    axes.xaxis.set_major_locator(ticks(4))
    axes.yaxis.set_major_locator(ticks(4))
