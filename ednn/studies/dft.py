"""Figs. 3 and 4: energies of graphene, hBN and both, with tiles and without, in two theories."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ednn.plots.gallery import gallery
from ednn.studies.base import Numbers, Row, Study
from ednn.studies.records import cost, record

PAPER = {"tiles": "0.825", "one tile": "1.10", "fine-tuned": "0.825", "PBE alone": "0.825"}
TITLES = {
    "tiles": "EDNN, GFN1",
    "one tile": "network without tiles, GFN1",
    "fine-tuned": "EDNN, from GFN1 to PBE",
    "PBE alone": "EDNN, PBE alone",
}
PICTURES = ("parity", "error")  # of each run; the first shows these, too:
OF_FIRST = ("tiles", "loss")


class DFT(Study):
    """The EDNN beside the network of one tile, and what a second theory needs.

    Args:
        train: overrides of the EDNN's training on GFN1 labels.
        one_tile: those of the network without tiles, for the same time.
        pbe: those of the trainings on PBE labels, from the weights of the first and from none.
        **base: arguments of `Study`.

    Example:
        ednn study study=dft
    """

    title = "Figs. 3 and 4: total energies of graphene and hBN"
    claim = (
        "With f = 64 and c = 32 an EDNN learns total energies (PBE) to a median absolute error of "
        "0.825 meV per atom, the network without tiles to 1.10."
    )

    def __init__(
        self, train: Sequence[str], one_tile: Sequence[str], pbe: Sequence[str], **base: Any
    ) -> None:
        super().__init__(**base)
        self.train, self.one_tile, self.pbe = train, one_tile, pbe

    def measure(self) -> Numbers:
        tiles = self.lab.train("dft", *self.train)
        weights = f"ckpt_path='{tiles.best}'"
        runs = {
            "tiles": tiles,
            "one tile": self.lab.train("dft-one-tile", *self.one_tile),
            "fine-tuned": self.lab.train("dft-tuned", *self.pbe, weights),
            "PBE alone": self.lab.train("dft-pbe", *self.pbe, "ckpt_path=null"),
        }
        return {name: record(run) for name, run in runs.items()}

    def rows(self, numbers: Numbers) -> list[Row]:
        return [
            Row(
                f"{average} absolute error (meV per atom), {TITLES[name]}",
                PAPER[name] if average == "median" else "",
                f"{run[f'test/{average}_absolute_error_per_site']:.3g}",
                f"{run['test/samples']} test structures; {cost(run)}",
            )
            for name, run in numbers.items()
            for average in ("median", "mean")
        ]

    def picture(self, numbers: Numbers) -> Figure:
        first = next(iter(numbers))
        return gallery(
            {
                TITLES[name]: [
                    Path(run["run"]) / f"{picture}.png"
                    for picture in (*(OF_FIRST if name == first else ()), *PICTURES)
                ]
                for name, run in numbers.items()
            }
        )
