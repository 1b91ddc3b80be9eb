"""Random spins of up to 10¹⁰ sites, which predict.py reads from a file in parts.

Run as `python -m benchmarks.large_fields RUN/checkpoints/best.ckpt --sides 10000 100000`, with a
run of experiment=ising. The file of each size (a byte per site) is written in strips into --folder
and deleted afterwards. Times are processor time of the whole command, starting included.
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.large import measured, predicting
from benchmarks.timing import machine

CHUNK = 1000  # sites along each axis


def strips(side: int) -> Iterator[NDArray[np.int8]]:
    """Yield random spins ±1, rows of chunks after each other, (rows, side) each."""
    rng = np.random.default_rng(0)
    for start in range(0, side, CHUNK):
        bits = rng.integers(0, 2, (min(CHUNK, side - start), side), dtype=np.int8)
        yield 2 * bits - 1


def write(path: Path, side: int) -> int:
    """Write side × side spins; return their energy in J, which is an integer."""
    edges: list[tuple[NDArray[np.int8], NDArray[np.int8]]] = []
    bonds = 0
    with h5py.File(path, "w") as file:
        spins = file.create_dataset("spins", (1, side, side), np.int8, chunks=(1, CHUNK, CHUNK))
        for strip in tqdm(strips(side), "Writing", math.ceil(side / CHUNK), unit="strip"):
            spins[0, CHUNK * len(edges) : CHUNK * len(edges) + len(strip)] = strip
            bonds += int((strip * np.roll(strip, 1, 1)).sum(dtype=np.int64))
            bonds += int((strip[1:] * strip[:-1]).sum(dtype=np.int64))
            edges.append((strip[0], strip[-1]))
    for (first, _), (_, last) in zip(edges, [edges[-1], *edges], strict=False):
        bonds += int((first * last).sum(dtype=np.int64))
    return -bonds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--sides", type=int, nargs="+", default=[10_000], help="multiples of 1,000")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--memory", type=float, default=2, help="GB of each process")
    parser.add_argument("--folder", type=Path, default=Path("outputs/large"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    spins, sums = arguments.folder / "spins.h5", arguments.folder / "sums.csv"
    print(f"{arguments.processes} process(es), {machine()}\n")
    print("| sites | processor time (s) | ns per site | largest memory (GB) | E (J) | exact |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for side in arguments.sides:
        exact = write(spins, side)
        cost = measured(
            *predicting(arguments.processes),
            f"ckpt_path={arguments.checkpoint}",
            *(f"input={spins}", f"output={sums}", f"memory={arguments.memory}", "overwrite=true"),
        )
        spins.unlink()
        (row,) = pd.read_csv(sums, index_col="field").to_numpy()
        print(
            f"| {side**2:,} | {cost.seconds:,.0f} | {1e9 * cost.seconds / side**2:.0f} | "
            f"{cost.memory:.2f} | {row[0]:,.0f} ± {row[1]:,.0f} | {exact:,} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
