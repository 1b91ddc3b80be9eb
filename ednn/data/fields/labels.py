"""The labels and the splits of a user's own files, one number per field."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ednn.core.errors import InputError
from ednn.data.formats.opening import open_labels
from ednn.data.formats.source import Source
from ednn.data.formats.stored import StoredNumbers
from ednn.data.module import SPLITS


class Label(NamedTuple):
    """The labels (N,) of one output, and their unit, empty if the file doesn't name it."""

    values: np.ndarray
    unit: str


def require_one_each(fields: StoredNumbers, labels: StoredNumbers) -> None:
    """Make sure that there is one row of labels for every field; a single row (1, N) is a column.

    Raises:
        InputError: there isn't; says so if one of the two has its samples last, as in MATLAB.

    Example:
        >>> fields = StoredNumbers(np.zeros((8, 8, 20)), Path("a.npz"), "images")
        >>> require_one_each(fields, StoredNumbers(np.zeros((1, 20)), Path("a.npz"), "labels"))
        Traceback (most recent call last):
        ednn.core.errors.InputError: a.npz: images has the shape (8, 8, 20), whose last axis ...
    """
    count, shape = len(fields), labels.shape
    if shape == (1, count) or (len(shape) < 3 and shape[0] == count and 0 not in shape):
        return
    rows = max(shape) if 1 in shape else shape[0]
    for turned, samples in ((fields, rows), (labels, count)):
        if len(turned.shape) > 1 and turned.shape[-1] == samples:
            raise _column_major(turned, samples)
    raise InputError(
        f"{labels.name} has shape {shape}, but the {count} fields "
        f"of {fields.key or fields.path} need labels ({count},) or ({count}, outputs):"
        f" one per field; name other datasets in data.x and data.y."
    )


def require_derivative(fields: StoredNumbers, derivative: StoredNumbers, unit: str) -> None:
    """Make sure that there is a derivative of the label for every value of every field.

    Args:
        fields: by which it is.
        derivative: their array.
        unit: of the label; empty if it is not known.

    Raises:
        InputError: it has another shape, was not written, or has a unit that doesn't begin with
            the label's, as that of a derivative does (eV, eV/T).

    Example:
        >>> fields = StoredNumbers(np.zeros((20, 8, 8)), Path("a.npz"), "images")
        >>> slope = StoredNumbers(np.zeros((20, 8)), Path("a.npz"), "slope")
        >>> require_derivative(fields, slope, unit="eV")
        Traceback (most recent call last):
        ednn.core.errors.InputError: a.npz: slope has shape (20, 8), but derivatives by the ...
    """
    if derivative.shape != fields.shape:
        raise InputError(
            f"{derivative.name} has shape {derivative.shape}, but derivatives by the fields "
            f"{fields.key} have theirs, {fields.shape}; name other datasets in data.x and "
            f"data.derivative."
        )
    if unit and derivative.unit and not re.match(rf"{re.escape(unit)}(?!\w)", derivative.unit):
        raise InputError(
            f"{derivative.name} is in {derivative.unit}, and the labels are in {unit}; store both "
            f"in one unit, or give the labels' as data.unit=… in the words of the derivatives'."
        )
    derivative.require_present()


def open_beside(opened: Callable[[], Source], labels: Path | None) -> Source:
    """Open the file of the labels: their own, or that of the fields.

    Args:
        opened: opens the file of the fields.
        labels: file of the labels; None for that of the fields.

    Raises:
        InputError: it cannot be read, or holds fields alone.

    Example:
        >>> from functools import partial
        >>> from tempfile import TemporaryDirectory
        >>> from ednn.data.formats.npy import NpySource
        >>> with TemporaryDirectory() as folder:
        ...     np.save(Path(folder, "a.npy"), np.zeros((3, 8, 8)))
        ...     open_beside(partial(NpySource, Path(folder, "a.npy")), None)
        Traceback (most recent call last):
        ednn.core.errors.InputError: a.npy holds fields and no labels; name a file of labels, ...
    """
    if labels is not None:
        return open_labels(labels)
    source = opened()
    if source.names == [""]:
        raise InputError(
            f"{source.path} holds fields and no labels; name a file of labels, such as a CSV file "
            f"with a row for each field, in data.labels=FILE."
        )
    return source


