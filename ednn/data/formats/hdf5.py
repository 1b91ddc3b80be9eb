"""Arrays of HDF5 files, with h5py."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np

from ednn.data.formats.axes import Axes
from ednn.data.formats.source import Source
from ednn.data.formats.stored import StoredNumbers
from ednn.data.hdf5_file import dataset, dataset_names, open_hdf5
from ednn.data.presence import load_filters, require_present, unreadable


class HDF5Numbers(StoredNumbers):
    """A dataset of an open HDF5 file, unpacked by its attributes as in netCDF.

    Args:
        stored: the dataset.
        axes: gives the names and steps of its axes.

    Example:
        >>> with h5py.File("a.nc", "w", driver="core", backing_store=False) as file:
        ...     file["t"] = np.array([[1, 2], [3, 4]], ">i2")
        ...     file["t"].attrs["scale_factor"] = 0.5
        ...     numbers = HDF5Numbers(file["t"])
        ...     numbers.name, numbers.read(slice(0, 1)).tolist(), numbers.read([1]).tolist()
        ('a.nc: t', [[0.5, 1.0]], [[1.5, 2.0]])
    """

    def __init__(self, stored: h5py.Dataset, axes: Callable[[], Axes] = Axes) -> None:
        path, key = Path(stored.file.filename), stored.name.strip("/")
        unwritten, chunks = _filled(stored), stored.chunks
        super().__init__(stored, path, key, stored.attrs, axes, unwritten=unwritten, chunks=chunks)
        load_filters(stored)

    def raw(self, samples: slice | Sequence[int], part: tuple[slice, ...]) -> np.ndarray:
        try:
            if isinstance(samples, slice):
                return self.stored[(samples, *part)]
            return np.stack([self.stored[(i, *part)] for i in samples])
        except OSError as error:
            raise unreadable(self.stored, self._rows(samples), error) from error

    def _rows(self, samples: slice | Sequence[int]) -> Sequence[int]:
        return range(*samples.indices(len(self))) if isinstance(samples, slice) else samples

    def require_present(self) -> None:
        require_present(self.stored)

    @property
    def slow(self) -> str:
        """How to store fields better if reading one unpacks many; empty if it doesn't.

        Example:
            >>> with h5py.File("a.h5", "w", driver="core", backing_store=False) as file:
            ...     options = {"dtype": "f4", "chunks": (50, 8, 8), "compression": "gzip"}
            ...     print(HDF5Numbers(file.create_dataset("images", (100, 8, 8), **options)).slow)
            a.h5: images is compressed in chunks of 50 fields, so that reading one unpacks 50 ...
        """
        return super().slow if self.stored.id.get_create_plist().get_nfilters() else ""

    @property
    def _cure(self) -> str:
        single = "x".join(map(str, (1, *self.stored.chunks[1:])))
        return (
            f"`h5repack -l {self.key}:CHUNK={single} {self.path} NEW.h5` stores it for reading "
            f"field by field."
        )

    @property
    def turning(self) -> str:
        path, key = self.path, self.key
        return (
            f"store it the other way round, `python -c \"import h5py; f = h5py.File('{path}', 'a');"
            f" f['{key}_T'] = f['{key}'][()].T\"`, and name {key}_T"
        )


class HDF5Source(Source):
    """The datasets of an HDF5 file.

    Args:
        path: the file.

    Raises:
        InputError: it is no whole HDF5 file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with h5py.File(Path(folder, "a.h5"), "w") as file:
        ...         file["images"], file["labels"] = np.zeros((5, 8, 8)), np.ones(5)
        ...     with HDF5Source(Path(folder, "a.h5")) as source:
        ...         source.names, source.find("images").shape, source.has_splits
        (['images', 'labels'], (5, 8, 8), False)
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._stack = ExitStack()
        self.file = self._stack.enter_context(open_hdf5(path))

    @property
    def names(self) -> list[str]:
        return dataset_names(self.file)

    def find(self, key: str, option: str = "") -> StoredNumbers:
        return self.numbers(dataset(self.file, key, option))  # knows broken links, too

    def open(self, key: str) -> StoredNumbers:
        return self.find(key)

    def numbers(self, stored: h5py.Dataset) -> HDF5Numbers:
        """Return a dataset as its numbers are meant."""
        return HDF5Numbers(stored)

    @property
    def has_splits(self) -> bool:
        return "splits" in self.file

    def close(self) -> None:
        self._stack.close()


def _filled(stored: h5py.Dataset) -> dict[str, np.ndarray]:
    """Return the fill value that netCDF writes where nothing else says what is missing."""
    defined = stored.id.get_create_plist().fill_value_defined() == h5py.h5d.FILL_VALUE_USER_DEFINED
    if "_NCProperties" in stored.file.attrs and defined and stored.dtype.itemsize > 1:
        return {"fill value": np.array([stored.fillvalue])}
    return {}
