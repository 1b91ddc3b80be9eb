"""What every study is: numbers, a picture of them, and rows for the table paper / here."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from ednn.runs.folder import Run
from ednn.studies.lab import Lab

Numbers = dict[str, Any]  # what JSON can hold


@dataclass(frozen=True)
class Row:
    """One line of the table of the report: a quantity in the paper and here.

    `how` says how it was run here: sizes, epochs, seconds.
    """

    quantity: str
    paper: str
    here: str
    how: str = ""


class Study(ABC):
    """A figure or a table of the paper.

    Args:
        lab: where it trains and measures.
    """

    title: str
    claim: str  # of the paper, in one sentence

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    @abstractmethod
    def measure(self) -> Numbers:
        """Run what is needed and return the numbers; nothing finished is run again."""

    @abstractmethod
    def picture(self, numbers: Numbers) -> Figure:
        """Draw the numbers."""

    @abstractmethod
    def rows(self, numbers: Numbers) -> list[Row]:
        """Return what the report sets beside the paper."""


def yes(claim: bool) -> str:
    """Return a verdict for the table."""
    return "yes" if claim else "no"


def figures(run: Run) -> Numbers:
    """Return what studies tell of a run: its errors, its cost and where it lies."""
    summary = run.read_summary()
    told = ("unit", "test/samples", "train/epochs", "train/seconds", "device", "data")
    errors = {key: value for key, value in summary.items() if "_error" in key}
    return errors | {key: summary[key] for key in told if key in summary} | {"run": str(run.folder)}


def how(run: Mapping[Any, Any]) -> str:
    """Say how a training, told by `figures`, was run."""
    return f"{run['train/epochs']} epochs, {run['train/seconds']:.0f} s, {run['device']}"
