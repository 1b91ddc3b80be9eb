import ctypes
import dataclasses
import importlib.util
import sys
from ctypes.util import find_library
from typing import Any

import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.physics.labels import THEORIES, LabelError, label, resolve
from ednn.physics.sheets import crystal, sheet
from ednn.physics.structure import Structure

LJ = {"_target_": "ase.calculators.lj.LennardJones", "sigma": 1.3, "rc": 3.0}

pytest.importorskip("ase", reason='labels need `pip install -e ".[dft]"`')
needs_tblite = pytest.mark.skipif(
    importlib.util.find_spec("tblite") is None, reason='gfn1 needs `pip install -e ".[dft]"`'
)
needs_gpaw = pytest.mark.skipif(
    importlib.util.find_spec("gpaw") is None, reason="pbe needs `scripts/install_pbe.sh`"
)


def four_atoms(boron_first: bool | None = True) -> Structure:
    """One rectangular cell of the crystal."""
    perfect = crystal(boron_first=boron_first)
    return Structure(perfect.numbers[:4], perfect.positions[:4], perfect.cell / [5, 3])


def shifted(structure: Structure, atom: int, axis: int, by: float) -> Structure:
    positions = structure.positions.copy()
    positions[atom, axis] += by
    return dataclasses.replace(structure, positions=positions)


@needs_tblite
def test_a_gfn1_label_is_what_ase_says() -> None:
    from ase import Atoms
    from tblite.ase import TBLite

    structure = sheet(3)  # hBN with two vacancies
    atoms = Atoms(structure.numbers, pbc=True, cell=[*structure.sides, 15.0])
    atoms.positions[:, :2] = structure.positions
    atoms.calc = TBLite(method="GFN1-xTB", verbosity=0)
    found = label(structure, THEORIES["gfn1"])

    assert found.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-6)
    np.testing.assert_allclose(found.forces, atoms.get_forces()[:, :2], atol=1e-4)
    np.testing.assert_allclose(found.forces.sum(0), 0, atol=1e-6)


@pytest.mark.parametrize("theory", [pytest.param("gfn1", marks=needs_tblite), LJ], ids=str)
def test_forces_are_the_gradient_of_the_energy(theory: str | dict[str, Any]) -> None:
    structure, h = shifted(four_atoms(), 1, 0, 0.07), 1e-3
    chosen = resolve(theory)
    forces = label(structure, chosen).forces

    assert forces.shape == (4, 2)
    for axis in (0, 1):
        up, down = (label(shifted(structure, 1, axis, by), chosen).energy for by in (h, -h))
        assert forces[1, axis] == pytest.approx((down - up) / (2 * h), rel=1e-3, abs=1e-3)


@needs_tblite
@pytest.mark.parametrize(
    ("boron_first", "energy"), [(None, -57.809287), (True, -63.899225)], ids=["graphene", "hBN"]
)  # eV/atom, also in data/README.md
def test_gfn1_energies_of_the_crystals(boron_first: bool | None, energy: float) -> None:
    perfect = crystal(boron_first=boron_first)
    assert label(perfect, THEORIES["gfn1"]).energy / 60 == pytest.approx(energy, abs=1e-6)


@needs_tblite
def test_a_field_that_does_not_converge_is_an_error_never_a_label() -> None:
    gfn1 = THEORIES["gfn1"]
    hasty = dataclasses.replace(gfn1, arguments={**gfn1.arguments, "max_iterations": 2})
    with pytest.raises(LabelError, match="not converged"):
        label(four_atoms(), hasty)


@needs_gpaw
def test_pbe_labels_a_cell_of_four_atoms() -> None:
    found = label(four_atoms(), THEORIES["pbe"])
    assert found.energy == pytest.approx(-27.91801, abs=1e-3)
    np.testing.assert_allclose(found.forces[:, 0], 0, atol=1e-3)
    np.testing.assert_allclose(found.forces.sum(0), 0, atol=0.1)  # the grid's noise


@needs_gpaw
def test_pbe_that_does_not_converge_is_an_error_never_a_label() -> None:
    pbe = THEORIES["pbe"]
    hasty = dataclasses.replace(pbe, arguments={**pbe.arguments, "maxiter": 2})
    with pytest.raises(LabelError):
        label(four_atoms(), hasty)


def test_an_energy_that_is_no_number_is_an_error_never_a_label() -> None:
    two = Structure(np.array([6, 6]), np.array([[1.0, 1.0], [1.0, 1.0]]), np.eye(2) * 9.0)
    with np.errstate(all="ignore"), pytest.raises(LabelError, match="finite"):
        label(two, resolve(LJ))


def test_any_calculator_may_be_named_by_its_path() -> None:
    assert resolve("ase.calculators.lj.LennardJones") == resolve(
        {"_target_": "ase.calculators.lj.LennardJones"}
    )


def test_unknown_theories_are_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match="'b3lyp' is unknown: expected one of gfn1, emt, pbe"):
        resolve("b3lyp")
    with pytest.raises(InputError, match="no `_target_`"):
        resolve({"sigma": 1.0})
    with pytest.raises(InputError, match=r"cannot be imported .*: install"):
        resolve({"_target_": "no.such.Calculator"}).provenance()


