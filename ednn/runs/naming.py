"""How runs and the jobs of a sweep are named: after the command line."""

import hashlib
import secrets
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from ednn.core.errors import InputError
from ednn.core.files import LONGEST, fitting
from ednn.runs.started import started

OUTPUTS = Path("outputs")


def name_run(arguments: Sequence[str], goes_on: bool = False) -> str:
    """Name a run after its start and its command line.

    The six letters after the time are the same for the same command line. `resume=auto` finds the
    newest run by them and gives its name again; any other start gets a name that is unique.

    Args:
        arguments: of the command line.
        goes_on: whether the same command always goes on.

    Raises:
        InputError: several processes of one run would each make up a name of their own.

    Example:
        >>> name_run(["data=ising"]).split("_")[2]  # after date and time: that of the command line
        '69388e'
    """
    by, _ = started()
    if by != "python":
        raise InputError(f"{by}'s processes must share one run folder; add run=NAME.")
    words = sorted(a for a in arguments if not a.startswith("resume="))
    words += ["again"] if goes_on else []  # apart from other commands with the same words
    command = hashlib.sha256("\0".join(words).encode()).hexdigest()[:6]
    if goes_on or "resume=auto" in arguments:
        found = [path.name for path in OUTPUTS.glob(f"*/*_{command}_*") if path.is_dir()]
        if found:
            return max(found)
        if not goes_on:
            print("No earlier run of this command to resume: starting a new one.", file=sys.stderr)
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{command}_{secrets.token_hex(2)}"


def fixed_keys(overrides: Sequence[str]) -> list[str]:
    """List the keys that a command line overrides with one value: they don't tell jobs apart.

    Example:
        >>> fixed_keys(["data=ising", "tile.c=1,2"])
        ['data']
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return [o.key_or_group for o in parsed if not o.is_sweep_override()]


def name_job(overrides: Sequence[str], fixed: Sequence[str]) -> str:
    """Name a job of a sweep after those of its overrides whose keys are not `fixed`, nor `resume`.

    Example:
        >>> name_job(["data=ising", "tile.c=1"], fixed=["data"])
        'tile.c=1'
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    name = ",".join(
        sorted(plain_words(o) for o in parsed if o.key_or_group not in {*fixed, "resume"})
    )
    parts = name.split("/")  # a path makes folders in folders, as long as it leads nowhere else
    if {"", ".", ".."} & set(parts) or any(len(part.encode()) > LONGEST for part in parts):
        return fitting(name.replace("/", "_"))
    return name


def plain_words(override: Override) -> str:
    """Return an override as it was typed, without the quotes that Hydra's grammar wants.

    Example:
        >>> (override,) = OverridesParser.create().parse_overrides(["data.path='c=1.h5'"])
        >>> plain_words(override)
        'data.path=c=1.h5'
    """
    value = override.value()
    if isinstance(value, str):
        return f"{override.get_key_element()}={value}"
    return str(override.input_line)


def folder_name(setting: str, name: object) -> str:
    """Return the name of a folder below outputs/, or of folders in folders.

    Args:
        setting: that gives it.
        name: as it was given.

    Raises:
        InputError: no folder can have this name, or it would lie elsewhere.

    Example:
        >>> folder_name("name", "paper/cpu"), folder_name("run", 2024)
        ('paper/cpu', '2024')
        >>> folder_name("run", "..")
        Traceback (most recent call last):
        ednn.core.errors.InputError: run='..' names no folder below outputs; give a name such as ...
    """
    text = str(name)
    parts = text.removesuffix("/").split("/")
    if {"", ".", ".."} & set(parts) or "\0" in text or "${" in text:
        raise InputError(
            f"{setting}={text!r} names no folder below {OUTPUTS}; give a name such as "
            f"{setting}=trial_1."
        )
    if any(len(part.encode()) > LONGEST for part in parts):
        raise InputError(
            f"{setting}={text} is longer than the {LONGEST} bytes that a file system takes; give "
            f"a shorter name."
        )
    return text
