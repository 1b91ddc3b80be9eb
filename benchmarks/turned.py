"""What pixels do to perfect sheets: forces that should be zero, energies that change as they turn.

Sheets of 72 atoms are turned by random angles and moved against the pixels at random. Their
greatest forces are told, how far their energies are from the mean over all, and by how much a
relaxation moves the atoms of perfect sheets, which are at their places already.

Run as `OMP_NUM_THREADS=1 python -m benchmarks.turned [CHECKPOINT]`.
"""

import argparse
from itertools import product

import numpy as np
from ase import Atoms
from ase.build import graphene
from ase.constraints import FixCartesian
from ase.optimize import BFGS
from tqdm import tqdm

from benchmarks.timing import machine
from ednn.calculator import EDNNCalculator
from ednn.core.loading import load_structure_model
from ednn.core.structure_model import StructureModel

LATTICE = {"graphene": ("C2", 2.46), "hBN": ("BN", 2.504)}  # constants in Å
STRONG = 0.08  # Å: standard deviation of displacements, of up to 0.1 in the training
PLACES = 48  # angles and positions
Measures = tuple[float, float, float]


def sheet(kind: str, displaced: float) -> Atoms:
    """Return a hexagonal sheet whose atoms are displaced in its plane."""
    formula, constant = LATTICE[kind]
    atoms = graphene(formula, a=constant, size=(6, 6, 1), vacuum=5)
    shift = np.random.default_rng(0).normal(0, displaced, (len(atoms), 3))
    atoms.positions += shift * (1, 1, 0)
    return atoms


def measure(atoms: Atoms, model: StructureModel, shifts: int, largest: float) -> Measures:
    """Return mean and greatest deviation of the energies (meV/atom), and greatest force (eV/Å).

    Sheets are turned by up to `largest` degrees, and each has a calculator of its own, as one looks
    at it for the first time.
    """
    random = np.random.default_rng(1)
    energies, forces = [], []
    for _ in range(PLACES):
        there = atoms.copy()
        there.rotate(random.uniform(0, largest), "z", rotate_cell=True)
        there.translate((*random.uniform(0, 1, 2), 0))
        there.calc = EDNNCalculator(model, shifts=shifts)
        energies.append(1000 * there.get_potential_energy() / len(there))
        forces.append(np.linalg.norm(there.get_forces(), axis=1).max())
    missed = np.abs(np.array(energies) - np.mean(energies))
    return float(missed.mean()), float(missed.max()), float(np.max(forces))


def relaxed(atoms: Atoms, calculator: EDNNCalculator) -> float:
    """Relax a flat sheet to 0.01 eV/Å; return the largest move of an atom in Å."""
    there = atoms.copy()
    there.calc = calculator
    there.set_constraint(FixCartesian(range(len(there)), mask=(False, False, True)))
    BFGS(there, logfile=None).run(fmax=0.01, steps=300)
    moves = there.positions - atoms.positions
    return float(np.linalg.norm(moves - moves.mean(0), axis=1).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", default="pretrained/graphene-hbn-gfn1")
    checkpoint = parser.parse_args().checkpoint
    model = load_structure_model(checkpoint)
    print(machine())
    print(f"{checkpoint}, {PLACES} angles and positions of each")
    deviations = "mean, greatest deviation (meV/atom)"
    print(f"| sheet | shifts | turned by | {deviations} | greatest force (eV/Å) |")
    print("| --- | --- | --- | --- | --- |")
    cases = list(product(LATTICE, (0.0, STRONG), (1, 8), (0, 180)))
    for kind, displaced, shifts, largest in tqdm(cases):
        mean, most, force = measure(sheet(kind, displaced), model, shifts, largest)
        name, told = (f"{kind}, displaced", "—") if displaced else (kind, f"{force:.3f}")
        turn = f"0 to {largest}°" if largest else "0°"
        print(f"| {name} | {shifts} | {turn} | {mean:.2f}, {most:.2f} | {told} |")
    for kind, shifts in product(LATTICE, (1, 8)):
        move = relaxed(sheet(kind, 0.0), EDNNCalculator(model, shifts=shifts))
        print(f"Relaxed to 0.01 eV/Å, {kind} moves by {move:.4f} Å with shifts={shifts}")


if __name__ == "__main__":
    main()
