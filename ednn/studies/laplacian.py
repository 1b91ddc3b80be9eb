"""The Laplacian of random images: an operator that is learned to 0.1 %."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from ednn.plots.parity_picture import error_on, parity_on
from ednn.plots.style import styled
from ednn.runs.folder import Run
from ednn.studies.base import Numbers, Row, Study
from ednn.studies.records import cost, record


class Laplacian(Study):
    """L = Σ|∇²X| (Eq. 2), f = 10, c = 2.

    Args:
        train: overrides of the training.
        test: those of the data that the network is tested on.
        **base: arguments of `Study`.

    Example:
        ednn study study=laplacian
    """

    title = "Laplacian of random images"
    claim = "An EDNN with f = 10 and c = 2 learns the sum of the Laplacian to less than 0.1 %."

    def __init__(self, train: Sequence[str], test: Sequence[str], **base: Any) -> None:
        super().__init__(**base)
        self.train, self.test = train, test

    def measure(self) -> Numbers:
        trained = self.lab.train("laplacian", *self.train)
        tested = self.lab.evaluate("laplacian-test", trained, *self.test)
        return {"trained": record(trained), "tested": record(tested)}

    def rows(self, numbers: Numbers) -> list[Row]:
        tested = numbers["tested"]
        side = tested["data"]["side"]
        return [
            Row(
                f"{average} relative error on {side} × {side} pixels",
                paper,
                f"{100 * tested[f'test/{average}_relative_error']:.3g} %",
                cost(numbers["trained"]),
            )
            for average, paper in (("median", "less than 0.1 %"), ("mean", ""))
        ]

    @styled
    def picture(self, numbers: Numbers) -> Figure:
        predicted, true, _ = Run(numbers["tested"]["run"]).read_predictions("laplacian")
        figure = Figure(figsize=(12, 6))
        left, right = figure.subplots(1, 2)
        unit = numbers["tested"]["unit"]
        parity_on(left, predicted, true, unit, "Σ|∇²X|")
        error_on(right, predicted, true, unit, "Σ|∇²X|")
        return figure
