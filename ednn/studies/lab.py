"""Where a study trains and measures: real commands in run folders of their own, each once."""

import hashlib
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ednn.core.errors import TrainingError
from ednn.runs.folder import OUTPUTS, Run, write_json
from ednn.runs.sweep_table import SWEEPS, jobs, overrides_of

EDNN = [sys.executable, "-m", "ednn"]  # the command `ednn`, of this process's own Python


class Lab:
    """Runs commands and measurements; one that finished before gives its result again.

    A run folder is named after what is asked for, so that other settings are another run.

    Args:
        name: folder in outputs/ for the runs, which the studies of one scale share.
        folder: of one study, for its measurements.
        overrides: added to every training.

    Attributes:
        commands: what made the numbers, as one would type it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     lab = Lab("runs", Path(folder))
        ...     values = [lab.measured("longest", max, [3, 5]) for _ in range(2)]  # measured once
        ...     values, len(list(Path(folder).iterdir()))
        ([5, 5], 1)
    """

    def __init__(self, name: str, folder: Path, overrides: Sequence[str] = ()) -> None:
        self.name, self.folder, self.overrides = name, folder, list(overrides)
        self.commands: list[str] = []

    def train(self, name: str, *overrides: str) -> Run:
        """Train, test and record one run.

        Args:
            name: what the run folder's name begins with.
            *overrides: of the command, beside those of the lab.

        Returns:
            The finished run.

        Raises:
            TrainingError: the command failed.
        """
        words = [*overrides, *self.overrides]
        return self._run("train", words, f"{name}-{_digest(words)}")

    def evaluate(self, name: str, trained: Run, *overrides: str) -> Run:
        """Test the best weights of a run on other data; the rest is as in `train`."""
        words = [f"ckpt_path='{trained.best}'", *overrides]  # a sweep's folders have = in them
        return self._run("evaluate", words, f"{name}-{_digest(words)}")

    def sweep(self, name: str, *overrides: str) -> list[tuple[dict[str, str], Run]]:
        """Train a Hydra multirun.

        Args:
            name: what the sweep folder's name ends with.
            *overrides: of the command, beside those of the lab; some with several values.

        Returns:
            The overrides of every job, and its run.

        Raises:
            TrainingError: the command failed.
        """
        words = [*overrides, *self.overrides]
        run = f"{self.name.replace('/', '-')}-{name}-{_digest(words)}"
        self._execute(["train", "-m", *words, f"run={run}", "resume=auto"])
        return [(overrides_of(folder), Run(folder)) for folder in jobs(SWEEPS / run)]

    def measured(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Measure something that no command does, once.

        Args:
            name: what the file with the result is called.
            function: what measures.
            *arguments: plain values for it.

        Returns:
            What the function gives, as JSON keeps it.
        """
        path = self.folder / f"{name}-{_digest([function.__qualname__, *arguments])}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, {"value": function(*arguments)})
        return json.loads(path.read_text())["value"]

    def _run(self, command: str, words: list[str], name: str) -> Run:
        run = Run(OUTPUTS / self.name / name)
        folder = [f"name={self.name}", f"run={name}"]
        self._execute([command, *words, *folder, "resume=auto"], run.finished)
        return run

    def _execute(self, words: list[str], finished: bool = False) -> None:
        """Run a command of ednn, unless it is `finished`."""
        words = list({word.partition("=")[0]: word for word in words}.values())  # the last counts
        command = shlex.join(["ednn", *words])
        self.commands.append(command)
        if finished:
            return
        print(f"\n$ {command}", flush=True)
        code = subprocess.run([*EDNN, *words]).returncode
        if code:
            raise TrainingError(f"This command failed (exit code {code}), see above: {command}")


def _digest(words: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:6]
