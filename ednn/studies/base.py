"""What every study is: numbers, a picture of them, and rows for the table paper / here."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from ednn.studies.lab import Lab

Numbers = dict[str, Any]  # plain values, which JSON can hold


@dataclass(frozen=True)
class Row:
    """One line of the table of the report: a quantity in the paper and here.

    Attributes:
        quantity: what is compared, with its unit.
        paper: the published value; empty where there is none.
        here: the value that was measured.
        how: how it was measured: sizes, epochs, seconds.

    Example:
        >>> Row("median absolute error (J)", paper="0.00148", here="0.0015", how="500 epochs").here
        '0.0015'
    """

    quantity: str
    paper: str
    here: str
    how: str = ""


class Study(ABC):
    """A figure or a table of the paper.

    Args:
        lab: where it trains and measures.

    Attributes:
        title: its heading in the report.
        claim: what the paper says, in one sentence.

    Example:
        >>> from pathlib import Path
        >>> class Sum(Study):
        ...     title, claim = "Sum", "One and one are two."
        ...     def measure(self):
        ...         return {"sum": 1 + 1}
        ...     def picture(self, numbers):
        ...         return Figure()
        ...     def rows(self, numbers):
        ...         return [Row("1 + 1", "2", f"{numbers['sum']}")]
        >>> study = Sum(Lab("runs", Path("outputs/sum")))
        >>> study.rows(study.measure())
        [Row(quantity='1 + 1', paper='2', here='2', how='')]
    """

    title: str
    claim: str

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


def yes_or_no(claim: bool) -> str:
    """Say in the table whether a claim holds.

    Example:
        >>> yes_or_no(0.01 < 0.02)
        'yes'
    """
    return "yes" if claim else "no"
