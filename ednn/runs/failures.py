"""How a process ends that fails: with one sentence, or with the traceback of code that is wrong."""

import errno
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import metadata
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from hydra.errors import HydraException, InstantiationException
from omegaconf.errors import OmegaConfBaseException

from ednn.core.errors import InputError, TrainingError
from ednn.core.terminal import columns, fold

PACKAGE = Path(__file__).parents[1]
INSTALLED = rf"(site|dist)-packages|^{re.escape(sysconfig.get_path('stdlib'))}"
EXTRAS = {  # modules that one option needs, and Hydra's own configs from such modules
    "ase": "atoms",
    "gpaw": "pbe",
    "h5netcdf": "formats",
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/submitit_local": "slurm",
    "hydra/launcher/submitit_slurm": "slurm",
    "optuna": "optuna",
    "tblite": "dft",
    "tensorboard": "tensorboard",
    "tifffile": "formats",
    "torch_sim": "torch-sim",
    "xarray": "formats",
    "zarr": "formats",
}
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Explain = Callable[[Exception], str | None]


@contextmanager
def in_one_sentence(explain: Explain, resume: str = "") -> Iterator[None]:
    """End this process with one sentence and a non-zero exit code if the work within fails.

    What is wrong with the user's own code has its traceback before that, and so has a bug of ours.

    Args:
        explain: gives the sentence of a failure, or None for a bug.
        resume: what an interrupted user is told beside that.

    Raises:
        SystemExit: with the sentence, and the notes of the error.

    Example:
        >>> with in_one_sentence(told):
        ...     raise InputError("count=0 is not possible; give a whole number from 1.")
        Traceback (most recent call last):
        SystemExit: error: count=0 is not possible; give a whole number from 1.
    """
    try:
        yield
        sys.stdout.flush()  # a reader that has gone, or a full disk
    except KeyboardInterrupt:
        sys.exit(f"Interrupted{resume}.")
    except Exception as error:
        sentence = explain(error)
        if isinstance(error, OSError) and not error.filename:
            _give_up_output()
        if sentence is None:
            traceback.print_exception(error)
            sentence = _bug()
        notes = [f"({note})" for note in getattr(error, "__notes__", ())]
        end(" ".join([sentence, *notes]))


def end(sentence: str) -> NoReturn:
    """End this process with an error in one sentence.

    Raises:
        SystemExit: with the sentence, as it fits the terminal.

    Example:
        >>> end("There is no command evalute.")
        Traceback (most recent call last):
        SystemExit: error: There is no command evalute.
    """
    sys.exit(fold(f"error: {sentence}", columns(sys.stderr)))


