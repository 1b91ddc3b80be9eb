"""Errors of extensive predictions, exact over any number of processes."""

from collections.abc import Sequence

from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class ExtensiveErrors(Metric):
    """Median and mean absolute error, total and per site, over every sample exactly once.

    A median cannot be averaged over batches or processes, so the predictions themselves are kept
    and gathered; torchmetrics gathers unequal shares.
    """

    full_state_update = False
    sample: list[Tensor]
    sites: list[Tensor]
    target: list[Tensor]
    prediction: list[Tensor]

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = list(names)
        for column in ("sample", "sites", "target", "prediction"):
            self.add_state(column, default=[], dist_reduce_fx="cat")

    def update(self, sample: Tensor, sites: Tensor, target: Tensor, prediction: Tensor) -> None:
        """Add samples: numbers (B,), sites (B,), target and prediction (B, outputs)."""
        self.sample.append(sample)
        self.sites.append(sites)
        self.target.append(target.detach())
        self.prediction.append(prediction.detach())

    def columns(self) -> dict[str, Tensor]:
        """Return the gathered columns in the order of the sample numbers."""
        sample = dim_zero_cat(self.sample)
        order = sample.argsort()
        return {
            "sample": sample[order],
            "sites": dim_zero_cat(self.sites)[order],
            "target": dim_zero_cat(self.target)[order],
            "prediction": dim_zero_cat(self.prediction)[order],
        }

    def compute(self) -> dict[str, Tensor]:
        """Return the errors by name; with several outputs each name begins with the output's."""
        columns = self.columns()
        error = (columns["prediction"].double() - columns["target"].double()).abs()
        results = {}
        for name, column in zip(self.names, error.unbind(-1), strict=True):
            prefix = f"{name}/" if len(self.names) > 1 else ""
            for suffix, values in (("", column), ("_per_site", column / columns["sites"])):
                results[f"{prefix}median_absolute_error{suffix}"] = values.quantile(0.5)
                results[f"{prefix}mean_absolute_error{suffix}"] = values.mean()
        return results