def test_a_missing_engine_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpaw", None)
    with pytest.raises(InputError, match=r"'pbe' needs .*scripts/install_pbe\.sh"):
        THEORIES["pbe"].provenance()


def test_provenance_holds_every_argument() -> None:
    known = resolve(LJ).provenance()
    assert known["theory"] == LJ["_target_"]
    assert "ase" in known["versions"]
    assert resolve({**LJ, "rc": 4.0}).provenance() != known
    assert resolve({**LJ, "height": 20}).provenance() != known
    assert resolve(dict(reversed(LJ.items()))).provenance() == known


def strained(structure: Structure, strain: np.ndarray) -> Structure:
    stretch = np.eye(len(strain)) + strain
    positions, cell = structure.positions @ stretch, structure.cell @ stretch
    return dataclasses.replace(structure, positions=positions, cell=cell)


def copper() -> Structure:
    """A sheared and disordered cell of four atoms."""
    cell = 3.6 * np.array([[1, 0.1, 0], [0, 1.02, 0.05], [0, 0, 0.97]])
    sites = np.array([[0, 0, 0.02], [0.5, 0.53, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    return Structure(np.array([29, 79, 29, 29]), sites @ cell, cell)


@pytest.mark.parametrize(
    ("structure", "theory"),
    [
        pytest.param(shifted(four_atoms(), 1, 0, 0.07), "gfn1", marks=needs_tblite),
        (shifted(four_atoms(), 1, 0, 0.07), LJ),
        (copper(), "emt"),
        pytest.param(copper(), "gfn1", marks=needs_tblite),
    ],
    ids=["sheet-gfn1", "sheet-lj", "alloy-emt", "alloy-gfn1"],
)
def test_stress_is_the_slope_of_the_energy_with_strain(structure: Structure, theory: Any) -> None:
    chosen, h = resolve(theory), 1e-4
    found = label(structure, chosen).stress
    dims = len(structure.cell)
    assert found is not None
    assert found.shape == (dims, dims)
    size = abs(np.linalg.det(structure.cell))  # the area of a sheet, the volume of an alloy
    for i, j in [(0, 0), (1, 1), (0, 1), (dims - 1, 0)]:
        strain = np.zeros((dims, dims))
        strain[i, j] = strain[j, i] = h
        up, down = (label(strained(structure, s), chosen).energy for s in (strain, -strain))
        slope = (up - down) / (2 * h) / size / (1 if i == j else 2)
        assert found[i, j] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_what_is_open_has_no_stress_and_feels_no_images() -> None:
    emt, bulk = THEORIES["emt"], copper()
    cluster = dataclasses.replace(bulk, cell=np.zeros((3, 3)))
    slab = dataclasses.replace(bulk, cell=bulk.cell * [[1], [1], [0]])
    far = dataclasses.replace(bulk, cell=bulk.cell + np.outer([0, 0, 1], [0, 0, 30]))
    assert label(cluster, emt).stress is None
    found = label(slab, emt)
    assert found.stress is None
    assert found.energy == pytest.approx(label(far, emt).energy, abs=1e-9)


@needs_tblite
@pytest.mark.parametrize("rows", [[0, 0], [1, 0]], ids=["molecule", "row"])
def test_what_is_flat_and_open_has_vacuum_around_it(rows: list[int]) -> None:
    gfn1, wide = THEORIES["gfn1"], np.diag([8.0, 30.0])
    wide[0, 0] += 22 * (1 - rows[0])
    cell = wide * np.array(rows)[:, None]
    open_pair = Structure(np.array([7, 7]), np.array([[0.0, 0.0], [1.12, 0.1]]), cell)
    found, expected = label(open_pair, gfn1), label(dataclasses.replace(open_pair, cell=wide), gfn1)
    assert found.stress is None
    assert found.energy == pytest.approx(expected.energy, abs=1e-3)
    np.testing.assert_allclose(found.forces, expected.forces, atol=1e-3)


@needs_tblite
def test_a_sheet_is_the_same_in_space() -> None:
    gfn1, flat = THEORIES["gfn1"], shifted(four_atoms(), 1, 0, 0.07)
    cell = np.pad(flat.cell, ((0, 1), (0, 1)))
    slab = Structure(flat.numbers, np.pad(flat.positions, ((0, 0), (0, 1))), cell)
    high = dataclasses.replace(gfn1, height=gfn1.height + np.ptp(flat.positions))
    expected, found = label(flat, high), label(slab, gfn1)
    assert found.energy == pytest.approx(expected.energy, abs=1e-4)
    np.testing.assert_allclose(found.forces[:, :2], expected.forces, atol=1e-4)
    np.testing.assert_allclose(found.forces[:, 2], 0, atol=1e-4)


@needs_gpaw
def test_pbe_has_no_stress() -> None:
    assert label(four_atoms(), THEORIES["pbe"]).stress is None


@needs_tblite
@pytest.mark.skipif(find_library("openblas") is None, reason="needs OpenBLAS")
def test_calculators_find_the_systems_openblas_before_their_own() -> None:
    THEORIES["gfn1"].calculator_class()
    assert hasattr(ctypes.CDLL(None), "openblas_get_config")  # it stands among the global symbols
