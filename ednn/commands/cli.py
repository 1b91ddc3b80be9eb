"""What every entry script does around its work: name the run, turn bad input into one sentence."""

import errno
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException
from hydra.initialize import initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from ednn.core.errors import InputError, TrainingError
from ednn.runs.folder import name_run, plain

CONF = Path(__file__).parents[2] / "conf"
UNUSABLE = {
    errno.EACCES,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}
RECORDED = {"train", "evaluate"}  # the scripts that leave a run folder
RESUME = {
    "predict": "; the same command goes on",
    "train": "; resume=auto goes on from the last finished epoch",
    "study": "; the same command goes on",
    "generate": "; the same command goes on",
}


def entry(main: Callable[[], Any]) -> Callable[[], None]:
    """Wrap a `@hydra.main` function: bad input ends in one sentence and a non-zero exit code."""

    @wraps(main)
    def run() -> None:
        os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors reach this function
        try:
            if Path(sys.argv[0]).stem in RECORDED:
                os.environ["EDNN_RUN"] = os.environ.get("EDNN_RUN") or name_run(sys.argv[1:])
            os.environ["EDNN_FIXED_KEYS"] = json.dumps(fixed_keys(sys.argv[1:]))
            main()
        except (InputError, TrainingError) as error:
            sys.exit(f"error: {sentence(error)}")
        except (HydraException, OmegaConfBaseException) as error:
            sys.exit(f"error: {explain(error)}")
        except OSError as error:
            if error.filename and error.errno in UNUSABLE:
                sys.exit(
                    f"error: {error.filename} cannot be used ({error.strerror}); check the path "
                    f"and its permissions."
                )
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            sys.exit(
                f"error: No room to write {error.filename or 'a file'} ({error.strerror}); make "
                f"some and start again: what was whole is kept, nothing half-written is left."
            )
        except KeyboardInterrupt:
            sys.exit(f"Interrupted{RESUME.get(Path(sys.argv[0]).stem, '')}.")

    return run


def sentence(error: Exception) -> str:
    """Return an error's sentence alone: torch wraps that of a loader process in its traceback."""
    return str(error).rstrip().rpartition(f"{InputError.__module__}.{InputError.__name__}: ")[2]


def fixed_keys(arguments: list[str]) -> list[str]:
    """List the keys that a command line overrides with one value: they don't tell jobs apart."""
    words = [a for a in arguments if "=" in a and not a.startswith("-")]
    overrides = OverridesParser.create().parse_overrides(words)
    return [o.key_or_group for o in overrides if not o.is_sweep_override()]


def explain(error: Exception) -> str:
    """Say what is wrong with a config; for an unknown key, name the nearest valid one."""
    if isinstance(error.__cause__, InputError):  # raised by a class that Hydra was making
        return str(error.__cause__)
    if isinstance(error, MissingConfigException) and error.options:
        known = ", ".join(error.options)
        return f"There is no config {error.missing_cfg_file}; choose one of {known}."
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} has no value; add {error.full_key}=… to the command."
    match = re.search(r"Could not override '([^']+)'", str(error))
    if match is None:
        return str(error)
    key = match[1]
    nearest = get_close_matches(key, list(valid_keys(sys.argv[1:])), n=1, cutoff=0.0)
    return f"There is no config key {key}; the nearest valid key is {nearest[0]}."


def valid_keys(arguments: list[str]) -> Iterator[str]:
    """List the keys of the config that a command line selects, config groups included."""
    script = Path(sys.argv[0]).stem
    defaults = OmegaConf.load(CONF / f"{script}.yaml").defaults
    groups = sorted(str(key) for d in defaults if isinstance(d, DictConfig) for key in d)
    chosen = [a for a in arguments if a.split("=")[0] in groups and "," not in a]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose(script, overrides=chosen)
    yield from (group for group in groups if not group.startswith("override "))
    yield from _keys(plain(cfg, resolve=False))


def _keys(node: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in node.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{key}.")
