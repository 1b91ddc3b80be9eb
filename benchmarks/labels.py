"""How far the labels of data/dft can be trusted: their noise, and what a small periodic cell costs.

- Noise of the grid (egg-box error): the energy should not change when all atoms move together.
- Convergence: the energy should not change when the self-consistent field is converged further.
- Finite-size floor: the labels know the Γ point of their cell only, so the energy per atom of a
  perfect crystal changes with the size of the cell, which no local model can follow.

Run as `python -m benchmarks.labels`; it prints the table of data/README.md, where n is the number
of structures that a value is the largest of. A theory whose engine is not installed is left out.
On an idle core GFN1 takes two minutes (and ten more with `--sizes 120 240 540`), PBE ten.
"""

import argparse
import dataclasses
import json
from collections.abc import Iterator
from concurrent.futures import as_completed
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ednn.data.labelled import read
from ednn.data.workers import worker_pool
from ednn.errors import InputError
from ednn.physics.labels import THEORIES, Theory, label
from ednn.physics.sheets import BLOCK, Repeat, Structure, crystal, sheet

CRYSTALS = {"graphene": None, "hBN": True}  # polarity, as `crystal` takes it
SIZES: dict[int, Repeat] = {60: (1, 1), 120: (2, 1), 240: (2, 2), 540: (3, 3)}
SHIFTS = (0.0, 0.045, 0.09)  # Å: none, a quarter and a half of the spacing of the PBE grid
SEED = 1_000_000  # the first of the PBE labels
SHEETS = {"gfn1": 20, "pbe": 1}
CONVERGED = {
    "gfn1": {"accuracy": 0.01, "guess": "eeq"},
    "pbe": {"convergence": {"energy": 1e-7, "density": 1e-5}},
}

Key = tuple[str, str, float]  # what is measured, on which structure, at which shift or size
Job = tuple[Key, Structure, Theory]


def shifted(structure: Structure, by: float) -> Structure:
    """Return the structure with all atoms moved by the same length, in Å, along x and y."""
    return dataclasses.replace(structure, positions=(structure.positions + by) % structure.cell)


def enlarged(theory: Theory, kind: str, sites: int) -> tuple[Structure, Theory]:
    """Return a perfect crystal of `sites` atoms and the theory that labels it.

    For GPAW it is a cell of four atoms with one k-point for each of its copies: by band folding
    exactly the energy per atom of all copies at the Γ point, in seconds instead of hours.
    """
    repeat = SIZES[sites]
    if theory.name != "pbe":
        return crystal(repeat, CRYSTALS[kind]), theory
    block = crystal(boron_first=CRYSTALS[kind])
    cell = Structure(block.numbers[:4], block.positions[:4], block.cell / BLOCK)
    points = {"size": (*np.multiply(repeat, BLOCK).tolist(), 1), "gamma": True}
    return cell, dataclasses.replace(theory, arguments={**theory.arguments, "kpts": points})


def jobs(theory: Theory, sizes: list[int]) -> Iterator[Job]:
    """Yield every label that the table needs."""
    tight = dataclasses.replace(theory, arguments={**theory.arguments, **CONVERGED[theory.name]})
    for shift in SHIFTS:
        yield ("shift", "hBN", shift), shifted(crystal(boron_first=True), shift), theory
    for seed in range(SEED, SEED + SHEETS[theory.name]):
        for shift in SHIFTS:
            yield ("shift", str(seed), shift), shifted(sheet(seed), shift), theory
        yield ("tight", str(seed), 0.0), sheet(seed), tight
    for kind in CRYSTALS:
        for sites in (60, *sizes):
            yield ("size", kind, sites), *enlarged(theory, kind, sites)


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


def column(theory: Theory, sizes: list[int], workers: int) -> dict[str, str]:
    """Return what the table says of one theory, by row."""
    e = measure(list(jobs(theory, sizes)), workers)
    seeds = [name for what, name, _ in e if what == "tight"]

    def spread(name: str) -> float:
        return float(np.ptp([e["shift", name, shift] for shift in SHIFTS]))

    changes = [abs(e["tight", seed, 0.0] - e["shift", seed, 0.0]) for seed in seeds]
    rows = {
        "rigid shift, perfect hBN": f"{spread('hBN'):.2g}",
        "rigid shift, disordered sheets (n)": f"{max(map(spread, seeds)):.2g} ({len(seeds)})",
        "further convergence (n)": f"{max(changes):.2g} ({len(seeds)})",
    }
    for kind in CRYSTALS:
        for n in sizes:
            floor = e["size", kind, n] - e["size", kind, 60]
            rows[f"{kind}, 60 → {n} atoms"] = f"{floor:+.2f}"
    return rows | {"net force, meV/Å per atom (n)": net_force(theory)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--theories", nargs="+", choices=THEORIES, default=list(THEORIES))
    parser.add_argument("--sizes", nargs="+", type=int, choices=list(SIZES)[1:], default=[120, 240])
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
        measured = column(THEORIES[name], sorted(arguments.sizes), arguments.workers)
        columns[f"{name} ({engine})"] = measured
    if not columns:
        return
    print("\n| meV/atom |", " | ".join(columns), "|\n|" + " --- |" * (1 + len(columns)))
    for row in next(iter(columns.values()), {}):
        print("|", row, "|", " | ".join(measured[row] for measured in columns.values()), "|")


if __name__ == "__main__":
    main()
