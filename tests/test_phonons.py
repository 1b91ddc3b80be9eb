"""Phonons by phonopy, of the packaged network beside GFN1, on which it was trained."""

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import graphene
from ase.calculators.calculator import Calculator
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms
from tblite.ase import TBLite

from ednn.calculator import EDNNCalculator

GAMMA, M = [0, 0, 0], [0.5, 0, 0]
DISPLACEMENT = 0.02  # Å


def frequencies(formula: str, lattice: float, calculator: Calculator) -> tuple[np.ndarray, float]:
    """Return those at Γ and M in THz, (2, 6), and how far the acoustic sum rule is missed, eV/Å².

    The sum rule is then imposed.
    """
    cell = graphene(formula, a=lattice, vacuum=7.5)
    phonons: Any = Phonopy(
        PhonopyAtoms(cell.get_chemical_symbols(), cell=cell.cell.array, positions=cell.positions),
        supercell_matrix=np.diag([5, 5, 1]),
        symprec=1e-4,
    )
    phonons.generate_displacements(distance=DISPLACEMENT)

    def forces(supercell: PhonopyAtoms) -> np.ndarray:
        atoms = Atoms(supercell.symbols, supercell.positions, cell=supercell.cell, pbc=True)
        atoms.calc = calculator
        return atoms.get_forces()

    at_rest = forces(phonons.supercell)
    phonons.forces = np.array(
        [forces(moved) - at_rest for moved in phonons.supercells_with_displacements]
    )
    phonons.produce_force_constants()
    missed = float(np.abs(phonons.force_constants.sum(1)).max())
    phonons.symmetrize_force_constants()
    phonons.run_qpoints([GAMMA, M])
    return phonons.qpoints.frequencies, missed


@pytest.mark.parametrize(
    ("formula", "lattice", "within"), [("BN", 2.504, 0.02), ("C2", 2.457, 0.1)]
)
def test_modes_in_the_plane_are_those_of_gfn1(formula: str, lattice: float, within: float) -> None:
    network = EDNNCalculator("pretrained/graphene-hbn-gfn1", float64=True, shifts=8)
    found, missed = frequencies(formula, lattice, network)
    true, _ = frequencies(formula, lattice, TBLite(method="GFN1-xTB", verbosity=0))
    # A network of flat structures knows no modes out of the plane, whose frequencies are zero here.
    np.testing.assert_allclose(found[0, 4:], true[0, 4:], rtol=within)
    np.testing.assert_allclose(found[1, 3:], true[1, 3:], rtol=0.04)
    assert missed < 0.05  # of 30 to 80 eV/Å²
