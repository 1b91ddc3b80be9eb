"""Energies and forces of a structure from a quantum-mechanical theory, by way of ASE."""

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError
from ednn.physics.sheets import Structure

INSTALL = 'run `pip install -e ".[dft]"`'

# The exceptions of ASE and of GPAW (no kin of ASE's) for a calculation that did not converge.
NOT_CONVERGED = {"CalculationFailed", "ConvergenceError"}


class LabelError(RuntimeError):
    """The theory has no answer for this structure: its self-consistent field did not converge."""


@dataclass(frozen=True)
class Theory:
    """An ASE calculator and the box it works in.

    `calculator` is the dotted path of its class, called with `arguments`. The sheet lies in the
    middle of a cell of `height` Å; `pbc` says along which of x, y, z that cell is periodic. Labels
    made with another version of one of the `packages` do not mix with these.
    """

    name: str
    calculator: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    height: float = 15.0
    pbc: tuple[bool, bool, bool] = (True, True, True)
    packages: tuple[str, ...] = ()
    install: str = "install the package that has it"

    def provenance(self) -> dict[str, str]:
        """Return what must be equal for labels to mix: the calculator, its settings and versions.

        Raises InputError if the calculator is not installed.
        """
        self.calculator_class()
        settings = {n: getattr(self, n) for n in ("calculator", "arguments", "height", "pbc")}
        return {
            "theory": self.name,
            "settings": json.dumps(settings, sort_keys=True),
            "versions": json.dumps({name: metadata.version(name) for name in self.packages}),
        }

    def calculator_class(self) -> Any:
        """Import the calculator; raises InputError if that is impossible."""
        module, _, name = self.calculator.rpartition(".")
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
            install=INSTALL,
        ),
        Theory(
            name="pbe",
            calculator="gpaw.GPAW",
            arguments={
                "mode": "lcao",
                "basis": "dzp",
                "xc": "PBE",
                "h": 0.18,  # Å; at 0.25 Å the grid alone makes 16 meV/atom of noise
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
        ),
    )
}


def resolve(theory: str | Mapping[str, Any]) -> Theory:
    """Return the theory of that name, or the one made of any ASE calculator.

    A mapping gives `_target_`, the dotted path of the calculator, optionally `height` in Å, and
    the calculator's own arguments; the path alone does without. Raises InputError for an unknown
    name.
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
    """`energy` in eV; `forces` (N, 2) in eV/Å, in the plane."""

    energy: float
    forces: NDArray[np.float64]


def label(structure: Structure, theory: Theory) -> Label:
    """Return the energy and the in-plane forces of `structure`.

    The energy is the one whose gradient the forces are: with smeared occupations the electronic
    free energy. Raises LabelError if the calculation does not converge.
    """
    from ase import Atoms

    # A new calculator each time: no label may depend on what was labelled before it.
    calculator = theory.calculator_class()(**theory.arguments)
    height = np.full((len(structure.numbers), 1), theory.height / 2)
    atoms = Atoms(
        structure.numbers,
        positions=np.hstack([structure.positions, height]),
        cell=[*structure.cell, theory.height],
        pbc=theory.pbc,
        calculator=calculator,
    )
    try:
        energy = atoms.get_potential_energy()
        forces = atoms.get_forces()[:, :2]
    except Exception as error:
        if not NOT_CONVERGED & {kind.__name__ for kind in type(error).__mro__}:
            raise
        raise LabelError(f"{type(error).__name__}: {error}") from error
    energy = calculator.results.get("free_energy", energy)
    if not (np.isfinite(energy) and np.isfinite(forces).all()):
        raise LabelError("the energy or a force is not a finite number")
    return Label(float(energy), forces)
