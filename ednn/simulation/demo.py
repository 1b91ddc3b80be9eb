"""Ten seconds with the packaged network: a sheet with a vacancy, predicted and relaxed."""

import os
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from ase.optimize import LBFGS

from ednn import plots
from ednn.calculator import EDNNCalculator
from ednn.core.terminal import say
from ednn.inference.places import batch
from ednn.physics.sheets import BORON, NITROGEN, crystal
from ednn.physics.structure import Structure

NETWORK = "pretrained/graphene-hbn-gfn1"
HEIGHT = 15.0  # Å of the cell, which a flat network does not see
LARGEST_FORCE = 0.05  # eV/Å, at which the relaxation ends


def demo(folder: Path) -> None:
    """Predict and relax a sheet of hBN that lacks a nitrogen atom, and draw what its tiles add.

    Args:
        folder: for the pictures.

    Example:
        ednn demo
    """
    folder.mkdir(parents=True, exist_ok=True)
    atoms = sheet_with_vacancy()
    atoms.calc = EDNNCalculator(NETWORK)
    say(f"A sheet of {len(atoms)} atoms of boron nitride that lacks one nitrogen, by {NETWORK}:")
    _say("as cut out", atoms)
    _draw(atoms, "as cut out", folder / "vacancy.png")
    before = atoms.positions.copy()
    steps = LBFGS(atoms, logfile=os.devnull)
    steps.run(fmax=LARGEST_FORCE, steps=100)
    _say(f"relaxed, {steps.nsteps} steps", atoms)
    moved = np.linalg.norm(atoms.positions - before, axis=1).max()
    say(f"The atom that moved farthest moved by {moved:.2f} Å.")
    _draw(atoms, "relaxed", folder / "relaxed.png")
    say(f"Pictures of the tiles that differ from those of a perfect sheet: {folder}")


def sheet_with_vacancy() -> Atoms:
    """Return a sheet of 239 atoms of hBN that lacks one nitrogen atom near its middle.

    Example:
        >>> sheet_with_vacancy().get_chemical_formula()
        'B120N119'
    """
    perfect = crystal((2, 2), boron_first=True)
    middle = np.linalg.norm(perfect.positions - perfect.sides / 2, axis=1)
    middle[perfect.numbers == BORON] = np.inf
    kept = np.arange(len(middle)) != middle.argmin()
    positions = np.column_stack([perfect.positions[kept], np.full(kept.sum(), HEIGHT / 2)])
    cell = [*perfect.sides, HEIGHT]
    return Atoms(perfect.numbers[kept], positions, cell=cell, pbc=True)


def _say(state: str, atoms: Atoms) -> None:
    energy = atoms.get_potential_energy()
    deviation = atoms.calc.results["energy_uncertainty"]
    force = np.linalg.norm(atoms.get_forces(), axis=1).max()
    say(f"  {state:<20} {energy:.2f} ± {deviation:.2f} eV, largest force {force:.2f} eV/Å")


def _draw(atoms: Atoms, state: str, path: Path) -> None:
    """Draw what the network finds in each tile, less what it finds in a perfect sheet."""
    model = atoms.calc.model
    positions = atoms.positions[:, :2]
    structure = Structure(atoms.numbers, positions, np.array(atoms.cell)[:2, :2])
    perfect = crystal((2, 2), boron_first=True)
    with torch.no_grad():
        found, usual = (
            model.field_model.contributions(model.field(batch(each, model)))[0, ..., 0].numpy()
            for each in (structure, perfect)
        )  # (*tiles), without reference energies of the atoms
    names = {number: chemical_symbols[number] for number in (BORON, NITROGEN)}
    title = f"hBN with a vacancy, {state}"
    plots.save(plots.contributions(structure, found - usual, names, title, "eV"), path)
