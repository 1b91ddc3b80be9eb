"""What each tile of a sheet of atoms contributes to its energy."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from ednn.physics.structure import Structure
from ednn.plots.style import label, styled

MARGIN = 0.6  # Å around the sheet, for atoms at its edge
SHADES = ("white", "#999999", "black", "#CC79A7", "#F0E442")


@styled
def contributions(
    structure: Structure, values: np.ndarray, names: Mapping[int, str], title: str, unit: str
) -> Figure:
    """Draw how contributions of tiles differ from a perfect sheet's as colours, atoms on top.

    Args:
        structure: whose cell is rectangular.
        values: contributions of the tiles, less a perfect sheet's, (tiles along x, along y).
        names: symbols of the atomic numbers.
        title: of the picture.
        unit: of the contributions.

    Example:
        >>> from ednn.physics.sheets import crystal
        >>> names = {5: "B", 7: "N"}
        >>> figure = contributions(crystal((1, 1), True), np.eye(4), names, "hBN", "eV")
        >>> [axes.get_xlabel() for axes in figure.axes]
        ['x (Å)', '']
    """
    figure = Figure(figsize=(8.0, 7.0))
    axes = figure.subplots()
    width, height = structure.sides
    largest = float(np.abs(values).max())
    image = axes.imshow(
        values.T,
        origin="lower",
        extent=(0, width, 0, height),
        cmap="RdBu_r",
        vmin=-largest,
        vmax=largest,
    )
    for shade, (element, name) in zip(SHADES, sorted(names.items()), strict=False):
        here = structure.positions[structure.numbers == element] % structure.sides  # (atoms, 2)
        x, y = here.T
        axes.scatter(x, y, s=60, color=shade, edgecolors="black", linewidths=0.8, label=name)
    figure.legend(loc="outside lower center", ncols=len(names))
    axes.set(xlim=(-MARGIN, width + MARGIN), ylim=(-MARGIN, height + MARGIN))
    axes.set(xlabel=label("x", "Å"), ylabel=label("y", "Å"), title=title)
    axes.grid(visible=False)
    figure.colorbar(
        image, ax=axes, label=label("contribution less the perfect sheet's", unit), shrink=0.8
    )
    return figure
