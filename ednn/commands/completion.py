"""Completion of `ednn …` by Tab: Hydra's, for a name that has several commands."""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO

from ednn.commands.cli import Command
from ednn.commands.groups import own_groups
from ednn.runs.configs import CONF


def complete(commands: Mapping[str, Command], words: Sequence[str]) -> None:
    """Print what a shell evaluates to complete words, or the words that a line may go on with.

    Args:
        commands: by their names.
        words: `--shell-completion` and `install=SHELL`, `uninstall=SHELL` or `query=SHELL`; what
            Hydra has for bash serves zsh, too.

    Example:
        eval "$(ednn --shell-completion install=bash)"  # then Tab completes: ednn train exp…
    """
    sys.argv = ["ednn", *words]
    if not words[-1].startswith("query="):
        next(iter(commands.values()))()  # what is installed is the same for all
        return
    line = os.environ["COMP_LINE"]
    typed = line.split()[1:]
    if not typed or (len(typed) == 1 and not line[-1].isspace()):
        print(*commands, sep="\n")
    elif typed[0] in commands:
        os.environ["COMP_LINE"] = re.sub(rf"(?<=\s){typed[0]}\b", "", line, count=1)
        found = StringIO()
        # a word that is no setting yet, such as half a flag, is nobody's mistake
        with redirect_stdout(found), redirect_stderr(StringIO()), suppress(SystemExit):
            commands[typed[0]]()
        print(*_own(typed[0], found.getvalue().split()), sep="\n")


def _own(command: str, words: Sequence[str]) -> Iterator[str]:
    """Leave out the config groups of other commands."""
    foreign = {path.name for path in CONF.iterdir() if path.is_dir()} - own_groups(command).keys()
    for word in words:
        if re.split(r"[=/]", word.lstrip("+~"))[0] not in foreign - {"hydra"}:
            yield word
