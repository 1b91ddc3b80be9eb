"""One sentence for what is wrong with a command line or a config."""

import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from hydra import compose
from hydra.errors import MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue

from ednn.commands.groups import own_groups, visible_configs
from ednn.core.errors import InputError

EXTRAS = {  # modules that one option needs, and Hydra's own configs from such modules
    "ase": "atoms",
    "gpaw": "pbe",
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/submitit_local": "slurm",
    "hydra/launcher/submitit_slurm": "slurm",
    "jinja2": "report",
    "tblite": "dft",
    "tensorboard": "tensorboard",
}


def sentence(error: Exception) -> str:
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
    return f"There is no {module} here; {_install(module)}" if module in EXTRAS else None


def explain(error: Exception, command: str) -> str:
    """Say what is wrong with a config; for an unknown key, name the nearest valid one.

    Example:
        >>> known = ["dft", "ising"]
        >>> error = MissingConfigException("", missing_cfg_file="data/isng", options=known)
        >>> explain(error, "train")
        'There is no config data/isng; choose one of dft, ising.'
    """
    for cause in _causes(error):
        if isinstance(cause, InputError):  # raised by what Hydra was making
            return sentence(cause)
        if isinstance(cause, ModuleNotFoundError) and (words := missing_extra(cause)):
            return words
    if isinstance(error, MissingConfigException) and error.missing_cfg_file in EXTRAS:
        launcher = error.missing_cfg_file
        return f"There is no launcher {launcher.rpartition('/')[2]} here; {_install(launcher)}"
    if isinstance(error, MissingConfigException) and error.options:
        known = ", ".join(error.options)
        return f"There is no config {error.missing_cfg_file}; choose one of {known}."
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} has no value; add {error.full_key}=… to the command."
    match = re.search(r"Could not override '([^']+)'", str(error))
    if match is None:
        return str(error)
    key = match[1]
    nearest = get_close_matches(key, list(_valid_keys(command)), n=1, cutoff=0.0)
    return f"There is no config key {key}; the nearest valid key is {nearest[0]}."


def _install(needed: str) -> str:
    return f'it comes with an extra: run `pip install "ednn[{EXTRAS[needed]}]"`.'


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Go through the errors that led to an error: OmegaConf names none of them as its cause."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _valid_keys(command: str) -> Iterator[str]:
    """List the keys of the config that the command line selects, config groups included."""
    groups = own_groups(command)
    chosen = [a for a in sys.argv[1:] if a.split("=")[0] in groups and "," not in a]
    with visible_configs(sys.argv[1:]) as overrides:
        cfg = compose(command, [*overrides, *chosen])
    yield from groups
    yield from _keys(OmegaConf.to_container(cfg, resolve=False))


def _keys(node: Any, prefix: str = "") -> Iterator[str]:
    for key, value in node.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{key}.")
