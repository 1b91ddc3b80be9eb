"""The ASE calculator: what ASE asks for, with ASE's own finite differences and optimizers."""

import warnings
from collections.abc import Callable
from pathlib import Path

import ase
import numpy as np
import pytest
import torch
from ase.build import graphene
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.constraints import FixCartesian
from ase.filters import FrechetCellFilter
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.mep import NEB
from ase.optimize import BFGS, FIRE
from ase.units import fs

from ednn.calculator import EDNNCalculator
from ednn.core.errors import InputError
from ednn.core.loading import load_structure_model
from ednn.inference.places import batch
from ednn.physics.sheets import LATTICE, sheet

NETWORK = "pretrained/graphene-hbn-gfn1"


def hexagonal(formula: str = "BN", cells: int = 4) -> ase.Atoms:
    atoms = graphene(formula, a=LATTICE, vacuum=5).repeat((cells, cells, 1))
    atoms.pbc = True
    atoms.rattle(0.02, seed=0)
    atoms.positions[:, 2] = 5
    return atoms


def rectangular(seed: int = 3) -> ase.Atoms:
    own = sheet(seed)
    positions = np.pad(own.positions, ((0, 0), (0, 1)))
    return ase.Atoms(own.numbers, positions, cell=[*own.sides, 15], pbc=True)


@pytest.fixture(scope="module")
def calculator() -> EDNNCalculator:
    return EDNNCalculator(NETWORK, float64=True)


def test_a_cell_of_whole_tiles_has_the_energy_and_forces_of_the_model(
    calculator: EDNNCalculator,
) -> None:
    atoms, model = rectangular(), load_structure_model(NETWORK).double()
    atoms.calc = calculator
    energy, forces = model.energy_and_forces(batch(sheet(3), model))
    assert atoms.get_potential_energy() == pytest.approx(energy.item(), abs=1e-9)
    np.testing.assert_allclose(atoms.get_forces()[:, :2], forces[0].numpy(), atol=1e-9)
    assert not atoms.get_forces()[:, 2].any()
    assert "stress" not in calculator.results  # which costs more there
    assert calculator.results["energy_uncertainty"] > 0
    atoms.get_stress()
    assert atoms.get_potential_energy() == pytest.approx(energy.item(), abs=1e-6)


@pytest.mark.parametrize(("make", "shifts"), [(hexagonal, 1), (hexagonal, 2), (rectangular, 1)])
def test_forces_and_stress_are_slopes_of_the_energy(
    make: Callable[[], ase.Atoms], shifts: int
) -> None:
    atoms = make()
    atoms.calc = EDNNCalculator(NETWORK, float64=True, shifts=shifts)
    some = calculate_numerical_forces(atoms, eps=1e-4, iatoms=[5], icarts=[0, 1])
    np.testing.assert_allclose(atoms.get_forces()[5, :2], some[0], atol=1e-5)
    stress, step = atoms.get_stress(), 1e-5
    for voigt, (i, j) in {0: (0, 0), 1: (1, 1), 5: (0, 1)}.items():
        ends = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[i, j] += sign * step / 2
            strain[j, i] += sign * step / 2
            other = atoms.copy()
            other.set_cell(atoms.cell @ strain, scale_atoms=True)
            other.calc = atoms.calc
            ends.append(other.get_potential_energy())
        slope = (ends[0] - ends[1]) / (2 * step) / atoms.get_volume()
        assert stress[voigt] == pytest.approx(slope, abs=1e-6)
    assert not stress[2:5].any()


def test_atoms_and_cell_are_relaxed(calculator: EDNNCalculator) -> None:
    atoms = hexagonal()
    atoms.calc = calculator
    before = atoms.get_potential_energy()
    in_plane = FrechetCellFilter(atoms, mask=[1, 1, 0, 0, 0, 1])
    relaxation = BFGS(in_plane, logfile=None)  # type: ignore[arg-type]
    assert relaxation.run(fmax=0.01, steps=100)
    assert atoms.get_potential_energy() < before
    assert np.abs(atoms.get_stress()[[0, 1, 5]]).max() < 1e-3
    assert atoms.cell.lengths()[:2] / 4 == pytest.approx([LATTICE] * 2, rel=0.01)


