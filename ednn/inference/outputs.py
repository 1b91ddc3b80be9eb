"""Output files: nothing is overwritten unasked, and no two runs write the same one."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from tempfile import gettempdir

from filelock import FileLock, Timeout
from omegaconf import DictConfig

from ednn.core.errors import InputError
from ednn.core.files import require_writable
from ednn.core.loading import as_paths


@contextmanager
def held(output: Path) -> Iterator[None]:
    """Keep other runs away from an output.

    The lock is a file for temporary ones, as it must outlive the run: if that removed it, two
    others could lock the old file and a new one of the same name.

    Raises:
        InputError: another run is writing it.

    Example:
        >>> with held(Path("out.csv")), held(Path("out.csv")):
        ...     pass
        Traceback (most recent call last):
        ednn.core.errors.InputError: output=out.csv is being written by another run; ...
    """
    key = hashlib.sha256(f"{getuser()} {output.resolve()}".encode()).hexdigest()[:16]
    lock = FileLock(Path(gettempdir(), f"ednn_{key}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"output={output} is being written by another run; wait for its end or give another "
            f"name."
        ) from None
    try:
        yield
    finally:
        lock.release()


def require_output(cfg: DictConfig, endings: Sequence[str], written: Sequence[Path]) -> None:
    """Make sure that the files of an output can be written, and are not what the run needs.

    Args:
        cfg: with `input`, `output` and perhaps `ckpt_path`.
        endings: that the output may have.
        written: the files, the output among them.

    Raises:
        InputError: the ending is of another kind, or one cannot be written.

    Example:
        >>> cfg = DictConfig({"output": "own.txt"})
        >>> require_output(cfg, [".extxyz", ".csv"], [])
        Traceback (most recent call last):
        ednn.core.errors.InputError: output=own.txt has no known ending; use .extxyz or .csv.
    """
    if Path(cfg.output).suffix not in endings:
        raise InputError(f"output={cfg.output} has no known ending; use {' or '.join(endings)}.")
    checkpoints = as_paths(cfg.ckpt_path) if "ckpt_path" in cfg else []
    precious = [path.resolve() for path in (Path(cfg.input), *checkpoints)]
    for path in written:
        if path.resolve() in precious:
            raise InputError(
                f"output={cfg.output} would overwrite {path}, which is the input or the "
                f"checkpoint; give another name."
            )
        require_writable(path, "output")


def require_free(cfg: DictConfig, written: Sequence[Path]) -> None:
    """Make sure that nothing is overwritten which the user did not give up.

    Args:
        cfg: with `output` and `overwrite`.
        written: the files.

    Raises:
        InputError: one stands there.

    Example:
        >>> require_free(DictConfig({"output": "/", "overwrite": True}), [Path("/")])
    """
    for path in written:
        if path.is_file() and not cfg.overwrite:
            raise InputError(
                f"output={cfg.output} would overwrite {path}; give another name, or overwrite=true."
            )
