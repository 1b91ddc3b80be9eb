"""A step of molecular dynamics per atom: our network beside GFN1, PaiNN and NEP, through ASE.

Run in PaiNN's environment (`benchmarks/painn/__init__.py`), with `calorine` and `tblite` installed
too, as `python -m benchmarks.painn.dynamics`. Neither PaiNN nor NEP is trained, which takes as long
as if they were: PaiNN has the size that `benchmarks.painn` trains, NEP that of GPUMD's defaults.
"""

import tempfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import ase
import numpy as np
import schnetpack as spk
import torch
from ase.calculators.calculator import Calculator
from calorine.calculators import CPUNEP
from schnetpack.interfaces import SpkCalculator
from schnetpack.transform import MatScipyNeighborList
from tblite.ase import TBLite

from benchmarks.painn.__main__ import painn
from benchmarks.timing import in_turns, machine
from ednn.calculator import EDNNCalculator
from ednn.physics.sheets import crystal

SIZES = {60: (1, 1), 240: (2, 2), 960: (4, 4)}
LARGEST = {"GFN1": 60}  # atoms; it takes minutes beyond
ROUNDS = 9
STEP = 0.02  # Å by which all atoms move between two calls
ELEMENTS, N_MAX, BASIS, NEURONS = ("B", "C", "N"), 4, 8, 30  # of NEP


def sheet(repeat: tuple[int, int], strain: float) -> ase.Atoms:
    own = crystal(repeat, boron_first=True)
    positions = np.pad(own.positions, ((0, 0), (0, 1)), constant_values=7.5)
    atoms = ase.Atoms(own.numbers, positions, cell=[*own.sides, 15], pbc=True)
    atoms.set_cell(atoms.cell * [[1 + strain], [1], [1]], scale_atoms=True)
    return atoms


class PaiNNCalculator(SpkCalculator):
    """SchNetPack's calculator of a network in memory; from a file it would have to be unpickled."""

    def _load_model(self, net: torch.nn.Module) -> torch.nn.Module:
        return net


def painn_calculator() -> Calculator:
    net: Any = painn(cutoff=4.0, features=64, interactions=3)
    net.output_modules.append(spk.atomistic.Forces())
    net.collect_derivatives()
    net.collect_outputs()
    return PaiNNCalculator(
        net, MatScipyNeighborList(cutoff=4.0), energy_unit="eV", position_unit="Ang", device="cpu",
        dtype=torch.float32,
    )  # fmt: skip


def nep_calculator(folder: Path) -> Calculator:
    """A NEP4 of random weights, in the format of GPUMD's nep.txt."""
    elements, radial = len(ELEMENTS), N_MAX + 1
    descriptors = radial * (1 + 5)  # and angular ones up to l = 4 and of four bodies
    count = elements * (descriptors + 2) * NEURONS + 1
    count += 2 * elements**2 * radial * (BASIS + 1) + descriptors
    rng = np.random.default_rng(0)
    weights = np.concatenate([rng.normal(0, 0.1, count - descriptors), np.ones(descriptors)])
    head = [
        f"nep4 {elements} {' '.join(ELEMENTS)}",
        "cutoff 8 4 100 50",
        f"n_max {N_MAX} {N_MAX}",
        f"basis_size {BASIS} {BASIS}",
        "l_max 4 2 0",
        f"ANN {NEURONS} 0",
    ]
    path = folder / "nep.txt"
    path.write_text("\n".join([*head, *map(str, weights)]) + "\n")
    return CPUNEP(str(path))


def step(atoms: ase.Atoms, calculator: Calculator) -> Callable[[], object]:
    rng = np.random.default_rng(0)
    at_rest = atoms.positions.copy()
    atoms.calc = calculator

    def run() -> object:
        atoms.positions[:, :2] = at_rest[:, :2] + rng.normal(0, STEP, (len(atoms), 2))
        return atoms.get_forces()

    return run


def main() -> None:
    torch.set_num_threads(1)
    print(f"Microseconds per atom of a step's energy and forces. {machine()}\n")
    with tempfile.TemporaryDirectory() as folder:
        network = "pretrained/graphene-hbn-gfn1"
        ways: dict[str, Callable[[], Calculator]] = {
            "EDNN, whole tiles": lambda: EDNNCalculator(network),
            "EDNN, any cell": lambda: EDNNCalculator(network),
            "PaiNN": painn_calculator,
            "NEP": lambda: nep_calculator(Path(folder)),
            "GFN1": lambda: TBLite(method="GFN1-xTB", verbosity=0),
        }
        print(f"| atoms | {' | '.join(ways)} |\n|{' --- |' * (1 + len(ways))}", flush=True)
        for repeat in SIZES.values():
            atoms = 60 * prod(repeat)
            chosen = [name for name in ways if atoms <= LARGEST.get(name, atoms)]
            steps = [step(sheet(repeat, 0.01 * ("any" in n)), ways[n]()) for n in chosen]
            times = dict(zip(chosen, 1e3 * in_turns(steps, ROUNDS) / atoms, strict=True))
            cells = [
                f"{times[name]:.3g} (× {times[name] / times['EDNN, whole tiles']:.2g})"
                if name in times
                else ""
                for name in ways
            ]
            print(f"| {atoms} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
