"""The format of a file by what is in it, whatever it is called."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import h5py

from ednn.core.errors import InputError
from ednn.core.files import require_file
from ednn.data.formats.folder import FolderSource
from ednn.data.formats.source import Source
from ednn.data.formats.stored import readable

# What each format is called, and its reader, which is imported when it is needed: most of them need
# a library that not everybody has.
READERS = {
    "HDF5": ("hdf5", "HDF5Source"),
    "netCDF-4": ("netcdf", "NetCDF4Source"),
    "netCDF-3": ("netcdf", "NetCDF3Source"),
    "Zarr": ("zarr", "ZarrSource"),
    "npy": ("npy", "NpySource"),
    "npz": ("npy", "NpzSource"),
    "TIFF": ("tiff", "TIFFSource"),
    "cube": ("densities", "CubeSource"),
    "CHGCAR": ("densities", "VaspSource"),
    "CSV": ("table", "TableSource"),
}
KNOWN = "HDF5, netCDF, Zarr, .npy, .npz, TIFF, Gaussian cube, CHGCAR, or a folder of such files"
BEGINNINGS = {
    b"\x93NUMPY": "npy",
    b"PK": "npz",
    b"CDF\x01": "netCDF-3",
    b"CDF\x02": "netCDF-3",
    b"II*\0": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0*": "TIFF",
    b"MM\0+": "TIFF",
}
ZARR = ("zarr.json", ".zgroup", ".zarray")


def open_source(path: str | Path, table: Path | None = None) -> Source:
    """Open a file or a folder of fields with the reader of its format.

    Args:
        path: the file or folder.
        table: CSV file that lists the files of a folder.

    Raises:
        InputError: there is no such file, or it is of no known format.

    Example:
        >>> import numpy as np
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.save(Path(folder, "a.npy"), np.zeros((5, 8, 8)))
        ...     with open_source(Path(folder, "a.npy")) as source:
        ...         type(source).__name__, source.find("").shape
        ('NpySource', (5, 8, 8))
    """
    path = Path(path)
    require_file(path)
    kind = format_of(path)
    if kind is None and path.is_dir():
        return FolderSource(path, open_source, table)
    if kind is None:
        raise InputError(f"{path} is no file of fields that is known here: {KNOWN}.")
    return _reader(kind)(path)


def open_labels(path: Path) -> Source:
    """Open a file of labels: a CSV file, or any that `open_source` opens.

    Raises:
        InputError: there is no such file, or it cannot be read.

    Example:
        >>> open_labels(Path("nowhere.csv"))
        Traceback (most recent call last):
        ednn.core.errors.InputError: There is no file nowhere.csv; check the path.
    """
    return _reader("CSV")(path) if is_table(path) else open_source(path)


def is_table(path: Path) -> bool:
    """Tell whether a file is taken for a CSV file: what is of no other format.

    Example:
        >>> is_table(Path("nowhere.csv"))
        False
    """
    return path.is_file() and format_of(path) is None


def format_of(path: Path) -> str | None:
    """Tell the format of a file or folder, by what is in it; None for folders of files, and others.

    Example:
        >>> format_of(Path("nowhere.h5")) is None
        True
    """
    if path.is_dir():
        return "Zarr" if any((path / name).is_file() for name in ZARR) else None
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        head = file.read(4096)
    for beginning, kind in BEGINNINGS.items():
        if head.startswith(beginning):
            return kind
    if h5py.is_hdf5(path):
        return "netCDF-4" if _is_netcdf(path) else "HDF5"
    return _text_format(head)


def _reader(kind: str) -> Callable[[Path], Source]:
    module, name = READERS[kind]
    reader = getattr(import_module(f"{__package__}.{module}"), name)

    def opened(path: Path) -> Source:
        with readable(str(path)):
            return reader(path)

    return opened


def _is_netcdf(path: Path) -> bool:
    """Tell whether xarray can say more of an HDF5 file: it is netCDF, and xarray is there."""
    if not (find_spec("xarray") and find_spec("h5netcdf")):
        return False
    try:
        with h5py.File(path, "r", locking=False) as file:
            return "_NCProperties" in file.attrs
    except OSError:
        return False  # which is told where it is read


def _text_format(head: bytes) -> str | None:
    """Tell the two formats of densities by the numbers in their first lines."""
    lines = [line.split() for line in head.decode("latin-1").splitlines()[:6]]
    counts = [len(line) if all(map(_is_number, line)) else 0 for line in lines]
    if len(lines) < 6:
        return None
    if counts[2] in (4, 5) and counts[3:] == [4, 4, 4]:
        return "cube"
    return "CHGCAR" if counts[1] in (1, 3) and counts[2:5] == [3, 3, 3] else None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
