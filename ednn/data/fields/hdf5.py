"""Fields and labels of your own, read from an HDF5 file as they are."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ednn.data.fields.own import FieldsData
from ednn.data.formats.hdf5 import HDF5Source
from ednn.data.formats.source import Source


class HDF5Data(FieldsData):
    """`FieldsData` of a file that is read as HDF5, whatever else it may be.

    Example:
        >>> import h5py, numpy as np
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "own.h5")
        ...     with h5py.File(path, "w") as file:
        ...         file["images"], file["gap"] = np.zeros((20, 8, 8, 3)), np.arange(20.0)
        ...     read = {"x": "images", "y": "gap", "dims": 2, "channels_first": None}
        ...     told = {"unit": "eV", "site": "pixel", "val": 0.1, "test": 0.2}
        ...     data = HDF5Data(str(path), **read, **told, batch_size=5, workers=0, seed=0)
        ...     data.info.channels, data.info.channels_first, data.info.outputs[0].unit_per_site
        (3, False, 'eV per pixel')
    """

    def _opener(self, labels: Path | None) -> Callable[[], Source]:
        return partial(HDF5Source, self.file)
