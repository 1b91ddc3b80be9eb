"""Candidates from molecular dynamics by the network."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from ase.constraints import FixCartesian
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta
from ase.units import fs

from ednn.calculator import EDNNCalculator
from ednn.core.errors import InputError
from ednn.physics.labels import Theory, as_atoms
from ednn.physics.structure import Structure

STEP = 1.0  # fs
FRICTION = 0.02  # 1/fs; the thermostat acts within 50 fs
EVERY = 20  # steps from one candidate to the next, about half a period of the stiffest bonds


@dataclass(frozen=True)
class Dynamics:
    """Langevin dynamics at constant cell.

    Attributes:
        calculator: the network.
        theory: whose cell flat structures lie in.
        temperature: in K.
        steps: of a trajectory.
        fits: a trajectory ends where this is false.

    Example:
        >>> from ednn.physics.labels import resolve
        >>> from ednn.physics.sheets import sheet
        >>> calculator = EDNNCalculator("pretrained/graphene-hbn-gfn1")
        >>> hot = Dynamics(calculator, resolve("gfn1"), 600, EVERY, lambda structure: True)
        >>> [frame.positions.shape for frame in hot.frames(sheet(0), np.random.default_rng(0))]
        [(59, 2)]
    """

    calculator: EDNNCalculator
    theory: Theory
    temperature: float
    steps: int
    fits: Callable[[Structure], bool]

    def frames(self, structure: Structure, rng: np.random.Generator) -> Iterator[Structure]:
        """Yield frames of a trajectory that begins with a structure."""
        atoms, dims = as_atoms(structure, self.theory), len(structure.cell)
        atoms.calc = self.calculator
        if dims == 2:
            atoms.set_constraint(FixCartesian(range(len(atoms)), mask=(False, False, True)))
        thermalize_momenta(atoms, self.temperature, rng=rng)
        dynamics = Langevin(
            atoms,
            STEP * fs,
            temperature_K=self.temperature,
            friction=FRICTION / fs,
            fixcm=False,
            rng=rng,
        )
        for _ in range(self.steps // EVERY):
            try:
                with warnings.catch_warnings():
                    # of what is unlike the training, for which candidates are wanted
                    warnings.simplefilter("ignore")
                    dynamics.run(EVERY)
            except InputError:  # the network doesn't take it
                return
            frame = replace(structure, positions=atoms.positions[:, :dims].copy())
            if not self.fits(frame):
                return
            yield frame
