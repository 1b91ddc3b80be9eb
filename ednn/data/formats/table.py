"""Tables of labels in CSV files, with pandas."""

from pathlib import Path

import numpy as np
import pandas as pd

from ednn.core.errors import InputError
from ednn.data.formats.source import Source
from ednn.data.formats.stored import StoredNumbers

FILE = "file"  # the column with names of files


class TableSource(Source):
    r"""The columns of a CSV file, whose first line names them.

    Args:
        path: the file.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "labels.csv")
        ...     lines = path.write_text("file, energy\na.npy, 1.5\nb.npy, 2.5\n")
        ...     with TableSource(path) as source:
        ...         source.files, source.find("energy").read(slice(None)).tolist()
        (['a.npy', 'b.npy'], [1.5, 2.5])
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.frame = pd.read_csv(path, skipinitialspace=True, dtype={FILE: str})
        if not isinstance(self.frame.index, pd.RangeIndex):
            raise InputError(
                f"{path} has rows with more values than its first line has names; give one name "
                f"for each column."
            )
        self.frame.columns = self.frame.columns.astype(str).str.strip()

    @property
    def names(self) -> list[str]:
        return [name for name in self.frame.columns.tolist() if name != FILE]

    @property
    def files(self) -> list[str]:
        """The names of the files to which the rows belong; none if there is no such column."""
        return self.frame[FILE].astype(str).str.strip().tolist() if FILE in self.frame else []

    def open(self, key: str) -> StoredNumbers:
        column = self.frame[key]
        values = column.to_numpy()
        kind = values if values.dtype.kind in "biuf" else np.asarray(values, dtype=object)
        return StoredNumbers(kind, self.path, key)
