"""How far the labels of data/dft can be trusted: their noise.

- Noise of the grid (egg-box error): the energy should not change when all atoms move together.
- Convergence: the energy should not change when the self-consistent field is converged further.

Run as `python -m benchmarks.labels`; it prints the table of data/README.md, where n is the number
of structures that a value is the largest of. A theory whose engine is not installed is left out.
On an idle core GFN1 takes two minutes, PBE ten.
"""

import argparse
import dataclasses
import json
from collections.abc import Iterator
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ednn.core.errors import InputError
from ednn.data.structures.file import read
from ednn.data.workers import worker_pool
from ednn.physics.labels import THEORIES, Theory, label
from ednn.physics.sheets import crystal, sheet
from ednn.physics.structure import Structure

SHIFTS = (0.0, 0.045, 0.09)  # Å: none, a quarter and a half of the spacing of the PBE grid
SEED = 1_000_000  # the first of the PBE labels
SHEETS = {"gfn1": 20, "pbe": 1}
CONVERGED: dict[str, dict[str, Any]] = {
    "gfn1": {"accuracy": 0.01, "guess": "eeq"},
    "pbe": {"convergence": {"energy": 1e-7, "density": 1e-5}},
}

Key = tuple[str, str, float]  # what is measured, on which structure, at which shift
Job = tuple[Key, Structure, Theory]


def shifted(structure: Structure, by: float) -> Structure:
    """Return the structure with all atoms moved by the same length, in Å, along x and y."""
    return dataclasses.replace(structure, positions=(structure.positions + by) % structure.sides)


def jobs(theory: Theory) -> Iterator[Job]:
    """Yield every label that the table needs."""
    tight = dataclasses.replace(theory, arguments={**theory.arguments, **CONVERGED[theory.name]})
    for shift in SHIFTS:
        yield ("shift", "hBN", shift), shifted(crystal(boron_first=True), shift), theory
    for seed in range(SEED, SEED + SHEETS[theory.name]):
        for shift in SHIFTS:
            yield ("shift", str(seed), shift), shifted(sheet(seed), shift), theory
        yield ("tight", str(seed), 0.0), sheet(seed), tight


def energy(job: Job) -> tuple[Key, float]:
    """Return the energy in meV/atom."""
    key, structure, theory = job
    return key, 1e3 * label(structure, theory).energy / len(structure.numbers)


def net_force(theory: Theory) -> str:
    """Return the largest net force per atom, in meV/Å, of the shipped labels of 60 sites."""
    path = Path("data/dft") / f"{theory.name}.h5"
    if not path.exists():
        return "no file"
    labels = read(path)
    net = np.add.reduceat(labels.forces.astype(float), labels.offsets[:-1])  # (N, 2) in eV/Å
    per_atom = np.linalg.norm(net, axis=1) / np.diff(labels.offsets)  # (N,)
    return f"{1e3 * per_atom.max():.2g} ({len(labels)})"


def measure(jobs: list[Job], workers: int) -> dict[Key, float]:
    """Return the energy of every job, in meV/atom."""
    pool = worker_pool(workers)
    try:
        running = as_completed([pool.submit(energy, job) for job in jobs])
        return dict(f.result() for f in tqdm(running, jobs[0][2].name, len(jobs)))
    finally:
        pool.shutdown(cancel_futures=True)


def column(theory: Theory, workers: int) -> dict[str, str]:
    """Return what the table says of one theory, by row."""
    e = measure(list(jobs(theory)), workers)
    seeds = [name for what, name, _ in e if what == "tight"]

    def spread(name: str) -> float:
        return float(np.ptp([e["shift", name, shift] for shift in SHIFTS]))

    changes = [abs(e["tight", seed, 0.0] - e["shift", seed, 0.0]) for seed in seeds]
    return {
        "rigid shift, perfect hBN": f"{spread('hBN'):.2g}",
        "rigid shift, disordered sheets (n)": f"{max(map(spread, seeds)):.2g} ({len(seeds)})",
        "further convergence (n)": f"{max(changes):.2g} ({len(seeds)})",
        "net force, meV/Å per atom (n)": net_force(theory),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--theories", nargs="+", choices=THEORIES, default=list(THEORIES))
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()

    columns = {}
    for name in arguments.theories:
        try:
            versions = json.loads(THEORIES[name].provenance()["versions"])
        except InputError as error:
            print(error)
            continue
        engine = ", ".join(f"{package} {version}" for package, version in versions.items())
        measured = column(THEORIES[name], arguments.workers)
        columns[f"{name} ({engine})"] = measured
    if not columns:
        return
    print("\n| meV/atom |", " | ".join(columns), "|\n|" + " --- |" * (1 + len(columns)))
    for row in next(iter(columns.values()), {}):
        print("|", row, "|", " | ".join(measured[row] for measured in columns.values()), "|")


if __name__ == "__main__":
    main()
