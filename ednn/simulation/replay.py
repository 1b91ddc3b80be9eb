"""A calculator that knows the first steps of a relaxation already."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from ednn.calculator import EDNNCalculator

SAME = 1e-8  # Å


class ReplayCalculator(EDNNCalculator):
    """Gives the results of known frames, in their order, before it evaluates the network.

    An optimizer that goes through them again has the same memory of its steps as before it was
    killed, at hardly any cost.

    Args:
        arguments: of `EDNNCalculator`.
        settings: of `EDNNCalculator`.

    Example:
        >>> from ase.build import graphene
        >>> from ase.calculators.singlepoint import SinglePointCalculator
        >>> sheet = graphene(a=2.47, vacuum=5)
        >>> calculator = ReplayCalculator("pretrained/graphene-hbn-gfn1")
        >>> known = sheet.copy()
        >>> known.calc = SinglePointCalculator(known, energy=7.0, forces=np.zeros((2, 3)))
        >>> calculator.replay([known])
        >>> sheet.calc = calculator
        >>> sheet.get_potential_energy()
        7.0
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._known: Iterator[Atoms] = iter(())

    def replay(self, frames: Iterable[Atoms]) -> None:
        """Take the known frames of the next structure; forget the last results."""
        self.reset()
        self._known = iter(frames)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        frame = next(self._known, None)
        if frame is not None and atoms is not None and _same(frame, atoms):
            Calculator.calculate(self, atoms, properties, system_changes)
            self.results = dict(frame.calc.results)
            if (deviation := frame.info.get("energy_uncertainty")) is not None:
                self.results["energy_uncertainty"] = deviation
            return
        self._known = iter(())
        super().calculate(atoms, properties, system_changes)


def _same(one: Atoms, other: Atoms) -> bool:
    return len(one) == len(other) and all(
        np.allclose(getattr(one, name).view(), getattr(other, name), rtol=0, atol=SAME)
        for name in ("positions", "cell")
    )
