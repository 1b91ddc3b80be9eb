"""Graphene of up to 10⁸ atoms, which predict.py reads from a file of sorted atoms in parts.

Run as `python -m benchmarks.large --sides 41 129 408 1291` (10⁵ to 10⁸ atoms). The file of each
size is written in strips, into --folder, and is kept, as is what is predicted: a run that was
stopped goes on. Times are processor time of the whole command, less that of a sheet of 60 atoms
(Python, torch and the network are loaded there, too), so that others on the machine don't matter.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.micron import SIGMA, recipe
from benchmarks.timing import machine
from ednn.core.checkpoint import KEY, describe
from ednn.core.structure_model import StructureModel
from ednn.data.structures.parts import PART
from ednn.data.structures.sorting import write_sorted
from ednn.physics.sheets import crystal
from ednn.physics.structure import Structure

REPOSITORY = Path(__file__).parent.parent


class Cost(NamedTuple):
    """What a command took: processor time in s, and the largest memory of a process in GB."""

    seconds: float
    memory: float


def strips(side: int) -> Iterator[Structure]:
    """Yield side × side blocks of 60 sites of displaced graphene, some rows of blocks at a time."""
    width, height = crystal().sides * side
    rows = max(1, PART // (60 * side))
    for start in range(0, side, rows):
        strip = crystal((min(rows, side - start), side))
        moved = np.random.default_rng(start).normal(0, SIGMA, strip.positions.shape)
        positions = strip.positions + moved + [start * width / side, 0]
        yield Structure(strip.numbers, positions, np.diag([width, height]))


def save(path: Path, model: StructureModel) -> None:
    """Write what a checkpoint of a training holds of a model."""
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    torch.save({"state_dict": state, KEY: describe(model, {})}, path)


def measured(*words: str) -> Cost:
    """Run Python to its end, with one thread per process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    started = subprocess.Popen([sys.executable, *words], env=environment, stdout=sys.stderr)
    _, status, used = os.wait4(started.pid, 0)
    if status:
        sys.exit(os.waitstatus_to_exitcode(status))
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9)


def predicting(processes: int) -> list[str]:
    """Return the words that start predict.py, by torchrun where several processes share it."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [*(torchrun if processes > 1 else []), str(REPOSITORY / "predict.py")]


def typical(side: int, arguments: argparse.Namespace) -> Cost:
    """Return the medians of as many predictions of a sheet as take half a minute, up to five."""
    costs: list[Cost] = []
    while len(costs) < 5 and sum(cost.seconds for cost in costs) < 30:
        costs.append(predicted(side, arguments))
    return Cost(*(median(column) for column in zip(*costs, strict=True)))


def predicted(side: int, arguments: argparse.Namespace) -> Cost:
    """Write the file of a sheet unless it is there, and predict it."""
    path = arguments.folder / f"{side}.h5"
    if not path.exists():
        write_sorted(path, partial(strips, side), source="benchmarks.large")
    return measured(
        *predicting(arguments.processes),
        f"ckpt_path={arguments.checkpoint}",
        f"input={path}",
        f"output={arguments.folder / 'out'}_{side}.csv",
        f"memory={arguments.memory}",
        "bfloat16=true",
        "overwrite=true",
        *arguments.also,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[41, 129], help="blocks of 60")
    parser.add_argument("--folder", type=Path, default=Path("outputs/large"))
    parser.add_argument("--checkpoint", default="pretrained/graphene-hbn-gfn1")
    parser.add_argument("--widths", type=int, nargs="+", help="of a network with new weights")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--memory", type=float, default=2, help="GB of each process")
    parser.add_argument("--also", nargs="*", default=[], help="more words for predict.py")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.widths:
        arguments.checkpoint = arguments.folder / "new.ckpt"
        save(arguments.checkpoint, recipe(32, arguments.widths))
    least = typical(1, arguments).seconds
    print(f"{arguments.processes} process(es), {machine()}; {least:.1f} s to start, left out\n")
    print("| atoms | processor time (s) | µs per atom | largest memory of a process (GB) |")
    print("| --- | --- | --- | --- |", flush=True)
    atoms, times = [60 * side**2 for side in arguments.sides], []
    for side, count in zip(arguments.sides, atoms, strict=True):
        cost = typical(side, arguments)
        times.append(cost.seconds - least)
        per_atom = 1e6 * times[-1] / count
        print(
            f"| {count:,} | {times[-1]:,.1f} | {per_atom:.2f} | {cost.memory:.2f} |",
            flush=True,
        )
    if len(times) > 1:
        exponent = np.polyfit(np.log(atoms), np.log(times), 1)[0]
        print(f"\nTime ∝ atoms^{exponent:.3f}")


if __name__ == "__main__":
    main()
