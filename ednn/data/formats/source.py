"""A file, or a folder, that holds arrays by their names."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from ednn.core.errors import InputError
from ednn.data.formats.stored import StoredNumbers, readable

USUAL = ("fields", "images")  # what fields are called if they aren't alone


class Source(ABC):
    """What a reader of one format is: it names the arrays of an open file, and opens each.

    Args:
        path: the file or folder.

    Example:
        >>> import numpy as np
        >>> class Lists(Source):
        ...     names = ["short", "long"]
        ...     def open(self, key):
        ...         return StoredNumbers(np.arange({"short": 2, "long": 9}[key]), self.path, key)
        >>> with Lists(Path("a")) as source:
        ...     len(source.find("long")), source.choose(None, "data.x", besides=["long"])
        (9, 'short')
    """

    table: Path | None = None  # a file of labels that comes with a folder

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """The arrays; one empty name for a file that holds a single array without a name."""

    @abstractmethod
    def open(self, key: str) -> StoredNumbers:
        """Open one of the arrays."""

    def close(self) -> None:  # noqa: B027 - there is nothing to close where files are mapped
        """Close the file."""

    def find(self, key: str, option: str = "") -> StoredNumbers:
        """Open an array by its name.

        Args:
            key: the name.
            option: the setting that names it, where the user can choose another.

        Raises:
            InputError: there is no such array, or it cannot be read.
        """
        with readable(str(self.path)):
            names = self.names
        key = key.strip("/")
        if key not in names:
            if names == [""]:
                raise InputError(
                    f"{self.path} holds one array, which has no name, not {key!r}; leave "
                    f"{option or 'the name'} out."
                )
            cure = f"; name one of them in {option}=…" if option else ""
            raise InputError(
                f"{self.path} has no array {key!r}; it has {_listed(names) or 'none'}{cure}."
            )
        with readable(f"{self.path}: {key}" if key else str(self.path)):
            return self.open(key)

    def choose(self, key: str | None, option: str, besides: Collection[str] = ()) -> str:
        """Return the name of the fields: the one given, the usual one, or that of the only array.

        Args:
            key: the name given, None for none.
            option: the setting that gives it.
            besides: names of labels.

        Raises:
            InputError: there is no array, or there are several of unusual names.
        """
        if key is not None:
            return str(key)
        with readable(str(self.path)):
            names = self.names
        others = [name for name in names if name not in besides and not name.startswith("splits/")]
        usual = [name for name in USUAL if name in others]
        if usual or len(others) == 1:
            return (usual or others)[0]
        if not others:
            raise InputError(f"{self.path} holds no array of fields; check the path.")
        raise InputError(
            f"{self.path} has {_listed(others)}; name the fields in {option}=…, one of them."
        )

    @property
    def has_splits(self) -> bool:
        """Whether the file says which samples are for what."""
        return any(name.startswith("splits/") for name in self.names)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _listed(names: list[str]) -> str:
    """Name the arrays, the first twenty if they are more."""
    return ", ".join(names[:20])
