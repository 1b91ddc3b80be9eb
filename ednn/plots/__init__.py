"""The pictures, one file each, all in one style.

Reading order: `style` (colours, axes, files), `parity_picture` (predictions and their errors),
`outputs_picture` (those of many outputs), `reliability_picture` (how uncertain predictions are),
`loss` and `learning_picture` (as they fall), `derivative_picture` (a derivative by a field),
`contributions_picture` (what the tiles of a sheet add),
`tiles_picture` and `branches_picture` (what a model sees), `heatmap`, `sweep_picture` and `gallery`
(for reports of several runs).

A new picture: decorate the function with `styled`, make a `Figure`, use the names in `COLOUR`, and
write the file with `save` (`ednn/plots/style.py`).
"""

from ednn.plots.branches_picture import branches
from ednn.plots.contributions_picture import contributions
from ednn.plots.derivative_picture import derivative
from ednn.plots.learning_picture import learning_curve
from ednn.plots.loss import loss_curve
from ednn.plots.outputs_picture import MANY, error_by_output
from ednn.plots.parity_picture import error, parity
from ednn.plots.reliability_picture import reliability
from ednn.plots.style import number, read, save
from ednn.plots.sweep_picture import heat_map
from ednn.plots.tiles_picture import tiles

__all__ = [
    "MANY",
    "branches",
    "contributions",
    "derivative",
    "error",
    "error_by_output",
    "heat_map",
    "learning_curve",
    "loss_curve",
    "number",
    "parity",
    "read",
    "reliability",
    "save",
    "tiles",
]
