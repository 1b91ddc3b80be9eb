"""One process against two, on two cores: training by DDP and prediction by torchrun.

Run as `python -m benchmarks.processes` (`make bench`).
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.timing import machine

REPOSITORY = Path(__file__).parent.parent
SIDE = 56  # blocks of 60 sites that are predicted
LIMITS = [
    f"trainer.limit_{split}_batches={n}" for split, n in (("train", 50), ("val", 1), ("test", 1))
]
TRAININGS = {  # experiment: its settings here
    "dft": [f"data.path={REPOSITORY}/data/dft/gfn1.h5", *LIMITS],
    "ising_paper": ["tile.f=4", "data.n_train=100000", "data.n_val=500", "data.n_test=500"],
}


def run(folder: str, *words: str) -> str:
    """Run Python with one thread per process; return what it printed."""
    one = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=one, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def training(experiment: str, folder: str, processes: int, turn: int) -> float:
    """Return the samples per second of a training."""
    trainer = "cpu" if processes == 1 else "ddp_sim"
    name = f"{processes}-{turn}"
    words = [
        f"experiment={experiment}",
        f"trainer={trainer}",
        f"run={name}",
        "trainer.max_epochs=2",
    ]
    run(folder, str(REPOSITORY / "train.py"), *words, *TRAININGS[experiment])
    summary = Path(folder, "outputs", experiment, name, "summary.json")
    return json.loads(summary.read_text())["train/samples_per_second"]


def prediction(folder: str, processes: int, _turn: int) -> float:
    """Return the atoms per second of a prediction."""
    torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    told = run(folder, "-m", *torchrun, "benchmarks.micron", "--side", str(SIDE))
    (atoms, seconds) = re.findall(r"\| ([\d,]+) \| ([\d.]+) \|", told)[0]
    return int(atoms.replace(",", "")) / float(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print(f"Medians of {rounds} rounds in turns, a thread per process. {machine()}\n")
    print("| | 1 process | 2 processes | ratio |\n| --- | --- | --- | --- |")
    kinds: dict[str, Callable[[str, int, int], float]] = {
        **{
            f"training, experiment={name} (samples/s)": partial(training, name)
            for name in TRAININGS
        },
        "prediction (atoms/s)": prediction,
    }
    with TemporaryDirectory() as folder:
        for name, rate in kinds.items():
            turns = [[rate(folder, n, turn) for n in (1, 2)] for turn in range(rounds)]
            one, two = (median(column) for column in zip(*turns, strict=True))
            print(f"| {name} | {one:,.0f} | {two:,.0f} | {two / one:.2f} |", flush=True)


if __name__ == "__main__":
    main()
