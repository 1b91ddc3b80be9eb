"""The numbers of a dataset as they are meant: unpacked, whole and finite, or a sentence."""

from collections.abc import Sequence

import h5py
import numpy as np

from ednn.data.hdf5_file import require_finite, require_none
from ednn.data.packing import Packing
from ednn.data.presence import load_filters, name_of, unreadable


class StoredNumbers:
    """A dataset of real numbers in an open file, one row per sample.

    Args:
        stored: the dataset.

    Example:
        >>> with h5py.File("a.nc", "w", driver="core", backing_store=False) as file:
        ...     file["t"] = np.array([[1, 2], [3, 4]], ">i2")
        ...     file["t"].attrs["scale_factor"] = 0.5
        ...     numbers = StoredNumbers(file["t"])
        ...     numbers.name, numbers.read(slice(0, 1)).tolist(), numbers.read([1]).tolist()
        ('a.nc: t', [[0.5, 1.0]], [[1.5, 2.0]])
    """

    def __init__(self, stored: h5py.Dataset) -> None:
        self.stored, self.name, self.shape = stored, name_of(stored), stored.shape
        self.packing = Packing.of(stored)
        load_filters(stored)

    def read(
        self, samples: slice | Sequence[int] | np.ndarray, part: tuple[slice, ...] = ()
    ) -> np.ndarray:
        """Read some samples, or the same part of each, in a kind of number that torch has.

        Raises:
            InputError: they cannot be read, or some are missing, infinite or not a number.
        """
        if isinstance(samples, slice):
            rows: Sequence[int] = range(*samples.indices(len(self.stored)))
        else:
            rows = [int(i) for i in samples]
        try:
            if isinstance(samples, slice):
                raw = self.stored[(samples, *part)]
            else:  # images are read 2 to 30 times faster one by one than by a list of numbers
                raw = np.stack([self.stored[(i, *part)] for i in rows])
        except OSError as error:
            raise unreadable(self.stored, rows, error) from error
        corner = [axis.start or 0 for axis in part]
        for words, bad in self.packing.faults(raw):
            require_none(bad, raw, self.name, rows, corner=corner, words=words)
        values = self.packing.unpack(raw)
        require_finite(values, self.name, rows, corner=corner)
        return values.astype(_torch_kind(values.dtype), copy=False)


def _torch_kind(kind: np.dtype) -> np.dtype:
    """Return the kind of number of torch that holds all numbers of another kind."""
    if kind.kind == "u" and kind.itemsize > 1:
        return np.promote_types(kind, np.int16)  # torch computes with no unsigned ones but bytes
    if kind.itemsize > 8:
        return np.dtype(np.float64)
    return kind.newbyteorder("=")
