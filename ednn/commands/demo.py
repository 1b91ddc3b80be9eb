"""The command `demo`."""

import sys
from inspect import getdoc
from pathlib import Path

from ednn.core.terminal import say
from ednn.runs.failures import end, in_one_sentence, told


def demo() -> None:
    """Show the packaged network at work: a sheet with a vacancy, its energy and its relaxation.

    ednn demo  # ten seconds; pictures in outputs/demo
    """
    words = sys.argv[1:]
    if {"-h", "--help"} & set(words):
        say(str(getdoc(demo)))
        return
    if words:
        end(f"ednn demo takes no settings, and {words[0]} is one; leave it out.")
    with in_one_sentence(told):
        from ednn.simulation.demo import demo as show

        show(Path("outputs/demo"))