def test_the_energy_of_a_dynamics_is_kept() -> None:
    atoms = hexagonal()
    atoms.calc = EDNNCalculator(NETWORK)  # single precision, as it is fastest
    atoms.set_constraint(FixCartesian(range(len(atoms)), mask=(False, False, True)))
    thermalize_momenta(atoms, 300, rng=np.random.default_rng(0))
    totals: list[float] = []
    dynamics = VelocityVerlet(atoms, timestep=1 * fs)
    dynamics.attach(lambda: totals.append(atoms.get_total_energy() / len(atoms)))
    dynamics.run(100)
    assert np.ptp(atoms.positions[:, 2]) == 0
    assert np.ptp(totals) < 5e-3  # eV per atom; a potential energy of as much is exchanged
    assert abs(np.mean(totals[-20:]) - np.mean(totals[:20])) < 1e-3


def test_what_is_unlike_the_training_is_warned_of_once() -> None:
    molecule = hexagonal(cells=3)
    molecule.pbc = False
    molecule.calc = EDNNCalculator(NETWORK)
    with (
        pytest.warns(UserWarning, match="structure 0: it has edges, or its bonds"),
        pytest.warns(UserWarning, match="1 of 1 samples are unlike those of the training"),
    ):
        molecule.get_potential_energy()
    molecule.rattle(0.01)
    molecule.positions[:, 2] = 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert molecule.get_forces().shape == (18, 3)
    with pytest.raises(PropertyNotImplementedError, match="don't repeat in all directions"):
        molecule.get_stress()


@pytest.mark.filterwarnings("ignore:.*samples are unlike")
def test_each_structure_is_warned_of_and_a_strain_once() -> None:
    calculator = EDNNCalculator(NETWORK)
    sheet, flake = hexagonal(), hexagonal()
    flake.pbc = False
    sheet.calc = flake.calc = calculator
    with pytest.warns(UserWarning, match="it has edges"):
        flake.get_potential_energy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sheet.get_potential_energy()
    for strain, warned in ((1.08, 1), (1.09, 0)):
        other = sheet.copy()
        other.set_cell(sheet.cell * [strain, strain, 1], scale_atoms=True)
        other.calc = calculator
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            other.get_potential_energy()
        assert sum("atoms per Å²" in str(one.message) for one in caught) == warned


def test_a_mistyped_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="shift"):
        EDNNCalculator(NETWORK, shift=8)  # type: ignore[call-arg]


@pytest.mark.filterwarnings("ignore:.*samples are unlike")
def test_strained_sheets_and_grains_are_warned_of() -> None:
    strained, grains = hexagonal(), rectangular()
    strained.set_cell(strained.cell * [1.08, 1.08, 1], scale_atoms=True)
    other = rectangular()
    other.rotate(17, "z")
    other.positions[:, 0] += 40
    grains += other
    grains.pbc = False
    for atoms, words in ((strained, r"atoms per Å² \(of"), (grains, "point in other directions")):
        atoms.calc = EDNNCalculator(NETWORK)
        with pytest.warns(UserWarning, match=words):
            atoms.get_potential_energy()


@pytest.mark.parametrize("make", [hexagonal, rectangular])
@pytest.mark.parametrize("degrees", [7, 17, 30])
def test_turned_sheets_are_predicted_as_they_are_unturned(
    calculator: EDNNCalculator, make: Callable[[], ase.Atoms], degrees: float
) -> None:
    turned, atoms = make(), make()
    turned.rotate(degrees, "z", rotate_cell=True)
    turned.calc, atoms.calc = EDNNCalculator(NETWORK, float64=True), calculator
    energy, forces = atoms.get_potential_energy(), ase.Atoms("X" * len(atoms), atoms.get_forces())
    forces.rotate(degrees, "z")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert turned.get_potential_energy() == pytest.approx(energy, abs=1e-3 * len(atoms))
    np.testing.assert_allclose(turned.get_forces(), forces.positions, atol=0.01)
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    back = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    stress = back.T @ turned.get_stress(voigt=False) @ back
    np.testing.assert_allclose(stress, atoms.get_stress(voigt=False), atol=1e-3)


