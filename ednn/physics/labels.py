"""Energy, forces and stress of a structure from any theory that ASE has a calculator of."""

import ctypes
import importlib
import json
from collections.abc import Mapping
from ctypes.util import find_library
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError
from ednn.physics.structure import Structure

if TYPE_CHECKING:
    from ase import Atoms

# Names of the exceptions of ASE and of GPAW for a calculation that did not converge. They share no
# base class, and GPAW need not be installed.
NOT_CONVERGED = {"CalculationFailed", "ConvergenceError"}


class LabelError(RuntimeError):
    """The theory has no answer for this structure: its self-consistent field did not converge.

    Example:
        >>> str(LabelError("ConvergenceError: 100 iterations"))
        'ConvergenceError: 100 iterations'
    """


@cache
def prefer_openblas() -> bool:
    """Let calculators that are loaded from now on use the system's OpenBLAS, if there is one.

    tblite's wheel brings the reference BLAS, which takes twice as long with 60 atoms and five
    times with 240. Symbols of a library that is loaded globally come before a wheel's own.

    Returns:
        Whether there is one.

    Example:
        >>> prefer_openblas() == (find_library("openblas") is not None)
        True
    """
    library = find_library("openblas")
    if library:
        ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
    return library is not None


@dataclass(frozen=True)
class Theory:
    """An ASE calculator, its settings and its cell.

    Attributes:
        name: name of the theory in files and messages.
        calculator: dotted path of the calculator's class.
        arguments: of the calculator.
        height: height in Å of the cell of a flat structure, which lies in its middle; vacuum in Å
            around others where nothing repeats.
        pbc: whether the cell of a flat structure is periodic along x, y and z.
        packages: distributions that the labels depend on; labels of different versions do not mix.
        install: what to do if the calculator is missing.
        stress: whether the calculator is asked for it.

    Example:
        >>> theory = Theory("lj", "ase.calculators.lj.LennardJones", {"epsilon": 2.0})
        >>> theory.calculator_class().__name__, theory.provenance()["theory"]
        ('LennardJones', 'lj')
    """

    name: str
    calculator: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    height: float = 15.0
    pbc: tuple[bool, bool, bool] = (True, True, True)
    packages: tuple[str, ...] = ()
    install: str = "install the package that has it"
    stress: bool = True

    def provenance(self) -> dict[str, str]:
        """Return what must be equal for labels to mix: the calculator, its settings and versions.

        Raises:
            InputError: the calculator is not installed.
        """
        self.calculator_class()
        settings = {n: getattr(self, n) for n in ("calculator", "arguments", "height", "pbc")}
        return {
            "theory": self.name,
            "settings": json.dumps(settings, sort_keys=True),
            "versions": json.dumps({name: metadata.version(name) for name in self.packages}),
        }

    def calculator_class(self) -> Any:
        """Import the calculator.

        Raises:
            InputError: it cannot be imported.
        """
        module, _, name = self.calculator.rpartition(".")
        prefer_openblas()
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(
                f"theory {self.name!r} needs the ASE calculator {self.calculator!r}, which cannot "
                f"be imported ({error}): {self.install}."
            ) from error


THEORIES = {
    theory.name: theory
    for theory in (
        Theory(
            name="gfn1",
            calculator="tblite.ase.TBLite",
            arguments={"method": "GFN1-xTB", "verbosity": 0},
            packages=("tblite",),
            install='run `pip install "ednn[dft]"`',
        ),
        Theory(
            name="emt",
            calculator="ase.calculators.emt.EMT",
            packages=("ase",),
            install='run `pip install "ednn[atoms]"`',
        ),
        Theory(
            name="pbe",
            calculator="gpaw.GPAW",
            arguments={
                "mode": "lcao",
                "basis": "dzp",
                "xc": "PBE",
                "h": 0.18,  # Å; at 0.25 Å the grid causes 16 meV/atom of noise
                "kpts": [1, 1, 1],
                "occupations": {"name": "fermi-dirac", "width": 0.1},
                "spinpol": False,
                "convergence": {"energy": 1e-5, "density": 1e-3},
                "txt": None,
            },
            height=8.0,
            pbc=(True, True, False),
            packages=("gpaw", "gpaw-data"),
            install="run `scripts/install_pbe.sh`",
            stress=False,  # GPAW has it for plane waves alone
        ),
    )
}


