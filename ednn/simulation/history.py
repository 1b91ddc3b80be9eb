"""How energy and temperature of a dynamics went."""

from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ednn.simulation.trajectory import KeptTrajectory

MEV = 1000.0  # meV in an eV
FS = 1000.0  # fs in a ps


class History:
    """The frames of a dynamics, and what is plotted of each.

    Args:
        trajectory: that holds them; those of a run that was killed are read.

    Attributes:
        steps: of all frames.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from ase.calculators.lj import LennardJones
        >>> pair = Atoms("Ar2", [[0, 0, 0], [1.2, 0, 0]], calculator=LennardJones())
        >>> _ = pair.get_potential_energy()
        >>> with TemporaryDirectory() as folder:
        ...     with KeptTrajectory(Path(folder, "own.traj"), {}, False) as trajectory:
        ...         history = History(trajectory)
        ...         history.write(pair, step=0, time=0.0)
        ...     History(trajectory).energies.tolist()
        [0.0]
    """

    def __init__(self, trajectory: KeptTrajectory) -> None:
        self._trajectory = trajectory
        self.steps: list[int] = []
        self._rows: list[tuple[float, float, float, float | None]] = []
        self._last: Atoms | None = None
        for frame in trajectory:
            self._add(frame)

    def restore(self, atoms: Atoms) -> int:
        """Bring atoms to the last frame and return its step; 0 if there is none.

        Positions and momenta are kept to the last bit, and forces follow from them.
        """
        if self._last is None:
            return 0
        atoms.positions = self._last.positions
        atoms.set_momenta(self._last.get_momenta(), apply_constraint=False)
        return self.steps[-1]

    def write(self, atoms: Atoms, step: int, time: float) -> None:
        """Append a frame at a time in fs."""
        known: dict[str, Any] = {"step": step, "time": time}
        if (deviation := atoms.calc.results.get("energy_uncertainty")) is not None:
            known["energy_uncertainty"] = deviation
        self._trajectory.write(atoms, **known)
        self._add(atoms)

    def words(self) -> str:
        """Return energy and temperature of the last frame, for the progress bar."""
        assert self._last is not None
        energy = self._last.get_potential_energy()
        return f"energy={energy:.3f} eV, temperature={self._rows[-1][2]:.0f} K"

    def summary(self, conserved: bool) -> str:
        """Return a line on the drift of the total energy, or on the temperature.

        Args:
            conserved: whether the dynamics conserves energy.
        """
        if conserved:
            slope = np.polyfit(self.times, self.energies, 1)[0]
            return (
                f"Drift of the total energy: {slope:.3g} meV per atom per ps (standard deviation "
                f"{self.energies.std():.3g} meV per atom)"
            )
        late = self.temperatures[len(self.steps) // 2 :]
        return f"Temperature: {late.mean():.0f} K in the mean over the second half"

    def _add(self, frame: Atoms) -> None:
        self.steps.append(frame.info["step"])
        deviation, sites = frame.info.get("energy_uncertainty"), len(frame)
        self._rows.append(
            (
                frame.info["time"] / FS,
                frame.get_total_energy() / sites * MEV,
                frame.get_temperature(),
                None if deviation is None else deviation / sites * MEV,
            )
        )
        self._last = frame

    def _column(self, number: int) -> NDArray[np.float64]:
        return np.array([row[number] for row in self._rows], float)

    @property
    def times(self) -> NDArray[np.float64]:
        """In ps, (frames,)."""
        return self._column(0)

    @property
    def energies(self) -> NDArray[np.float64]:
        """Potential and kinetic energy per atom less those of the first frame, (frames,) in meV."""
        return self._column(1) - self._rows[0][1]

    @property
    def temperatures(self) -> NDArray[np.float64]:
        """In K, (frames,)."""
        return self._column(2)

    @property
    def deviations(self) -> NDArray[np.float64] | None:
        """Standard deviations of the potential energy per atom, (frames,) in meV, if known."""
        return None if self._rows[0][3] is None else self._column(3)
