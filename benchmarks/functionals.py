"""Densities by minimising a learned functional, against the exact ones: errors, and times by size.

Potentials are of the training's family, with seeds that no training used, in boxes of any size;
either the chemical potential is given or the number of particles. Fermions have their exact
density by diagonalisation, hard rods by Newton's method for the exact functional.

Run as `OMP_NUM_THREADS=1 python -m benchmarks.functionals RUN/checkpoints/best.ckpt`.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from benchmarks.timing import machine
from ednn.core.checkpoint import read_checkpoint
from ednn.core.interface import ExtensiveModel
from ednn.core.loading import build_models
from ednn.functionals import minimise
from ednn.physics import fermions, hard_rods, ideal_gas
from ednn.physics.ideal_gas import IdealGas
from ednn.physics.smooth_fields import Floats, Potentials
from ednn.runs.folder import environment, write_json

STREAM = 2  # of random numbers; data sets use 0 and 1
SETTINGS = ("spacing", "mu", "depth", "smooth")  # of a family of potentials
COLUMNS = ["density", "rms", "energy", "per_particle"]  # of errors


class Exact(NamedTuple):
    """The density in a potential (*L), and F + ∫ n v."""

    density: Floats
    energy: float


class Law(NamedTuple):
    """A functional that is known, and the ideal gas that labels are less by."""

    solve: Callable[[Floats, float], Exact]  # of v and μ
    ideal: IdealGas | None


def of_fermions(settings: Mapping[str, Any]) -> Law:
    spacing, kT, dims = settings["spacing"], settings["kT"], len(settings["sides"])

    def solve(v: Floats, mu: float) -> Exact:
        found = fermions.solve(v, spacing, kT, mu)
        return Exact(found.density, found.free_energy + spacing**dims * (found.density * v).sum())

    classical = IdealGas(kT, fermions.volume_per_particle(kT, dims))
    return Law(solve, classical if settings["excess"] else None)


def of_hard_rods(settings: Mapping[str, Any]) -> Law:
    law = {"spacing": settings["spacing"], "sigma": settings["sigma"]}

    def solve(v: Floats, mu: float) -> Exact:
        density = hard_rods.equilibrium(v, mu=mu, **law)
        free = ideal_gas.free_energy(density, law["spacing"], kT=1.0)
        free += hard_rods.excess_free_energy(density[None], **law)[0]
        return Exact(density, float(free + law["spacing"] * (density * v).sum()))

    return Law(solve, IdealGas(kT=1.0))


LAWS = {"fermions": of_fermions, "hard_rods": of_hard_rods}


def compare(
    model: ExtensiveModel, law: Law, family: Potentials, seed: int
) -> list[dict[str, object]]:
    """Return a row for μ given and one for N given, in the potential of a seed; errors are ≥ 0."""
    v, mu = family.draw((STREAM, seed))
    volume = family.spacing**v.ndim
    started = time.process_time()
    exact = law.solve(v, mu)
    exact_seconds = time.process_time() - started
    particles = volume * exact.density.sum()
    rows = []
    for given in ({"mu": mu}, {"particles": particles}):
        started = time.process_time()
        found = minimise(model, v, ideal=law.ideal, **given)
        seconds = time.process_time() - started
        away = found.density - exact.density
        constant = mu if "mu" in given else 0.0  # Ω is F + ∫ n (v − μ)
        reference = exact.energy - constant * particles
        error = abs(found.energy - constant * found.particles - reference)
        rows.append(
            {
                "points": v.size,
                "given": next(iter(given)),
                "seed": seed,
                "density": volume * np.abs(away).sum() / particles,
                "rms": np.sqrt(np.square(away).mean()) / exact.density.std(),
                "energy": error / abs(reference),
                "per_particle": error / particles,
                "mu": abs(found.mu - mu),
                "lowest": found.density.min(),
                "highest": found.density.max(),
                "iterations": found.iterations,
                "converged": found.converged,
                "seconds": seconds,
                "exact_seconds": exact_seconds,
            }
        )
    return rows


def exponent(times: pd.Series) -> float:
    """Return p of times ~ points^p, from median times by points."""
    return float(np.polyfit(np.log(times.index), np.log(times), 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--like", type=Path, help="checkpoint whose family of potentials is taken")
    parser.add_argument("--sides", type=int, nargs="+", default=[128, 256, 512, 1024, 2048])
    parser.add_argument("--seeds", type=int, default=10, help="potentials of each size")
    parser.add_argument("--output", type=Path, default=Path("outputs/functionals.json"))
    args = parser.parse_args()
    torch.set_num_threads(1)

    checkpoint = read_checkpoint(args.checkpoint)
    trained_on = checkpoint["ednn"]["trained_on"]
    model, settings = build_models([checkpoint]), trained_on["settings"]
    law = LAWS[trained_on["data"]](settings)
    like = settings
    if args.like:
        like = read_checkpoint(args.like)["ednn"]["trained_on"]["settings"]
    sides = like["sides"]
    family = Potentials(tuple(sides), **{name: like[name] for name in SETTINGS})
    rows = []
    for side in args.sides:
        box = replace(family, sides=(side,) * len(sides))
        for seed in range(args.seeds):
            rows += compare(model, law, box, seed)
    report(pd.DataFrame(rows), args.output, str(args.checkpoint))


def report(found: pd.DataFrame, output: Path, checkpoint: str) -> None:
    """Print medians, largest errors and times, and write them with all rows."""
    by = found.groupby(["given", "points"])
    print("\nErrors, medians and largest: ∫ |Δn| / N, rms Δn / spread of n, energy (Ω where μ is")
    print(f"given, else F + ∫ n v): relative, and per particle. {machine()}\n")
    print(by[COLUMNS].agg(["median", "max"]).to_string(float_format="{:.1e}".format), "\n")
    counts = by.agg({"iterations": ["median", "max"], "converged": "mean"})
    print(counts.to_string(float_format="{:.2f}".format), "\n")
    times = found[found.given == "mu"].groupby("points")[["seconds", "exact_seconds"]].median()
    print(times.to_string(float_format="{:.3f}".format))
    exponents = {name: exponent(times[name]) for name in times} if len(times) > 1 else {}
    print(" ".join(f"{name} ~ points^{p:.2f}" for name, p in exponents.items()))
    values = {"checkpoint": checkpoint, "exponents": exponents, "environment": environment()}
    write_json(output, {**values, "rows": found.to_dict("records")})


if __name__ == "__main__":
    main()
