"""A trajectory in ASE's format that knows its settings, so that a killed run goes on with it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from ase import Atoms
from ase.io import Trajectory
from ase.io.trajectory import TrajectoryWriter

from ednn.core.errors import InputError
from ednn.core.files import atomic

DIGESTS = {"ckpt_path": "another ckpt_path", "input": "another input"}  # which no user can compare


class KeptTrajectory:
    """All frames of a run, each with its settings in `info`; a frame counts when it is whole.

    Args:
        path: of the file; one of the same settings is gone on with.
        settings: all that determines the frames, as JSON can hold it.
        overwrite: lets the first frame replace a file of other settings.

    Raises:
        InputError: there is a file of other settings, or one that no run has written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "own.traj")
        ...     for steps in (range(2), range(2, 3)):
        ...         with KeptTrajectory(path, {"seed": 7}, overwrite=False) as trajectory:
        ...             for step in steps:
        ...                 trajectory.write(Atoms("C"), step=step)
        ...     [frame.info["step"] for frame in trajectory]
        [0, 1, 2]
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], overwrite: bool) -> None:
        self.path, self.settings = path, json.loads(json.dumps(settings))
        self._writer: TrajectoryWriter | None = None
        self.exists = path.is_file()
        if self.exists and (other := self._difference()):
            if not overwrite:
                raise InputError(
                    f"{path} {other}; repeat that command to go on with it, or give another "
                    f"output=…, or overwrite=true."
                )
            self.exists = False

    def __enter__(self) -> "KeptTrajectory":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writer:
            self._writer.backend.data.clear()  # else ASE would count half a frame as one
            self._writer.close()

    def __iter__(self) -> Iterator[Atoms]:
        """Read the frames one by one."""
        if self.exists:
            with Trajectory(self.path) as frames:
                yield from frames

    def write(self, atoms: Atoms, **info: Any) -> None:
        """Append atoms as they are, with what their calculator has computed.

        Args:
            atoms: whose own `info` is replaced.
            info: of the frame.
        """
        atoms.info = {**info, "settings": self.settings}
        if not self.exists:
            with atomic(self.path) as temporary, Trajectory(temporary, "w") as writer:
                writer.write(atoms)
            self.exists = True
            return
        if self._writer is None:
            self._writer = Trajectory(self.path, "a")
        try:
            self._writer.write(atoms)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def _difference(self) -> str:
        """Say by which settings the file was made, where they are not those of this run."""
        try:
            with Trajectory(self.path) as frames:
                made = frames[-1].info["settings"]
        except Exception:  # ASE raises what it likes
            return "can't be read as a trajectory of this command"
        # an older file may hold settings that no longer matter
        names = [name for name in self.settings if made.get(name) != self.settings[name]]
        if not names:
            return ""
        if "command" in names:
            return "was written by another command"
        told = [DIGESTS.get(name, f"{name}={json.dumps(made.get(name))}") for name in names]
        return f"was made with {', '.join(told)}"
