"""A folder in which a command of several trainings goes on: with its own settings, and alone."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import DictConfig

from ednn.core.errors import InputError
from ednn.runs.folder import Run, plain

OF_A_SITTING = ("run", "run_dir", "resume")


def require_same(run: Run, cfg: DictConfig, may_change: Sequence[str]) -> None:
    """Make sure that a folder was begun with the settings of this command.

    Args:
        run: the folder.
        cfg: of this command.
        may_change: settings that may differ.

    Raises:
        InputError: names the first that differs.

    Example:
        >>> require_same(Run("outputs/learn/new"), DictConfig({"seed": 0}), may_change=[])
    """
    if not run.config.exists():
        return
    before, now = (dict(_flat(plain(own), own.run_dir)) for own in (run.read_config(), cfg))
    for name in {**before, **now}:
        if name not in (*may_change, *OF_A_SITTING) and before.get(name) != now.get(name):
            raise InputError(
                f"{run.folder} was begun with {name}={before.get(name)}, and this command has "
                f"{name}={now.get(name)}; repeat that command, or give another run=NAME."
            )


def _flat(config: Mapping[str, Any], folder: str, above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a config under dotted keys, paths as seen from its run folder."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, folder, f"{above}{key}.")
        else:
            inside = isinstance(value, str) and value.startswith(folder)
            yield f"{above}{key}", value.removeprefix(folder) if inside else value


@contextmanager
def alone(run: Run) -> Iterator[None]:
    """Keep other processes from going on in the same folder.

    Raises:
        InputError: one does.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, alone(Run(folder)), alone(Run(folder)):
        ...     pass
        Traceback (most recent call last):
        ednn.core.errors.InputError: Another command works in ...; wait for its end, or give ...
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(Path(run.folder, "lock"), timeout=0):
            yield
    except Timeout:
        raise InputError(
            f"Another command works in {run.folder}; wait for its end, or give another run=NAME."
        ) from None
