"""Arrays of Zarr stores: with the names of their axes through xarray, without by zarr alone."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import zarr

from ednn.data.formats.source import Source
from ednn.data.formats.stored import StoredNumbers


class ZarrSource(Source):
    """The arrays of a Zarr store, a folder; or the one that the store is, without a name.

    Args:
        path: the folder.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "a.zarr")
        ...     group = zarr.open_group(path, mode="w")
        ...     array = group.create_array("images", shape=(3, 2), dtype="f4")
        ...     array[:] = 1.0
        ...     with ZarrSource(path) as source:
        ...         source.names, source.find("images").read([2]).tolist()
        (['images'], [[1.0, 1.0]])
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._stack = ExitStack()
        self.root: Any = zarr.open(str(path), mode="r")

    @property
    def names(self) -> list[str]:
        if isinstance(self.root, zarr.Array):
            return [""]
        arrays = self.root.members(max_depth=None)
        return sorted(
            key
            for key, item in arrays
            if isinstance(item, zarr.Array) and _dimensions(item) != [key.rpartition("/")[2]]
        )

    def open(self, key: str) -> StoredNumbers:
        array = self.root[key] if key else self.root
        if not key or not all(_dimensions(array) or [None]):
            return StoredNumbers(array, self.path, key, dict(array.attrs), chunks=array.chunks)
        from ednn.data.formats.netcdf import described, variable  # stores without names need none

        group, options = key.rpartition("/")[0], {"consolidated": False}
        dataset = self._stack.enter_context(described(self.path, "zarr", group, **options))
        return variable(dataset, self.path, key, chunks=array.chunks)

    def close(self) -> None:
        self._stack.close()


def _dimensions(array: zarr.Array) -> list[str | None]:
    """Return the names of an array's axes, as either version of the format has them."""
    names: Any = getattr(array.metadata, "dimension_names", None)
    names = names or array.attrs.asdict().get("_ARRAY_DIMENSIONS", ())
    return list(names)
