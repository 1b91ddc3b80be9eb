"""A journal: one line with a checksum for each finished part, which a kill cannot spoil."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Any


class Journal:
    """A file that records are appended to, each of which is whole or counts for nothing.

    Args:
        path: of the file; one that exists is appended to.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with Journal(Path(folder, "journal")) as journal:
        ...         journal.append({"seed": 7})
        ...     list(read_journal(Path(folder, "journal")))
        [{'seed': 7}]
    """

    def __init__(self, path: Path) -> None:
        self._file = FileIO(path, "a")
        self._write(b"\n")  # ends the line that a killed run may have left unfinished

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, record: Mapping[str, Any]) -> None:
        """Append a record that JSON can hold."""
        self._write(encode(record))

    def _write(self, data: bytes) -> None:
        """Write all of `data`; raises OSError with the file's name if the disk is full."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._file.name)) from error


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a journal.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     Path(folder, "journal").write_bytes(encode({"seed": 7}) + b"cut sho")
        ...     list(read_journal(Path(folder, "journal")))
        28
        [{'seed': 7}]
    """
    with open(path, "rb") as lines:
        yield from decode(lines)


def encode(record: Mapping[str, Any]) -> bytes:
    r"""Return a record as a line: a checksum and JSON, which keeps every bit of a float64.

    Example:
        >>> encode({"seed": 7})
        b'448b4783 {"seed": 7}\n'
    """
    text = json.dumps(record).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the records of the whole lines; one that a kill cut short fails its checksum.

    Example:
        >>> list(decode([encode({"seed": 7}), encode({"seed": 8})[:-3]]))
        [{'seed': 7}]
    """
    for line in lines:
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        if checksum == b"%08x" % zlib.crc32(text):
            yield json.loads(text)
