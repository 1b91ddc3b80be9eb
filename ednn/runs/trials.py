"""The study of a sweep: Optuna's journal of its trials, a file in the sweep's folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ednn.core.errors import InputError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import JournalStorage

NAME = "sweep"
JOURNAL = "study.journal"


def open_storage(folder: Path) -> "JournalStorage":
    """Open the journal of a sweep; jobs in other processes may have it open, too.

    Args:
        folder: of the sweep.

    Example:
        storage = open_storage(Path("outputs/sweeps/mine"))
        study = optuna.load_study(study_name=NAME, storage=storage)
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    folder.mkdir(parents=True, exist_ok=True)
    path = str((folder / JOURNAL).absolute())
    lock = JournalFileOpenLock(path)
    lock.acquire()
    try:
        _cut_torn_line(Path(path))
    finally:
        lock.release()
    return JournalStorage(JournalFileBackend(path, lock))


def open_study(folder: Path) -> "Study":
    """Open the study of a sweep, or begin one; the least value is the best.

    Example:
        open_study(Path("outputs/sweeps/mine")).best_params
    """
    import optuna

    storage = open_storage(folder)
    if NAME in optuna.get_all_study_names(storage):
        return optuna.load_study(study_name=NAME, storage=storage)
    return optuna.create_study(storage=storage, study_name=NAME)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second sweep out of a folder, which would start the same trials.

    Raises:
        InputError: another process is at work there.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, alone(Path(folder)):
        ...     Path(folder, "lock").exists()
        True
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            yield
    except Timeout as error:
        raise InputError(
            f"Another process works on the sweep {folder}; wait for its end, or give another name "
            f"with run=NAME."
        ) from error


def training_lock(run_dir: Path) -> FileLock:
    """Return the lock that a job holds while it trains, also when its sweep was killed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, training_lock(Path(folder)) as lock:
        ...     lock.is_locked
        True
    """
    return FileLock(run_dir / "training.lock")


def wait_for(run_dir: Path) -> None:
    """Wait for a job that trains in a process of its own, while its sweep was killed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     wait_for(Path(folder))  # nobody trains there
    """
    lock = training_lock(run_dir)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"Waiting for the training in {run_dir}, which outlived its sweep.")
        lock.acquire()
    lock.release()


def _cut_torn_line(journal: Path) -> None:
    """Cut off a last line that a kill tore, or the next line would be written behind it."""
    if not journal.exists():
        return
    with journal.open("rb+") as file:
        text = file.read()
        if not text.endswith(b"\n"):
            file.truncate(text.rfind(b"\n") + 1)
