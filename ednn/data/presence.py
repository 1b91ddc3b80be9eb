"""Numbers that a file lacks, where HDF5 would silently give its fill value, and broken parts."""

import os
from collections.abc import Sequence
from importlib import import_module
from math import ceil, prod
from pathlib import Path

import h5py
import numpy as np

from ednn.core.errors import InputError
from ednn.data.hdf5_file import dataset, open_hdf5

# Registered numbers of filters (support.hdfgroup.org); the package hdf5plugin brings the first.
IN_PLUGIN = {
    307: "bzip2",
    32001: "Blosc",
    32004: "LZ4",
    32008: "Bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32017: "SZ",
    32018: "FCIDECOMP",
    32024: "SZ3",
    32026: "Blosc2",
    32028: "SPERR",
}
OTHERS = {4: "SZIP", 305: "LZO", 32002: "MAFISC", 32003: "Snappy", 32007: "JPEG-XR", 32019: "JPEG"}


def require_present(stored: h5py.Dataset) -> None:
    """Make sure that every number of a dataset was written, and lies where the file says.

    Raises:
        InputError: samples that were never written, or that lie in other files which are gone.

    Example:
        >>> with h5py.File("a.h5", "w", driver="core", backing_store=False) as file:
        ...     stored = file.create_dataset("images", (20, 8, 8), "f4", chunks=(5, 8, 8))
        ...     stored[:10] = 1.0
        ...     require_present(stored)
        Traceback (most recent call last):
        ednn.core.errors.InputError: a.h5: images was never written in sample 10 (and ...
    """
    if stored.is_virtual:
        _require_sources(stored)
    elif stored.external:
        _require_raw_files(stored)
    elif (sample := _first_unwritten(stored)) is not None:
        raise InputError(
            f"{name_of(stored)} was never written in sample {sample} (and perhaps others), where "
            f"HDF5 would give its fill value, {stored.fillvalue}; write all of its "
            f"{len(stored)} samples, or make it shorter."
        )


def unreadable(stored: h5py.Dataset, samples: Sequence[int], error: OSError) -> InputError:
    """Say why some samples of a dataset cannot be read: a missing filter, or the first damaged one.

    Example:
        >>> with h5py.File("a.h5", "w", driver="core", backing_store=False) as file:
        ...     file["images"] = [1.0, 2.0]
        ...     str(unreadable(file["images"], [1], OSError("read failed")))[:50]
        'a.h5: images cannot be read in sample 1 (read fail'
    """
    missing = [code for code in _filters(stored) if not h5py.h5z.filter_avail(code)]
    if missing:
        return _without_filter(stored, missing[0])
    sample = next((i for i in samples if _fails(stored, i)), samples[0])
    return InputError(
        f"{name_of(stored)} cannot be read in sample {sample} ({error}): the file is damaged "
        f"there; copy it again from where it was whole, or leave that sample out."
    )


def load_filters(stored: h5py.Dataset) -> None:
    """Load the filters of hdf5plugin, if it is installed and they are needed.

    Example:
        >>> with h5py.File("a.h5", "w", driver="core", backing_store=False) as file:
        ...     load_filters(file.create_dataset("images", data=[1.0], compression="gzip"))
    """
    if not all(h5py.h5z.filter_avail(code) for code in _filters(stored)):
        try:
            import_module("hdf5plugin")
        except ImportError:
            return  # the first read says what is missing, if that was used at all


def name_of(stored: h5py.Dataset) -> str:
    """Return the names of a dataset and its file, for sentences.

    Example:
        >>> with h5py.File("a.h5", "w", driver="core", backing_store=False) as file:
        ...     file["group/images"] = [1.0]
        ...     name_of(file["group/images"])
        'a.h5: group/images'
    """
    return f"{stored.file.filename}: {stored.name.strip('/')}"


def _filters(stored: h5py.Dataset) -> list[int]:
    made = stored.id.get_create_plist()
    return [made.get_filter(i)[0] for i in range(made.get_nfilters())]


def _without_filter(stored: h5py.Dataset, code: int) -> InputError:
    name = IN_PLUGIN.get(code) or OTHERS.get(code, "unknown here")
    plugin = "run `pip install hdf5plugin`, or " if code in IN_PLUGIN else ""
    return InputError(
        f"{name_of(stored)} is compressed with the HDF5 filter {code} ({name}), which is not "
        f"installed here; {plugin}where it is installed, store the numbers with gzip: "
        f"`h5repack -f GZIP=1 OLD NEW`."
    )


def _fails(stored: h5py.Dataset, sample: int) -> bool:
    try:
        stored[sample]
    except OSError:
        return True
    return False


def _first_unwritten(stored: h5py.Dataset) -> int | None:
    """Return the first sample for which the file has no numbers, or None."""
    if stored.chunks is None:
        return None if stored.id.get_storage_size() or not stored.size else 0
    grid = [ceil(side / chunk) for side, chunk in zip(stored.shape, stored.chunks, strict=True)]
    if stored.id.get_num_chunks() >= prod(grid):
        return None
    written = np.zeros(grid[0], np.int64)

    def count(chunk: h5py.h5d.StoreInfo) -> None:
        written[chunk.chunk_offset[0] // stored.chunks[0]] += 1

    stored.id.chunk_iter(count)
    return int(np.argmax(written < prod(grid[1:]))) * stored.chunks[0]


def _require_sources(stored: h5py.Dataset) -> None:
    """Make sure that the datasets of which a virtual one consists are there, and cover it."""
    covered = np.zeros(len(stored))
    for source in stored.virtual_sources():
        low, high = source.vspace.get_select_bounds()
        rows = slice(low[0], high[0] + 1)
        covered[rows] += source.vspace.get_select_npoints() / max(1, high[0] + 1 - low[0])
        if "%b" in source.file_name:  # a series of files, whose end HDF5 looks for itself
            continue
        path = _beside(source.file_name, stored.file)
        if not path.is_file():
            raise InputError(
                f"{name_of(stored)} takes its samples from {low[0]} on from {source.file_name}, "
                f"which is not there; put it back beside {stored.file.filename}."
            )
        with open_hdf5(path) as file:
            require_present(dataset(file, source.dset_name))
    missing = covered < prod(stored.shape[1:])
    if missing.any():
        raise InputError(
            f"{name_of(stored)} is virtual, and no file has its sample {int(np.argmax(missing))}; "
            f"add the file that has, or make it shorter."
        )


def _beside(name: str, file: h5py.File) -> Path:
    """Return the path of a file that another names, where HDF5 looks for it."""
    own = Path(file.filename)
    if name == ".":
        return own
    places = [own.parent / name, own.parent / Path(name).name, Path(name)]
    return next((path for path in places if path.is_file()), places[0])


def _require_raw_files(stored: h5py.Dataset) -> None:
    """Make sure that the raw files of external storage hold what the dataset takes from them."""
    left = stored.size * stored.dtype.itemsize
    for name, offset, size in stored.external:
        path = Path(os.environ.get("HDF5_EXTFILE_PREFIX", ""), name)
        wanted = offset + min(size, left)
        left -= min(size, left)
        if not path.is_file() or path.stat().st_size < wanted:
            raise InputError(
                f"{name_of(stored)} keeps its numbers in the file {path}, which is not there or "
                f"has less than {wanted} bytes; put it back (the name counts from the folder in "
                f"which you start)."
            )
