"""The command `report`."""

import sys
from inspect import getdoc

from ednn.runs.failures import in_one_sentence, told


def report() -> None:
    """Write a page about a run or a sweep: errors, symmetries, pictures, worst samples, commands.

    ednn report outputs/ising/2026-11-22_15-34-47_5f8d02_028e  # its report.html
    ednn report outputs/sweeps/mine  # a table, a heat map, the best run
    ednn report outputs/runs/first outputs/runs/second  # side by side, in the first's folder
    """
    words = sys.argv[1:]
    if {"-h", "--help"} & set(words):
        print(getdoc(report))
        return
    if not words:
        sys.exit("error: ednn report takes the folder of a run or of a sweep; give one.")
    with in_one_sentence(told):
        from ednn.reports.report import report as write

        print(f"Report: {write(words)}")