def test_turned_sheets_have_forces_and_stress_that_are_slopes() -> None:
    atoms = hexagonal(cells=3)
    atoms.rotate(23, "z", rotate_cell=True)
    atoms.calc = EDNNCalculator(NETWORK, float64=True)
    some = calculate_numerical_forces(atoms, eps=1e-4, iatoms=[5], icarts=[0, 1])
    np.testing.assert_allclose(atoms.get_forces()[5, :2], some[0], atol=1e-5)
    slopes = calculate_numerical_stress(atoms, eps=1e-5, voigt=False)
    np.testing.assert_allclose(atoms.get_stress(voigt=False)[:2, :2], slopes[:2, :2], atol=1e-5)


def test_a_band_of_images_shares_a_calculator(calculator: EDNNCalculator) -> None:
    start = hexagonal(cells=3)
    del start[4]  # a neighbour hops into the vacancy
    end = start.copy()
    end.positions[5] -= [0.3, 0.2, 0]
    images = [start, start.copy(), end]
    for image in images:
        image.calc = calculator
    band = NEB(images, allow_shared_calculator=True, method="improvedtangent")
    band.interpolate()
    before = images[1].positions.copy()
    FIRE(band, logfile=None).run(fmax=0.01, steps=2)
    assert np.isfinite(band.energies).all()
    assert np.linalg.norm(images[1].positions - before, axis=1).max() > 1e-3


def test_bad_input_is_told(calculator: EDNNCalculator, tmp_path: Path) -> None:
    bent = hexagonal()
    bent.positions[0, 2] += 1
    metal = hexagonal()
    metal.numbers[0] = 29
    flat = hexagonal()
    flat.cell[2] = 0
    flat.pbc = [True, True, False]
    bohr = hexagonal()
    bohr.set_cell(bohr.cell / 0.529, scale_atoms=True)
    for atoms, words in (
        (bent, "1 Å thick"),
        (metal, "has an atom of Cu, which this model"),
        (bohr, "nearest neighbours"),
    ):
        atoms.calc = calculator
        with pytest.raises(InputError, match=words):
            atoms.get_potential_energy()
    flat.calc = calculator
    assert np.isfinite(flat.get_potential_energy())
    with pytest.raises(PropertyNotImplementedError, match="no height"):
        flat.calc.get_property("stress", flat)
    with pytest.raises(InputError, match="There is no checkpoint"):
        EDNNCalculator(tmp_path / "none.ckpt")
    with pytest.raises(InputError, match="shifts=0"):
        EDNNCalculator(NETWORK, shifts=0)


def test_atoms_are_refused_every_time(calculator: EDNNCalculator) -> None:
    sheet, bohr = hexagonal(cells=3), hexagonal(cells=3)
    bohr.set_cell(bohr.cell / 0.529, scale_atoms=True)
    sheet.calc = bohr.calc = calculator
    assert np.isfinite(sheet.get_potential_energy())
    for _ in range(2):  # the second time, nothing has changed since the first
        with pytest.raises(InputError, match="nearest neighbours"):
            bohr.get_potential_energy()


def test_a_network_of_fields_is_no_calculator() -> None:
    fields = Path(__file__).parent / "checkpoints" / "v2_fields_dnn.ckpt"
    with pytest.raises(InputError, match="takes fields, not structures"):
        EDNNCalculator(fields)


def test_several_checkpoints_are_an_ensemble() -> None:
    atoms = hexagonal()
    atoms.calc = EDNNCalculator([NETWORK, NETWORK])
    energy = atoms.get_potential_energy()
    assert atoms.calc.results["energy_uncertainty"] == pytest.approx(0, abs=1e-4)
    atoms.calc = EDNNCalculator(NETWORK, device="cpu")
    assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-3)
    assert next(atoms.calc.model.parameters()).device == torch.device("cpu")
