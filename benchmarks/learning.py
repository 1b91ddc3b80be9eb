"""Labels chosen by uncertainty and at random: how many take a network from plain sheets to varied.

Run as `python -m benchmarks.learning` in the repository's folder; kill it at any time, it goes on.
Six seeds of either choice start from the same 40 plain sheets and label 30 structures by GFN1
after each training. All are tested on the same 150 varied sheets.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.timing import machine
from ednn.data.structures.file import part, read, write
from ednn.runs.sweep_table import SWEEPS, jobs, overrides_of

TEST, RUN = Path("data/cache/learning_test.h5"), "learning_benchmark"
LEARN = [
    *("-m", "seed=0,1,2,3,4,5", "learn.choose=uncertain,random"),
    *(f"run={RUN}", f"learn.test={TEST}", "learn.start=40", "learn.add=30", "learn.rounds=3"),
    *("data.recipe=varied", "data.path=data/dft/gfn1.h5", "data.batch_size=16"),
    *("model.subnet.widths=[16,16,16,16,16,16,16]", "trainer.check_val_every_n_epoch=5"),
    *("trainer.precision=32-true", "trainer.enable_progress_bar=false"),
]


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    if not TEST.exists():
        labels = read("data/dft/gfn1_varied.h5")
        write(TEST, part(labels, np.flatnonzero(labels.seed >= 5000)[:150]))
    subprocess.run([sys.executable, "learn.py", *LEARN], check=True)
    found = errors(SWEEPS / RUN)
    print(f"\nMean absolute error in meV per atom. {machine()}\n")
    for columns in (["choice", "seed"], ["choice"]):
        shown = found.pivot_table(["labels", "mean_error"], "round", columns)
        print(shown.to_string(float_format="{:.1f}".format), "\n")


def errors(sweep: Path) -> pd.DataFrame:
    """Return a row per job and round: choice, seed, number of labels, errors."""
    rows = []
    for job in jobs(sweep):
        words = overrides_of(job)
        own = {"choice": words["learn.choose"], "seed": words["seed"]}
        rows.append(pd.read_csv(job / "learning.csv").assign(**own))
    return pd.concat(rows)


if __name__ == "__main__":
    main()
