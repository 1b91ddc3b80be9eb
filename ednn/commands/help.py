"""What `--help` prints."""

import re
from collections.abc import Callable, Mapping, Sequence
from inspect import getdoc
from pathlib import Path
from textwrap import indent
from typing import Any

from ednn.commands.groups import PURPOSE, choices, own_groups, visible_configs
from ednn.runs.configs import CONF

FLAGS = {
    "--cfg job": "print the whole config instead",
    "--config-dir DIR": "find configs there, too, as in conf/ of the working folder",
    "--hydra-help": "the other flags, of Hydra, which reads the command line",
}
SWEEP = {"-m": "a sweep: a job for every combination of KEY=VALUE,VALUE,…"}


def describe(work: Callable[..., Any], arguments: Sequence[str]) -> str:
    """Return the help of a command, and of the configs that were typed beside `--help`.

    Args:
        work: named after the command; its docstring says what it does and has examples.
        arguments: what was typed, the program first.

    Example:
        >>> def generate(cfg):
        ...     "Make a data set: `ednn generate data=ising`."
        >>> print(describe(generate, ["generate.py"]).splitlines()[0])
        Make a data set: `python generate.py data=ising`.
    """
    program, *words = arguments
    parts = [str(getdoc(work)).replace(f"ednn {work.__name__}", typed(program))]
    own = own_groups(work.__name__)
    with visible_configs(words) as overrides:
        found = {group: choices(group, overrides) for group in own}
    rows = {
        f"{group}={chosen}": f"{PURPOSE[group]}: {', '.join(found[group])}"
        for group, chosen in own.items()
    }
    if rows:
        group, names = next(iter(found.items()))
        shown = f"{group}={names[0]} --help shows its settings, too"
        parts += [f"Groups, each with its choice by default; {shown}:", table(rows)]
    parts += ["Settings, each with its value by default:"]
    parts += [_settings(CONF / f"{work.__name__}.yaml")]
    for word in words:
        group, _, choice = word.partition("=")
        if group in own and (path := CONF / group / f"{choice}.yaml").is_file():
            parts += [f"Settings of {word}, typed {_prefix(path)}KEY=VALUE:", _settings(path)]
    flags = FLAGS | (SWEEP if "hydra/launcher" in own else {})
    return "\n\n".join([*parts, "Flags:", table(flags)])


def typed(program: str) -> str:
    """Return what is typed to start a program.

    Example:
        >>> typed("bin/train.py"), typed("bin/ednn train")
        ('python train.py', 'ednn train')
    """
    return f"python {Path(program).name}" if program.endswith(".py") else Path(program).name


def table(rows: Mapping[str, str]) -> str:
    """Return lines of two columns.

    Example:
        >>> print(table({"train": "learn", "predict": "apply"}))
          train    learn
          predict  apply
    """
    width = max(map(len, rows))
    return "\n".join(f"  {name:<{width}}  {line}" for name, line in rows.items())


def _settings(path: Path) -> str:
    """Return a config file without its title and the blocks that are Hydra's."""
    text = re.sub(r"\A(#.*\n)+", "", path.read_text())
    blocks = re.split(r"^(?=\S)", text, flags=re.MULTILINE)  # a key and the lines below it
    own = "".join(b for b in blocks if not re.match("defaults:|hydra:|_target_:", b))
    return indent(own.strip(), "  ")


def _prefix(path: Path) -> str:
    """Return what stands before the keys of a group's config on a command line."""
    found = re.match(r"# @package (\S+)", path.read_text())
    package = found[1] if found else path.parent.name
    return "" if package == "_global_" else f"{package}."
