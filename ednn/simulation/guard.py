"""Stops a run that has lost its way."""

from types import TracebackType

import numpy as np
from ase import Atoms

from ednn.core.errors import InputError


class Guard:
    """Ends a run in one sentence that names the step, where its numbers mean nothing any more.

    Args:
        reached: the last step that is known to be good; -1 if there is none.
        what: is moved, as the sentence names it.
        most: how far an atom may go in a step, in Å.
        hottest: what the temperature may be, in K.

    Raises:
        InputError: energy, forces or positions are not finite, an atom goes too far, or the
            temperature is too high.

    Example:
        >>> from ase.calculators.singlepoint import SinglePointCalculator
        >>> atom = Atoms("C")
        >>> atom.calc = SinglePointCalculator(atom, energy=np.nan, forces=np.zeros((1, 3)))
        >>> with Guard(reached=6) as guard:
        ...     guard.look(atom, step=7)
        Traceback (most recent call last):
        ednn.core.errors.InputError: Stopped in step 7 (what was written before is kept): energy ...
    """

    def __init__(
        self, reached: int = -1, what: str = "", most: float = np.inf, hottest: float = np.inf
    ) -> None:
        self.reached, self.what, self.most, self.hottest = reached, what, most, hottest
        self._before: np.ndarray | None = None  # positions (N, 3)

    def __enter__(self) -> "Guard":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, InputError):
            raise InputError(
                f"Stopped in step {self.reached + 1}{self.what} (what was written before is "
                f"kept): {error}"
            ) from error

    def look(self, atoms: Atoms, step: int) -> None:
        """Look at atoms after a step."""
        if not np.isfinite([atoms.get_total_energy(), *atoms.get_forces().flat]).all():
            raise InputError(
                "energy or forces are not finite; start with atoms nearer to their equilibrium, "
                "or take a shorter timestep=…"
            )
        if self._before is not None:
            way = np.linalg.norm(atoms.positions - self._before, axis=1)  # (N,) Å
            if way.max() > self.most:
                raise InputError(
                    f"atom {way.argmax()} went {way.max():.3g} Å in this step alone; take a "
                    f"shorter timestep=…, or start with atoms nearer to their equilibrium."
                )
        temperature = atoms.get_temperature() if np.isfinite(self.hottest) else 0.0
        if temperature > self.hottest:
            raise InputError(
                f"the atoms are at {temperature:,.0f} K, more than {self.hottest:,.0f}; start with "
                f"atoms nearer to their equilibrium, take a shorter timestep=…, or a network that "
                f"was trained on such structures."
            )
        self._before, self.reached = atoms.positions.copy(), step