def find_labels(source: Source, key: str) -> StoredNumbers:
    """Return the array of labels of a name, or the only one of a file that doesn't name it.

    Raises:
        InputError: there is none.

    Example:
        >>> from ednn.data.formats.npy import NpySource
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.save(Path(folder, "a.npy"), np.arange(3))
        ...     with NpySource(Path(folder, "a.npy")) as source:
        ...         find_labels(source, "energy").shape
        (3,)
    """
    return source.find("" if source.names == [""] else key, "data.y")


def read_labels(source: Source, keys: Sequence[str], count: int) -> dict[str, Label]:
    """Read the labels of every output of so many samples, in double precision, by its name.

    Args:
        source: the open file.
        keys: names of its arrays, which give the outputs their names.
        count: number of samples.

    Raises:
        InputError: no array is named, two outputs are called alike, or labels were not written,
            cannot be read or are not finite.

    Example:
        >>> from ednn.data.formats.npy import NpzSource
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.savez(Path(folder, "a.npz"), energy=[[1, 2, 3]], both=np.ones((3, 2)))
        ...     with NpzSource(Path(folder, "a.npz")) as source:
        ...         labels = read_labels(source, ["energy", "both"], 3)
        ...     list(labels), labels["energy"].values.tolist()
        (['energy', 'both_0', 'both_1'], [1.0, 2.0, 3.0])
    """
    labels: dict[str, Label] = {}
    for key in keys:
        stored = find_labels(source, key)
        stored.require_present()
        table = stored.read(slice(None)).astype(np.float64).reshape(count, -1)
        name = key.strip("/").replace("/", "_")  # names become names of files
        columns = table.shape[1]
        names = [f"{name}_{i}" for i in range(columns)] if columns > 1 else [name]
        if not labels.keys().isdisjoint(names):
            raise InputError(
                f"data.y={keys} gives the output {name} twice; name each dataset once, and "
                f"rename one of two that would be called alike."
            )
        labels.update((n, Label(c, stored.unit)) for n, c in zip(names, table.T, strict=True))
    if not labels:
        raise InputError("data.y=[] names no labels; give a dataset, or a list of them.")
    return labels


def read_splits(source: Source, count: int) -> dict[str, np.ndarray]:
    """Read the sample numbers of each split from a file of so many samples.

    Raises:
        InputError: a split is missing, or holds other numbers.

    Example:
        >>> from ednn.data.formats.npy import NpzSource
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     lines = {f"splits/{n}": [[2.0 * i, 2.0 * i + 1]] for i, n in enumerate(SPLITS)}
        ...     np.savez(Path(folder, "a.npz"), **lines)
        ...     with NpzSource(Path(folder, "a.npz")) as source:
        ...         read_splits(source, 6)["test"].tolist()
        [4, 5]
    """
    splits = {name: source.find(f"splits/{name}").raw(slice(None), ()) for name in SPLITS}
    lines = {name: numbers.ravel() for name, numbers in splits.items() if _is_line(numbers)}
    numbers = np.concatenate(list(lines.values()) or [np.array([-1])])
    whole = len(lines) == len(splits) and np.isin(numbers, np.arange(count)).all()
    if not whole or len(np.unique(numbers)) < len(numbers):
        raise InputError(
            f"{source.path}: splits/train, splits/val and splits/test must hold sample numbers "
            f"from 0 to {count - 1}, each at most once; mend them, or take them out of the file"
            f" for random splits."
        )
    return {name: index.astype(np.int64) for name, index in lines.items()}


def _is_line(numbers: np.ndarray) -> bool:
    return numbers.size == max(numbers.shape)  # (n,), (n, 1) or (1, n)


def _column_major(turned: StoredNumbers, samples: int) -> InputError:
    return InputError(
        f"{turned.name} has the shape {turned.shape}, whose last axis has the {samples} samples, "
        f"not its first: this seems to be MATLAB's (column-major) order; {turned.turning}."
    )
