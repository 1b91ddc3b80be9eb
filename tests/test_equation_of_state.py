"""Lattice constant and bulk modulus of the packaged network beside GFN1's own."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import graphene
from ase.calculators.calculator import Calculator
from tblite.ase import TBLite

from ednn.calculator import EDNNCalculator

STRETCHES = np.linspace(0.975, 1.025, 9)
START = 2.48  # Å


def equation_of_state(sheet: Atoms, calculator: Calculator) -> tuple[float, float]:
    """Return the lattice constant in Å, and A d²E/dA² in eV/Å²."""
    energies = []
    for stretch in STRETCHES:
        stretched = sheet.copy()
        stretched.set_cell(sheet.cell * [[stretch], [stretch], [1]], scale_atoms=True)
        stretched.calc = calculator
        energies.append(stretched.get_potential_energy())
    area = np.linalg.norm(np.cross(*sheet.cell[:2]))
    fit = np.polynomial.Polynomial.fit(area * STRETCHES**2, energies, 3)
    slope = fit.deriv()
    extremes = slope.roots().real
    lowest = extremes[slope.deriv()(extremes) > 0][0]
    return START * np.sqrt(lowest / area), lowest * slope.deriv()(lowest)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.*unlike those of the training")  # the most compressed
@pytest.mark.parametrize("formula", ["C2", "BN"])
def test_both_are_those_of_gfn1(formula: str) -> None:
    sheet = graphene(formula, a=START, vacuum=7.5).repeat((5, 5, 1))
    sheet.pbc = True
    network = EDNNCalculator("pretrained/graphene-hbn-gfn1")
    lattice, modulus = equation_of_state(sheet, network)
    expected = equation_of_state(sheet, TBLite(method="GFN1-xTB", verbosity=0))
    assert lattice == pytest.approx(expected[0], rel=0.005)
    assert modulus == pytest.approx(expected[1], rel=0.05)