def told(error: Exception) -> str | None:
    """Say in one sentence what a user can do about a failure; None if it is a bug of ours.

    The user's own code has its traceback shown before that.

    Example:
        >>> told(MemoryError())
        'The memory is too small; take a smaller data.batch_size, or for predict memory=… (GB).'
        >>> told(KeyError("inner")) is None
        True
    """
    words = None
    for cause in causes(error):
        words = _known(cause)
        if words or not isinstance(cause, HydraException | OmegaConfBaseException | RuntimeError):
            break  # these wrap what went wrong; the last is Lightning's, when it tidies up
    for cause in causes(error):
        frames = _own_frames(cause)
        if frames and not _of_kind(cause):
            traceback.print_exception(type(cause), cause, frames, chain=False)
            what = f"{type(cause).__name__}: {folded(cause)}"
            return words or f"Your own code failed, as shown above ({what})."
    return words


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Go through the errors that led to an error: OmegaConf names none of them as its cause.

    Example:
        >>> [str(cause) for cause in causes(KeyError(7))]
        ['7']
    """
    met: set[int] = set()
    while error is not None and id(error) not in met:  # two may name each other
        yield error
        met.add(id(error))
        error = error.__cause__ or error.__context__


def sentence(error: BaseException) -> str:
    """Return an error's sentence alone: torch wraps that of a loader process in its traceback.

    Example:
        >>> sentence(RuntimeError("In a worker: ednn.core.errors.InputError: L=0 is not possible."))
        'L=0 is not possible.'
    """
    return str(error).rstrip().rpartition(f"{InputError.__module__}.{InputError.__name__}: ")[2]


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """Name the extra that brings a missing module; None where no extra does.

    Example:
        >>> missing_extra(ModuleNotFoundError(name="tblite"))
        'There is no tblite here; it comes with an extra: run `pip install "ednn[dft]"`.'
    """
    module = str(error.name).partition(".")[0]
    if module == "wandb":  # comes with the package, but not every site has it
        return "There is no wandb here; run `pip install wandb`, or leave W&B out."
    return f"There is no {module} here; {install(module)}" if module in EXTRAS else None


def install(needed: str) -> str:
    """Say how a module of `EXTRAS` is installed.

    Example:
        >>> install("optuna")
        'it comes with an extra: run `pip install "ednn[optuna]"`.'
    """
    return f'it comes with an extra: run `pip install "ednn[{EXTRAS[needed]}]"`.'


def unusable(error: OSError) -> str:
    """Say which file cannot be used, what has no room, or what else the system refused.

    Example:
        >>> unusable(PermissionError(errno.EACCES, "Permission denied", "fields.h5"))
        'fields.h5 cannot be used (Permission denied); check the path and its permissions.'
        >>> unusable(OSError("no connection"))
        'The system refused (no connection); check disk, network and permissions, and start again.'
    """
    if isinstance(error, BrokenPipeError):
        return "The program that read this output has ended, and so did this command."
    if error.errno in NO_ROOM:
        return (
            f"No room to write {error.filename or 'a file'} ({error.strerror}); make some and "
            f"start again: what was whole is kept, nothing half-written is left."
        )
    if error.errno == errno.ENAMETOOLONG:
        return f"{error.filename} is too long for the file system; give a shorter name."
    if error.filename:
        return (
            f"{error.filename} cannot be used ({error.strerror}); check the path and its "
            f"permissions."
        )
    return (
        f"The system refused ({folded(error)}); check disk, network and permissions, and start "
        f"again."
    )


def folded(error: BaseException) -> str:
    r"""Return an error's lines as one, without a stop at the end.

    Example:
        >>> folded(ValueError("One line. \n  Another."))
        'One line. Another'
    """
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _known(error: BaseException) -> str | None:
    """Say what is wrong where we know; None for an error that may be anything."""
    if isinstance(error, InputError | TrainingError):
        return sentence(error)
    if isinstance(error, ModuleNotFoundError):
        return missing_extra(error)
    if isinstance(error, InstantiationException) and "Error locating target" in str(error):
        *_, reason = causes(error)
        return (
            f"_target_={str(error).split(chr(39))[1]} cannot be imported ({folded(reason)}); give "
            f"the full name of a class, whose module lies in the working folder or is installed."
        )
    return _of_kind(error)


def _of_kind(error: BaseException) -> str | None:
    """Say what is wrong where it is the system, or a service, that fails."""
    if isinstance(error, OSError):
        return unusable(error)
    kinds = {base.__name__: base.__module__.partition(".")[0] for base in type(error).__mro__}
    if {"MemoryError", "OutOfMemoryError"} & kinds.keys() or "DefaultCPUAllocator: " in str(error):
        return (
            "The memory is too small; take a smaller data.batch_size, or for predict memory=… (GB)."
        )
    if "wandb" in kinds.values():
        return (
            f"W&B failed ({folded(error)}); check your login and network, set WANDB_MODE=offline, "
            f"or leave W&B out."
        )
    if "MisconfigurationException" in kinds:
        return f"Lightning refuses a setting of trainer: {folded(error)}."
    return None


def _own_frames(error: BaseException) -> TracebackType | None:
    """Return the traceback of an error from where it enters the user's own code.

    None if that code isn't to blame: of it and this package, the other is the last in line.
    """
    own, frames = None, error.__traceback__
    while frames is not None:
        file = frames.tb_frame.f_code.co_filename
        if Path(file).is_relative_to(PACKAGE):
            own = None
        elif file.endswith(".py") and not re.search(INSTALLED, file):  # compiled modules are no .py
            own = own or frames
        frames = frames.tb_next
    return None if isinstance(error, InputError | TrainingError) else own


def _give_up_output() -> None:
    """Let Python's last flush of an output that cannot be written say nothing more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug() -> str:
    urls = dict(url.split(", ", 1) for url in metadata("ednn").get_all("Project-URL", []))
    return (
        f"This is a bug of ednn, not of your input; please report it with the lines above at "
        f"{urls['Issues']}."
    )
