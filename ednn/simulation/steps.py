"""The steps of relaxations that are known."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ase import Atoms
from ase.io import Trajectory

from ednn.simulation.trajectory import KeptTrajectory


class Steps:
    """The frames of relaxations, by the number of their structure.

    Args:
        trajectory: that holds them, those of a run that was killed among them.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from ase.calculators.lj import LennardJones
        >>> pair = Atoms("Ar2", [[0, 0, 0], [1.2, 0, 0]], calculator=LennardJones())
        >>> with TemporaryDirectory() as folder:
        ...     with KeptTrajectory(Path(folder, "own.traj"), {}, False) as trajectory:
        ...         steps = Steps(trajectory)
        ...         steps.write(pair, number=0, step=0, force=0.5)
        ...     steps.last(0), steps.finished(0, most=5, fmax=0.1), steps.unconverged(fmax=0.1)
        (0, False, '1 of 1 structures are not converged (largest force left: 0.5 eV/Å)')
    """

    def __init__(self, trajectory: KeptTrajectory) -> None:
        self._trajectory, self._count = trajectory, 0
        self._places: defaultdict[int, list[int]] = defaultdict(list)
        self._last: dict[int, Mapping[str, Any]] = {}
        for frame in trajectory:
            self._add(frame.info)

    def last(self, number: int) -> int:
        """Return the last step of a structure; -1 if there is none."""
        return self._last[number]["step"] if number in self._last else -1

    def finished(self, number: int, most: int, fmax: float) -> bool:
        """Tell whether a structure has no force of fmax left, or had as many steps as it may."""
        known = self._last.get(number)
        return known is not None and (known["largest_force"] < fmax or known["step"] >= most)

    def frames(self, number: int) -> Iterator[Atoms]:
        """Read the frames of a structure that there are now, one by one."""
        if places := list(self._places[number]):
            with Trajectory(self._trajectory.path) as frames:
                for place in places:
                    yield frames[place]

    def write(self, atoms: Atoms, number: int, step: int, force: float) -> None:
        """Append a step of a structure.

        Args:
            atoms: after the step.
            number: of the structure.
            step: from 0.
            force: the largest, in eV/Å.
        """
        known = {"structure": number, "step": step, "largest_force": force}
        if (deviation := atoms.calc.results.get("energy_uncertainty")) is not None:
            known["energy_uncertainty"] = deviation
        self._trajectory.write(atoms, **known)
        self._add(known)

    def unconverged(self, fmax: float) -> str:
        """Say how many structures have forces of fmax, in eV/Å, or more left; empty if none has."""
        left = [force for own in self._last.values() if (force := own["largest_force"]) >= fmax]
        if not left:
            return ""
        return (
            f"{len(left)} of {len(self._last)} structures are not converged (largest force left: "
            f"{max(left):.2g} eV/Å)"
        )

    def _add(self, info: Mapping[str, Any]) -> None:
        number = info["structure"]
        self._places[number].append(self._count)
        self._last[number], self._count = info, self._count + 1
