"""The command `info`."""

import sys
from inspect import getdoc

from ednn.commands.help import table
from ednn.core.terminal import say
from ednn.runs.failures import end, in_one_sentence, told


def info() -> None:
    """Say what a run, a folder of runs, a checkpoint or a file of data is.

    ednn info outputs/ising/2026-11-22_15-34-47_5f8d02_028e
    ednn info outputs/sweeps
    ednn info pretrained/graphene-hbn-gfn1
    ednn info sheets.extxyz
    """
    words = sys.argv[1:]
    if {"-h", "--help"} & set(words):
        say(str(getdoc(info)))
        return
    if len(words) != 1:
        end(
            f"ednn info takes one path, of a run, a folder of runs, a checkpoint or a file of "
            f"data, and not {len(words)}; give one."
        )
    from ednn.runs.about import about

    with in_one_sentence(told):
        say(table(about(words[0])))
