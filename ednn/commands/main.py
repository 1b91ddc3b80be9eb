"""`ednn COMMAND …`: the twelve commands under one name."""

import sys
from difflib import get_close_matches
from inspect import getdoc
from pathlib import Path

import ednn
from ednn.commands.completion import complete
from ednn.commands.convert import convert
from ednn.commands.demo import demo
from ednn.commands.evaluate import evaluate
from ednn.commands.generate import generate
from ednn.commands.help import table
from ednn.commands.info import info
from ednn.commands.learn import learn
from ednn.commands.locality import locality
from ednn.commands.md import md
from ednn.commands.predict import predict
from ednn.commands.relax import relax
from ednn.commands.report import report
from ednn.commands.study import study
from ednn.commands.train import train
from ednn.core.terminal import say
from ednn.runs.failures import end

# those that take settings
WORKS = (train, evaluate, predict, relax, md, convert, generate, learn, locality, study)
COMMANDS = {work.__name__: work for work in (*WORKS, info, report, demo)}

SHELLS = {
    "bash": 'eval "$(ednn --shell-completion install=bash)"',
    "zsh": "autoload -Uz compinit bashcompinit; compinit; bashcompinit; and that of bash",
    "fish": "ednn --shell-completion install=fish | source",
}


def main() -> None:
    """Run the command that the command line names.

    Example:
        ednn  # lists the commands
        ednn train experiment=ising
    """
    program, *words = sys.argv
    if not words or words[0] in ("-h", "--help"):
        say(overview(Path(program).name))
    elif words[0] == "--version":
        print(f"ednn {ednn.__version__}")
    elif words[0] in ("-sc", "--shell-completion"):
        complete(COMMANDS, words)
    elif words[0] in COMMANDS:
        sys.argv = [f"{program} {words[0]}", *words[1:]]
        COMMANDS[words[0]]()
    else:
        nearest = get_close_matches(words[0], COMMANDS, n=1, cutoff=0.0)[0]
        end(
            f"There is no command {words[0]}; the nearest is {nearest}, and "
            f"`{Path(program).name} --help` lists them all."
        )


def overview(program: str) -> str:
    """Return the list of commands.

    Example:
        >>> print(overview("ednn").splitlines()[2])
          train     Train a model, test it and record the run.
    """
    lines = {name: str(getdoc(work)).partition("\n")[0] for name, work in COMMANDS.items()}
    return "\n\n".join(
        [
            "Extensive deep neural networks: learn on small systems, predict systems of any size.",
            table(lines),
            f"`{program} COMMAND --help` has examples and all settings. Words are completed by Tab "
            "after one of:",
            table(SHELLS),
            f"`{program} --version` prints the version.",
        ]
    )
