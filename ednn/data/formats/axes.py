"""What a file says of the axes of an array: their names, and the distance of the sites."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ednn.core.errors import InputError

CHANNELS = ("band", "bands", "channel", "channels", "component", "components")
EVEN = 1e-4  # steps of an even grid differ by no more of a step: coordinates are often rounded


class Axes(NamedTuple):
    """The axes of an array, that of the samples first; empty where the file doesn't say.

    Attributes:
        names: one per axis.
        steps: distances of neighbours, 0 where they are unknown or uneven.
        units: of these distances.

    Example:
        >>> axes = Axes(("time", "channel", "x", "y"), (1, 0, 0.5, 0.5), ("s", "", "m", "m"))
        >>> axes.channels_first("a.nc"), axes.spacing(1)
        (True, (0.5, 0.5))
    """

    names: tuple[str, ...] = ()
    steps: tuple[float, ...] = ()
    units: tuple[str, ...] = ()

    def channels_first(self, what: str) -> bool | None:
        """Tell whether the names have the channels before the sides; None if they don't say.

        Args:
            what: the array's name, for the sentence.

        Raises:
            InputError: the channels stand between the sides.
        """
        places = [i for i, name in enumerate(self.names) if name.lower() in CHANNELS]
        if not places or len(self.names) < 3:
            return None
        if places[0] not in (1, len(self.names) - 1):
            raise InputError(
                f"{what} has the axes ({', '.join(self.names)}), whose channels are between the "
                f"sides; store them as the second axis or as the last."
            )
        return places[0] == 1

    def spacing(self, channels: int | None) -> tuple[float, ...]:
        """Return the distances of the sites along each side; none if one is unknown.

        Args:
            channels: the axis that holds the channels, 1 or −1, or None.
        """
        sides = {None: slice(1, None), 1: slice(2, None), -1: slice(1, -1)}[channels]
        steps, units = self.steps[sides], self.units[sides]
        return steps if steps and all(steps) and len(set(units)) == 1 else ()

    def of_one(self) -> "Axes":
        """Return the axes of an array to which that of the samples is added."""
        if not self.names:
            return self
        return Axes(("", *self.names), (0.0, *self.steps), ("", *self.units))


def step(coordinates: Any, unit: str) -> float:
    """Return the distance of coordinates that are even; 0 for others, and for angles.

    Example:
        >>> step([0.0, 0.5, 1.0], "m"), step([0.0, 0.5, 2.0], "m"), step([10, 11], "degrees_north")
        (0.5, 0.0, 0.0)
    """
    values = np.asarray(coordinates)
    numbers = values.ndim == 1 and values.dtype.kind in "iuf" and len(values) > 1
    if not numbers or unit.lower().startswith("deg"):
        return 0.0
    line = values.astype(np.float64)
    mean = (line[-1] - line[0]) / (len(line) - 1)
    even = np.allclose(np.diff(line), mean, rtol=EVEN, atol=0)
    return float(abs(mean)) if even else 0.0


def orthogonal(vectors: Sequence[Any]) -> tuple[float, ...]:
    """Return the lengths of vectors (3, 3) that are at right angles; zeros for others.

    Example:
        >>> orthogonal([[0.5, 0, 0], [0, 2, 0], [0, 0, 1]]), orthogonal([[1, 1], [0, 1]])
        ((0.5, 2.0, 1.0), (0.0, 0.0))
    """
    rows = np.asarray(vectors, dtype=np.float64)
    products = rows @ rows.T
    lengths = np.sqrt(np.diag(products))
    right = np.allclose(products, np.diag(lengths**2), rtol=0, atol=1e-6 * products.max())
    return tuple(float(length) if right else 0.0 for length in lengths)
