"""How the fields of a user's own file are read: what is told to the user once."""

from typing import Any, NamedTuple

from ednn.data.fields.layout import (
    Layout,
    channel_axis,
    find_layout,
    require_first,
    require_sides,
)
from ednn.data.formats.stored import StoredNumbers


class Way(NamedTuple):
    """How fields are stored, and what reading them takes.

    Attributes:
        layout: where channels and sides stand.
        shape: in the file.
        spacing: distance of the sites along each axis; empty if the file doesn't say.
        packing: how they are unpacked, in words.
        slow: why reading one takes long, in words; empty if it doesn't.
        whole: whether all are in memory as soon as one is read.

    Example:
        >>> import numpy as np
        >>> from pathlib import Path
        >>> way = Way.of(StoredNumbers(np.zeros((9, 8, 8)), Path("a.npy")), 2, None, None)
        >>> way.words("pixel"), way.spacing
        ('9 fields of 8 × 8 pixels, 1 channel', ())
    """

    layout: Layout
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    packing: str
    slow: str
    whole: bool

    @classmethod
    def of(cls, stored: StoredNumbers, dims: int, first: Any, sides: Any) -> "Way":
        """Tell how fields are stored, as far as the user says it, and make sure they are there.

        Args:
            stored: the fields.
            dims: number of sides.
            first: whether the channels stand before the sides; None for not said.
            sides: those of flat fields.

        Raises:
            InputError: the fields are of another shape, or not all there.
        """
        flat = require_sides(sides, "data.sides")
        first = require_first(first, "data.channels_first")
        if first is None and not flat:
            first = stored.axes.channels_first(stored.name)
        layout = find_layout(stored.shape, dims, first, flat)
        spacing = () if flat else stored.axes.spacing(channel_axis(stored.shape, *layout))
        stored.require_present()
        words = stored.packing.words
        return cls(layout, stored.shape, spacing, words, stored.slow, stored.whole)

    def words(self, site: str) -> str:
        """Say how the fields are read; `site` is what one point of them is called."""
        return self.layout.words(self.shape, site) + self.packing
