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

REPOSITORY = Path(__file__).parents[2]


class Lab:
    """Runs commands and measurements; one that finished before gives its result again.

    A run folder is named after what is asked for, so that other settings are another run.

    Args:
        name: folder in outputs/ for the runs, which the studies of one scale share.
        folder: of one study, for its measurements.
        overrides: added to every training.

    Attributes:
        commands: what made the numbers, as one would type it.
    """

    def __init__(self, name: str, folder: Path, overrides: Sequence[str] = ()) -> None:
        self.name, self.folder, self.overrides = name, folder, list(overrides)
        self.commands: list[str] = []

    def train(self, name: str, *overrides: str) -> Run:
        """Train, test and record one run."""
        words = [*overrides, *self.overrides]
        return self._run("train.py", words, f"{name}-{_digest(words)}")

    def evaluate(self, name: str, trained: Run, *overrides: str) -> Run:
        """Test the best weights of a run on other data."""
        words = [f"ckpt_path='{trained.best}'", *overrides]  # a sweep's folders have = in them
        return self._run("evaluate.py", words, f"{name}-{_digest(words)}")

    def sweep(self, name: str, *overrides: str) -> list[tuple[dict[str, str], Run]]:
        """Train a Hydra multirun; returns the swept settings and the run of every job."""
        words = [*overrides, *self.overrides]
        run = f"{self.name.replace('/', '-')}-{name}-{_digest(words)}"
        self._execute(["train.py", "-m", *words, f"run={run}", "resume=auto"])
        return [(overrides_of(folder), Run(folder)) for folder in jobs(SWEEPS / run)]

    def measured(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what `function` gives for some plain values, as JSON keeps it."""
        path = self.folder / f"{name}-{_digest([function.__qualname__, *arguments])}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, {"value": function(*arguments)})
        return json.loads(path.read_text())["value"]

    def _run(self, script: str, words: list[str], run: str) -> Run:
        found = Run(OUTPUTS / self.name / run)
        place = [f"name={self.name}", f"run={run}"]
        self._execute([script, *words, *place, "resume=auto"], found.finished)
        return found

    def _execute(self, words: list[str], finished: bool = False) -> None:
        """Run an entry script, unless it is `finished`.

        Raises:
            TrainingError: it failed; its own message stands above.
        """
        command = shlex.join(["python", *words])
        self.commands.append(command)
        if finished:
            return
        print(f"\n$ {command}", flush=True)
        script, *arguments = words
        code = subprocess.run([sys.executable, str(REPOSITORY / script), *arguments]).returncode
        if code:
            raise TrainingError(f"This command failed (exit code {code}), see above: {command}")


def _digest(words: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:6]
