"""How a learning went, round by round: a table, a picture and a summary."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ednn import plots
from ednn.core.files import atomic
from ednn.core.terminal import columns
from ednn.runs.folder import Run

ERROR = "test/mean_absolute_error_per_site"
MEDIAN = "test/median_absolute_error_per_site"


@dataclass(frozen=True)
class Round:
    """A round of learning, all of which stands in files.

    Attributes:
        run: folder of its training.

    Example:
        >>> Round(Run("outputs/learn/mine/round_00")).chosen.as_posix()
        'outputs/learn/mine/round_00/chosen.json'
    """

    run: Run

    @property
    def best(self) -> Path:
        """The checkpoint that is tested and goes on."""
        path = self.run.tested
        assert path is not None  # as a finished run has one
        return path

    @property
    def chosen(self) -> Path:
        """File of the structures that are labelled after the training."""
        return self.run.folder / "chosen.json"

    @property
    def test(self) -> Run:
        """Folder of the test on a file of its own, if there is one."""
        return Run(self.run.folder / "test")

    @property
    def errors(self) -> dict[str, Any]:
        """The figures of that test or, if there is none, of the training's own."""
        return (self.test if self.test.finished else self.run).read_summary()

    @property
    def count(self) -> int:
        """How many labels there were."""
        return int(self.run.read_summary()["data"]["count"])

    @property
    def unit(self) -> str:
        return str(self.run.read_summary()["unit_per_site"])

    def row(self) -> dict[str, Any]:
        """Return its line of the table."""
        summary, errors = self.run.read_summary(), self.errors
        row = {
            "round": int(self.run.folder.name.removeprefix("round_")),
            "labels": self.count,
            "mean_error": errors[ERROR],
            "median_error": errors[MEDIAN],
            "training_seconds": summary["train/seconds"],
        }
        if self.chosen.exists():
            chosen = json.loads(self.chosen.read_text())
            largest = [record["uncertainty"] for record in chosen["structures"]]
            row |= {"temperature": chosen["temperature"], "largest_uncertainty": max(largest)}
        return row


def write_table(run: Run, rounds: Sequence[Round]) -> pd.DataFrame:
    """Write `learning.csv` and `learning.png` into a run folder.

    Example:
        ednn learn run=mine  # outputs/learn/mine/learning.csv
    """
    table = pd.DataFrame([each.row() for each in rounds])
    with atomic(run.folder / "learning.csv") as path:
        table.to_csv(path, index=False)
    plots.save(plots.learning_curve(table, rounds[-1].unit), run.folder / "learning.png")
    return table


def finish(run: Run, rounds: Sequence[Round]) -> None:
    """Print the table and write `summary.json`, which marks the learning as finished.

    Example:
        ednn learn run=mine
    """
    last = rounds[-1]
    table = write_table(run, rounds)
    print(f"\nErrors and uncertainty in {last.unit}:")
    shown = table.set_index("round")
    width = columns(sys.stdout)
    print(shown.to_string(float_format="{:.3g}".format, na_rep="", line_width=width))
    known = ("unit", "unit_per_site", "units", "test/samples", "device", "processes")
    figures = {k: v for k, v in last.errors.items() if "_error" in k or k in known}
    run.finish({**figures, "labels": last.count, "rounds": len(rounds)})
