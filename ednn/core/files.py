"""Files that are either complete or absent."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

from ednn.core.errors import InputError

LONGEST = 255  # bytes of a name, on the common file systems


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` on success.

    An exception (a full disk, an interrupt) removes the temporary file and leaves `path` as it was.
    The process id in the temporary name keeps concurrent writers apart.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with atomic(Path(folder, "result.txt")) as temporary:
        ...         size = temporary.write_text("complete")
        ...     Path(folder, "result.txt").read_text()
        'complete'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = beside(path, f".{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if str(error.filename) == str(temporary):
            error.filename = str(path)  # the name that the user knows
        raise
    finally:
        temporary.unlink(missing_ok=True)


def fitting(name: str, ending: str = "") -> str:
    """Return a name with its ending; one too long for a file system has a digest for its rest.

    Example:
        >>> fitting("a.h5", ".lock"), len(fitting(300 * "a", ".lock"))
        ('a.h5.lock', 255)
    """
    whole = (name + ending).encode()
    if len(whole) <= LONGEST:
        return name + ending
    tail = f"~{hashlib.sha256(whole).hexdigest()[:8]}{ending}"
    return whole[: LONGEST - len(tail.encode())].decode(errors="ignore") + tail


def beside(path: Path, ending: str) -> Path:
    """Return the hidden companion of a file, such as the folder of what is finished of it.

    Example:
        >>> beside(Path("out/a.h5"), ".unfinished").as_posix()
        'out/.a.h5.unfinished'
    """
    return path.with_name(fitting(f".{path.name}", ending))


def require_file(path: Path) -> None:
    """Make sure that a file, or a folder in its place, is there.

    Raises:
        InputError: it is not.

    Example:
        >>> require_file(Path("nowhere.h5"))
        Traceback (most recent call last):
        ednn.core.errors.InputError: There is no file nowhere.h5; check the path.
    """
    if path.exists():
        return
    whole, at, index = str(path).rpartition("@")
    if at and Path(whole).is_file():
        raise InputError(
            f"There is no file {path}, and no choice such as @{index} of the structures of "
            f"{whole}: all are taken; write those that you want into a file of their own."
        )
    raise InputError(f"There is no file {path}; check the path.")


def require_writable(path: Path, setting: str) -> None:
    """Make sure, before the work, that its result can be written.

    Args:
        path: of the file.
        setting: that names it.

    Raises:
        InputError: it is a folder, or its own cannot be made or written to.

    Example:
        >>> require_writable(Path("/"), "output")
        Traceback (most recent call last):
        ednn.core.errors.InputError: / is a folder; give the name of a file as output=…
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file as {setting}=…")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent), suppress(FileNotFoundError):
            path.lstat()  # which a name that is too long fails at
    except OSError as error:
        raise InputError(
            f"{path} cannot be used ({error.strerror}); give another {setting}=…, or check its "
            f"folder and permissions."
        ) from error