def resolve(theory: str | Mapping[str, Any]) -> Theory:
    """Return the theory of that name, or make one from any ASE calculator.

    Args:
        theory: a name in `THEORIES`; or the dotted path of a calculator; or a mapping of
            `_target_`, that path, optionally `height` in Å, and the calculator's own arguments.

    Raises:
        InputError: an unknown name, or a mapping without `_target_`.

    Example:
        >>> resolve("gfn1").calculator
        'tblite.ase.TBLite'
        >>> resolve({"_target_": "ase.calculators.emt.EMT", "height": 10}).height
        10.0
    """
    if isinstance(theory, str):
        if "." in theory:
            return resolve({"_target_": theory})
        if theory not in THEORIES:
            raise InputError(
                f"theory {theory!r} is unknown: expected one of {', '.join(THEORIES)}, or a "
                "mapping whose `_target_` is the dotted path of an ASE calculator."
            )
        return THEORIES[theory]
    arguments = dict(theory)
    target = arguments.pop("_target_", None)
    if not isinstance(target, str):
        raise InputError(
            f"theory {arguments} has no `_target_`: give the dotted path of an ASE calculator."
        )
    height = float(arguments.pop("height", Theory.height))
    distributions = metadata.packages_distributions().get(target.partition(".")[0], [])
    return Theory(target, target, arguments, height, packages=tuple(sorted(set(distributions))))


@dataclass(frozen=True)
class Label:
    """Energy, forces and stress of a structure along D axes.

    Attributes:
        energy: in eV.
        forces: (N, D) in eV/Å.
        stress: ∂E/∂ε by area or volume, (D, D) in eV/Å² of a plane and in eV/Å³ of space; None
            where there are directions along which nothing repeats, or the calculator has none.

    Example:
        >>> Label(energy=-1.5, forces=np.zeros((2, 2))).forces.shape
        (2, 2)
    """

    energy: float
    forces: NDArray[np.float64]
    stress: NDArray[np.float64] | None = None


def label(structure: Structure, theory: Theory) -> Label:
    """Return the energy of `structure`, and forces and stress along its axes.

    The energy is the one whose gradient the forces are: with smeared occupations the electronic
    free energy.

    Raises:
        InputError: the calculator is not installed.
        LabelError: the calculation does not converge.

    Example:
        >>> theory = resolve("ase.calculators.lj.LennardJones")  # in units of 1 Å and 1 eV
        >>> minimum = 2 ** (1 / 6)
        >>> atoms = np.array([[1.0, 1.0], [1.0 + minimum, 1.0]])
        >>> pair = label(Structure(np.array([18, 18]), atoms, np.eye(2) * 20.0), theory)
        >>> round(pair.energy, 2), bool(np.abs(pair.forces).max() < 1e-9)
        (-0.99, True)
    """
    # A new calculator for each structure: a label must not depend on earlier ones.
    atoms, dims = as_atoms(structure, theory), structure.positions.shape[1]
    atoms.calc = theory.calculator_class()(**theory.arguments)
    try:
        energy = atoms.get_potential_energy()
        forces = atoms.get_forces()[:, :dims]
        stress = _stress(atoms) if theory.stress and not structure.is_open else None
    except Exception as error:
        if not NOT_CONVERGED & {kind.__name__ for kind in type(error).__mro__}:
            raise
        raise LabelError(f"{type(error).__name__}: {error}") from error
    energy = atoms.calc.results.get("free_energy", energy)
    if stress is not None and dims == 2:
        stress = stress[:2, :2] * theory.height  # by area
    found = [energy, forces, 0.0 if stress is None else stress]
    if not all(np.isfinite(values).all() for values in found):
        raise LabelError("the energy, a force or the stress is not a finite number")
    return Label(float(energy), forces, stress)


def _stress(atoms: "Atoms") -> NDArray[np.float64] | None:
    """Return the stress, (3, 3) in eV/Å³; None if the calculator has none."""
    try:
        return atoms.get_stress(voigt=False)
    except NotImplementedError:
        return None


def as_atoms(structure: Structure, theory: Theory) -> "Atoms":
    """Return a structure as ASE has it; one in a plane lies in the middle of the theory's cell.

    Some calculators repeat all or nothing, so there is vacuum where the structure does not repeat.

    Example:
        >>> flat = Structure(np.array([6]), np.zeros((1, 2)), np.eye(2) * 9.0)
        >>> as_atoms(flat, THEORIES["gfn1"]).cell.lengths().tolist()
        [9.0, 9.0, 15.0]
    """
    from ase import Atoms
    from ase.cell import Cell

    positions, cell, pbc = structure.positions, structure.cell, structure.cell.any(1)
    vacuum = np.ptp(positions) + theory.height
    if positions.shape[1] == 2:
        positions = np.pad(positions, ((0, 0), (0, 1)), constant_values=theory.height / 2)
        cell = np.pad(cell, ((0, 1), (0, 1)))
        cell[2, 2], pbc = theory.height, np.append(pbc, theory.pbc[2])
    if pbc.any():
        cell = np.where(cell.any(1, keepdims=True), cell, vacuum * Cell(cell).complete().array)
    return Atoms(structure.numbers, positions, cell=cell, pbc=pbc)
