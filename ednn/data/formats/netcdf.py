"""netCDF files: numbers of netCDF-4 as in any HDF5 file, the rest through xarray."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray

from ednn.data.formats.axes import Axes, step
from ednn.data.formats.hdf5 import HDF5Numbers, HDF5Source
from ednn.data.formats.source import Source
from ednn.data.formats.stored import StoredNumbers

# What the classic format writes where nothing was written; bytes have no such value.
UNWRITTEN = {
    "i2": -32767,
    "i4": -2147483647,
    "f4": 9.969209968386869e36,
    "f8": 9.969209968386869e36,
}
# Numbers are unpacked here, where what is missing is refused with its sample, and not replaced.
AS_STORED: dict[str, Any] = {
    "mask_and_scale": False,
    "decode_times": False,
    "decode_coords": False,
    "chunks": None,
    "cache": False,
}

UNLOCKED = {"locking": False}  # as `open_hdf5` has the file open, too


def described(path: Path, engine: str, group: str = "", **options: Any) -> xarray.Dataset:
    """Open a file with xarray, whose numbers stay as they are stored and are read when asked for.

    Args:
        path: the file.
        engine: xarray's name of what reads the format.
        group: in the file.
        **options: of that engine.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "a.nc")
        ...     xarray.Dataset({"t": ("x", [1.0, 2.0])}).to_netcdf(path, engine="scipy")
        ...     with described(path, "scipy") as dataset:
        ...         dataset["t"].dims
        ('x',)
    """
    if group:
        options["group"] = group
    return xarray.open_dataset(path, engine=engine, **AS_STORED, **options)


def axes_of(dataset: xarray.Dataset, name: str) -> Axes:
    """Return the names of a variable's dimensions, and the steps of their coordinates.

    Example:
        >>> x = ("x", [0.0, 0.5], {"units": "m"})
        >>> axes_of(xarray.Dataset({"t": (("time", "x"), [[1, 2]]), "x": x}), "t")
        Axes(names=('time', 'x'), steps=(0.0, 0.5), units=('', 'm'))
    """
    names = tuple(map(str, dataset.variables[name].dims))
    lines = [dataset.variables.get(axis) for axis in names]
    units = tuple("" if line is None else str(line.attrs.get("units", "")) for line in lines)
    steps = (
        0.0 if line is None or line.ndim != 1 else step(line.values, unit)
        for line, unit in zip(lines, units, strict=True)
    )
    return Axes(names, tuple(steps), units)


def variable(dataset: xarray.Dataset, path: Path, key: str, **options: Any) -> StoredNumbers:
    """Return a variable of an open file as its numbers are meant.

    Args:
        dataset: as `described` opens it.
        path: the file.
        key: the variable's name in the file, with its group.
        **options: arguments of `StoredNumbers`.

    Example:
        >>> dataset = xarray.Dataset({"t": ("x", [1, 2], {"scale_factor": 0.5})})
        >>> variable(dataset, Path("a.nc"), "t").read(slice(None)).tolist()
        [0.5, 1.0]
    """
    name = key.rpartition("/")[2]
    stored = dataset.variables[name]
    axes = partial(axes_of, dataset, name)
    return StoredNumbers(stored, path, key, stored.attrs, axes, **options)


class NetCDF3Source(Source):
    """The variables of a classic netCDF file, but for the coordinates.

    Args:
        path: the file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "a.nc")
        ...     dataset = xarray.Dataset({"t": (("n", "x"), [[1.0, 2.0]]), "x": [0.0, 0.5]})
        ...     dataset.to_netcdf(path, engine="scipy")
        ...     with NetCDF3Source(path) as source:
        ...         source.names, source.find("t").axes.names
        (['t'], ('n', 'x'))
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.dataset = described(path, "scipy")

    @property
    def names(self) -> list[str]:
        return list(map(str, self.dataset.data_vars))

    def open(self, key: str) -> StoredNumbers:
        kind = self.dataset.variables[key].dtype.str[1:]
        fill = {"fill value": np.array([UNWRITTEN[kind]])} if kind in UNWRITTEN else None
        return variable(self.dataset, self.path, key, unwritten=fill)

    def close(self) -> None:
        self.dataset.close()


class NetCDF4Source(HDF5Source):
    """The variables of a netCDF-4 file, which is an HDF5 file, with names and steps of their axes.

    Args:
        path: the file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "a.nc")
        ...     dataset = xarray.Dataset({"t": (("n", "x"), [[1.0, 2.0]]), "x": [0.0, 0.5]})
        ...     dataset.to_netcdf(path, engine="h5netcdf")
        ...     with NetCDF4Source(path) as source:
        ...         source.names, source.find("t").axes.steps
        (['t'], (0.0, 0.5))
    """

    @property
    def names(self) -> list[str]:
        return [name for name in super().names if not _is_scale(self.file[name])]

    def numbers(self, stored: h5py.Dataset) -> HDF5Numbers:
        return HDF5Numbers(stored, self._axes(stored.name.strip("/")))

    def _axes(self, key: str) -> Callable[[], Axes]:
        group, _, name = key.rpartition("/")

        def axes() -> Axes:
            # dimensions without a name are those of plain HDF5 datasets
            options = {"driver_kwds": UNLOCKED, "phony_dims": "sort"}
            with described(self.path, "h5netcdf", group, **options) as dataset:
                return axes_of(dataset, name)

        return axes


def _is_scale(stored: h5py.Dataset) -> bool:
    """Tell whether a dataset is a coordinate, or only the length of a dimension."""
    return stored.attrs.get("CLASS") == b"DIMENSION_SCALE"
