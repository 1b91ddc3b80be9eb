"""The pictures, one file each, all in one style.

New pictures: decorate the function with `styled`, make a `Figure`, use the names in `COLOUR`, and
write the file with `save` (`ednn/plots/style.py`).
"""

from ednn.plots.branches import branches
from ednn.plots.errors import error, parity
from ednn.plots.loss import loss_curve
from ednn.plots.style import number, read, save
from ednn.plots.tiles import tiles

__all__ = ["branches", "error", "loss_curve", "number", "parity", "read", "save", "tiles"]
