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
    """Return the help of a command.

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
        rows = {
            f"{group}={chosen}": f"{PURPOSE[group]}: {', '.join(choices(group, overrides))}"
            for group, chosen in own.items()
        }
    if rows:
        parts += ["Groups, each with its choice by default:", table(rows)]
    parts += ["Settings, each with its value by default:", indent(_settings(work.__name__), "  ")]
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


def _settings(command: str) -> str:
    """Return a command's config file without its title and the blocks that are Hydra's."""
    text = re.sub(r"\A(#.*\n)+", "", (CONF / f"{command}.yaml").read_text())
    blocks = re.split(r"^(?=\S)", text, flags=re.MULTILINE)  # a key and the lines below it
    return "".join(b for b in blocks if not re.match("defaults:|hydra:", b)).strip()
