"""What every command does around its work: read its config, turn bad input into one sentence."""

import errno
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from ednn.commands.explain import explain, missing_extra, sentence
from ednn.commands.help import describe
from ednn.core.errors import InputError, TrainingError
from ednn.runs.configs import CONF, register

UNUSABLE = {
    errno.EACCES,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}
RESUME = {
    "predict": "; the same command goes on",
    "train": "; resume=auto goes on from the last finished epoch",
    "study": "; the same command goes on",
    "generate": "; the same command goes on",
}
Command = Callable[[], None]

register()


def command(work: Callable[[DictConfig], Any]) -> Command:
    """Make a command of a function whose config has its name and whose docstring is its help.

    Bad input ends in one sentence and a non-zero exit code.

    Example:
        >>> @command
        ... def train(cfg):
        ...     "Print one setting: `ednn train seed=3`."
        ...     print(cfg.seed)
        >>> train.__name__  # called without arguments, it reads the command line
        'train'
    """
    name = work.__name__
    main = hydra.main(config_path=str(CONF), config_name=name, version_base="1.3")(work)

    @wraps(work)
    def run() -> None:
        os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors reach this function
        sys.path.append(os.getcwd())  # where the modules of a user's `_target_` are
        try:
            if {"-h", "--help"} & set(sys.argv[1:]):
                print(describe(work, sys.argv))
            else:
                main()
        except (InputError, TrainingError) as error:
            sys.exit(f"error: {sentence(error)}")
        except (HydraException, OmegaConfBaseException) as error:
            sys.exit(f"error: {explain(error, name)}")
        except ModuleNotFoundError as error:
            if words := missing_extra(error):
                sys.exit(f"error: {words}")
            raise
        except OSError as error:
            if words := unusable(error):
                sys.exit(f"error: {words}")
            raise
        except KeyboardInterrupt:
            sys.exit(f"Interrupted{RESUME.get(name, '')}.")

    return run


def unusable(error: OSError) -> str | None:
    """Say which file cannot be used, or what has no room; None for an error of another kind.

    Example:
        >>> unusable(PermissionError(errno.EACCES, "Permission denied", "fields.h5"))
        'fields.h5 cannot be used (Permission denied); check the path and its permissions.'
        >>> unusable(OSError("something else")) is None
        True
    """
    if error.filename and error.errno in UNUSABLE:
        return (
            f"{error.filename} cannot be used ({error.strerror}); check the path and its "
            f"permissions."
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"No room to write {error.filename or 'a file'} ({error.strerror}); make some and "
            f"start again: what was whole is kept, nothing half-written is left."
        )
    return None
