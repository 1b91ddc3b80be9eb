"""One sentence for what is wrong with a command line or a config."""

import re
import shlex
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from traceback import walk_tb
from typing import Any

from hydra import compose
from hydra.errors import (
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from ednn.commands.as_typed import quoted
from ednn.commands.groups import own_groups, visible_configs
from ednn.runs.failures import EXTRAS, folded, install, told


def explain(error: Exception, command: str) -> str | None:
    """Say what is wrong with a command or its config; None for a bug.

    For an unknown key that is the nearest valid one.

    Example:
        >>> known = ["dft", "ising"]
        >>> error = MissingConfigException("", missing_cfg_file="data/isng", options=known)
        >>> explain(error, "train")
        'There is no config data/isng; choose one of dft, ising.'
    """
    if isinstance(error, MissingConfigException):
        return _missing_config(error)
    if words := told(error):
        return words
    if isinstance(error, InstantiationException) and (cause := error.__cause__):
        refused = _of_hydra(cause) or re.search("(unexpected|missing) .*argument", str(cause))
        return _not_made(error, cause) if refused else None
    if not isinstance(error, HydraException | OmegaConfBaseException):
        mend = "mend that setting, or leave it out."
        return f"{folded(error)}; {mend}" if _of_hydra(error) else None
    if isinstance(error, OverrideParseException):
        return _unreadable(error.override)
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} has no value; add {error.full_key}=… to the command."
    if match := re.search(r"Could not override '([^']+)'", str(error)):
        key, valid = match[1], list(_valid_keys(command))
        if key in valid:  # a mapping, with a key that is unknown
            key = str(getattr(error.__cause__, "full_key", key))
        nearest = get_close_matches(key, valid, n=1, cutoff=0.0)
        return f"There is no config key {key}; the nearest valid key is {nearest[0]}."
    if match := re.search(
        r"(?s)(?:Ambiguous|Sweep parameters).*?'((.*?)=.*)'(\n1\.| req)", str(error)
    ):
        return (
            f"{match[1]} are several values, which want -m, for a job of each, or brackets, for a "
            f"list: {match[2]}=[…]."
        )
    if isinstance(error, OmegaConfBaseException):
        return str(error).partition("\n")[0].rstrip(".") + "."
    return f"{folded(error)}."


def _missing_config(error: MissingConfigException) -> str:
    if error.missing_cfg_file in EXTRAS:
        launcher = error.missing_cfg_file
        return f"There is no launcher {launcher.rpartition('/')[2]} here; {install(launcher)}"
    if error.options:
        known = ", ".join(error.options)
        return f"There is no config {error.missing_cfg_file}; choose one of {known}."
    return str(error).partition("\n")[0]


def _not_made(error: InstantiationException, cause: BaseException) -> str:
    """Say which part of the config names a class that refuses its settings."""
    key = str(error).rpartition("full_key: ")[2] if "full_key: " in str(error) else "the config"
    return f"What {key.strip()} names cannot be made: {folded(cause)}; check its settings."


def _unreadable(word: str) -> str:
    """Say how a word is typed that is not in Hydra's grammar."""
    key, _, value = word.partition("=")
    if ends := re.search(r"^(?:tag\(.*?)?(?:interval|range)\(([^()]*)\)", value):
        return (
            f"{word} cannot be read: intervals and ranges are of two numbers; give names as "
            f"{key}='choice({ends[1]})'."
        )
    typed = f"{key}={quoted(value)}"
    shell = shlex.quote(typed) if set(typed) & set('"$`\\!') else f'"{typed}"'
    return (
        f"{word} cannot be read: close its brackets and quotes, or, if its value is a text, type "
        f"{shell}."
    )


def _of_hydra(error: BaseException) -> bool:
    """Tell whether Hydra, or what it makes of the config, raised an error: of it and us, the last.

    Such is a flag that is misused, or a learning rate that torch refuses.
    """
    modules = [str(f.f_globals.get("__name__")) for f, _ in walk_tb(error.__traceback__)]
    packages = [name.partition(".")[0] for name in modules]
    return [p for p in packages if p in ("ednn", "hydra", "omegaconf")][-1:] not in ([], ["ednn"])


def _valid_keys(command: str) -> Iterator[str]:
    """List the keys of the config that the command line selects, config groups included."""
    groups = own_groups(command)
    # of a sweep over a group, the first; a mapping is no choice
    named = [m[0] for word in sys.argv[1:] if (m := re.match(r"[^=]+=[\w./-]+(?=,|$)", word))]
    chosen = [word for word in named if word.partition("=")[0] in groups]
    with visible_configs(sys.argv[1:]) as overrides:
        cfg = compose(command, [*overrides, *chosen])
    yield from groups
    yield from _keys(OmegaConf.to_container(cfg, resolve=False))


def _keys(node: Any, prefix: str = "") -> Iterator[str]:
    for key, value in node.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{key}.")
