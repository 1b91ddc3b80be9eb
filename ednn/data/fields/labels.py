"""The labels and the splits of a user's own HDF5 file, one number per field."""

from collections.abc import Sequence
from math import prod
from pathlib import Path

import h5py
import numpy as np

from ednn.core.errors import InputError
from ednn.data.hdf5_file import dataset, open_hdf5
from ednn.data.module import SPLITS
from ednn.data.presence import require_present
from ednn.data.stored import StoredNumbers


def require_one_each(fields: h5py.Dataset, labels: h5py.Dataset) -> None:
    """Make sure that there is one row of labels for every field; a single row (1, N) is a column.

    Raises:
        InputError: there isn't; says so if one of the two has its samples last, as in MATLAB.

    Example:
        >>> with h5py.File("a.h5", "w", driver="core", backing_store=False) as file:
        ...     file["images"], file["labels"] = np.zeros((8, 8, 20)), np.zeros((1, 20))
        ...     require_one_each(file["images"], file["labels"])
        Traceback (most recent call last):
        ednn.core.errors.InputError: a.h5: images has the shape (8, 8, 20), whose last axis ...
    """
    count, shape = len(fields), labels.shape
    if shape == (1, count) or (len(shape) < 3 and shape[0] == count and prod(shape)):
        return
    rows = max(shape) if 1 in shape else shape[0]
    for turned, samples in ((fields, rows), (labels, count)):
        if turned.ndim > 1 and turned.shape[-1] == samples:
            raise _column_major(turned, samples)
    x, key = (item.name.strip("/") for item in (fields, labels))
    raise InputError(
        f"{labels.file.filename}: {key} has shape {shape}, but the {count} fields "
        f"of {x} need labels ({count},) or ({count}, outputs):"
        f" one per field; name other datasets in data.x and data.y."
    )


def require_derivative(fields: h5py.Dataset, derivative: h5py.Dataset) -> None:
    """Make sure that there is a derivative for every value of every field, written and finite.

    Raises:
        InputError: it has another shape, or was not written.

    Example:
        >>> with h5py.File("a.h5", "w", driver="core", backing_store=False) as file:
        ...     file["images"], file["slope"] = np.zeros((20, 8, 8)), np.zeros((20, 8))
        ...     require_derivative(file["images"], file["slope"])
        Traceback (most recent call last):
        ednn.core.errors.InputError: a.h5: slope has shape (20, 8), but derivatives by the ...
    """
    if derivative.shape != fields.shape:
        x, key = (item.name.strip("/") for item in (fields, derivative))
        raise InputError(
            f"{fields.file.filename}: {key} has shape {derivative.shape}, but derivatives by the "
            f"fields {x} have theirs, {fields.shape}; name other datasets in data.x and "
            f"data.derivative."
        )
    require_present(derivative)


def named_labels(path: Path, keys: Sequence[str], count: int) -> dict[str, np.ndarray]:
    """Read the labels (N,) of every output of so many samples, by its name.

    Raises:
        InputError: no dataset is named, two outputs are called alike, or as `read_labels`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with h5py.File(Path(folder, "a.h5"), "w") as file:
        ...         file["energy"], file["both"] = np.zeros(3), np.ones((3, 2))
        ...     list(named_labels(Path(folder, "a.h5"), ["energy", "both"], 3))
        ['energy', 'both_0', 'both_1']
    """
    labels: dict[str, np.ndarray] = {}
    for key in keys:
        table = read_labels(path, key, count)
        name = key.strip("/").replace("/", "_")  # names become names of files
        columns = table.shape[1]
        names = [f"{name}_{i}" for i in range(columns)] if columns > 1 else [name]
        if not labels.keys().isdisjoint(names):
            raise InputError(
                f"data.y={keys} gives the output {name} twice; name each dataset once, and "
                f"rename one of two that would be called alike."
            )
        labels.update(zip(names, table.T, strict=True))
    if not labels:
        raise InputError("data.y=[] names no labels; give a dataset, or a list of them.")
    return labels


def read_labels(path: Path, key: str, count: int) -> np.ndarray:
    """Read one dataset of labels of so many samples as (N, columns), in double precision.

    Raises:
        InputError: labels that were not written, cannot be read or are not finite.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with h5py.File(Path(folder, "a.h5"), "w") as file:
        ...         file["energy"] = [[1, 2, 3]]
        ...     read_labels(Path(folder, "a.h5"), "energy", 3).tolist()
        [[1.0], [2.0], [3.0]]
    """
    with open_hdf5(path) as file:
        stored = dataset(file, key, "data.y")
        require_present(stored)
        table = StoredNumbers(stored).read(slice(None)).astype(np.float64)
    return table.reshape(count, -1)


def read_splits(path: Path, count: int) -> dict[str, np.ndarray]:
    """Read the sample numbers of each split from a file of so many samples.

    Raises:
        InputError: a split is missing, or holds other numbers.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with h5py.File(Path(folder, "a.h5"), "w") as file:
        ...         for i, name in enumerate(SPLITS):
        ...             file[f"splits/{name}"] = [[2.0 * i, 2.0 * i + 1]]
        ...     read_splits(Path(folder, "a.h5"), 6)["test"].tolist()
        [4, 5]
    """
    with open_hdf5(path) as file:
        splits = {name: dataset(file, f"splits/{name}")[()] for name in SPLITS}
    lines = {name: numbers.ravel() for name, numbers in splits.items() if _is_line(numbers)}
    numbers = np.concatenate(list(lines.values()) or [np.array([-1])])
    whole = len(lines) == len(splits) and np.isin(numbers, np.arange(count)).all()
    if not whole or len(np.unique(numbers)) < len(numbers):
        raise InputError(
            f"{path}: splits/train, splits/val and splits/test must hold sample numbers "
            f"from 0 to {count - 1}, each at most once; mend them, or take them out of the file"
            f" for random splits."
        )
    return {name: index.astype(np.int64) for name, index in lines.items()}


def _is_line(numbers: np.ndarray) -> bool:
    return numbers.size == max(numbers.shape)  # (n,), (n, 1) or (1, n)


def _column_major(turned: h5py.Dataset, samples: int) -> InputError:
    path, name = turned.file.filename, turned.name.strip("/")
    return InputError(
        f"{path}: {name} has the shape {turned.shape}, whose last axis has the {samples} samples, "
        f"not its first: this seems to be MATLAB's (column-major) order; store it the other way "
        f"round, `python -c \"import h5py; f = h5py.File('{path}', 'a'); f['{name}_T'] = "
        f"f['{name}'][()].T\"`, and name {name}_T."
    )
