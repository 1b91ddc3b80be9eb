"""Errors of extensive predictions, exact over any number of processes."""

from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from ednn.core.info import DatasetInfo


class ExtensiveErrors(Metric):
    """Median and mean absolute error, total and per site, over every sample exactly once.

    A median cannot be averaged over batches or processes, so the predictions themselves are kept
    and gathered; torchmetrics gathers unequal shares.

    Args:
        info: names of the outputs, the unit of their errors per site, and whether errors relative
            to the targets are given too.

    Example:
        >>> import torch
        >>> from ednn.core.info import Output
        >>> errors = ExtensiveErrors(DatasetInfo((Output("energy", "J", "J per spin"),)))
        >>> target, prediction = torch.zeros(2, 1), torch.ones(2, 1)
        >>> errors.update(torch.arange(2), torch.tensor([4, 4]), target, prediction)
        >>> errors.compute()["mean_absolute_error_per_site"].item()
        0.25
    """

    full_state_update = False
    sample: list[Tensor]
    sites: list[Tensor]
    target: list[Tensor]
    prediction: list[Tensor]

    def __init__(self, info: DatasetInfo) -> None:
        super().__init__()
        self.info = info
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
        target = columns["target"].double()  # (N, outputs)
        error = (columns["prediction"].double() - target).abs()
        results = {}
        for i, output in enumerate(self.info.outputs):
            prefix = f"{output.name}/" if len(self.info.outputs) > 1 else ""
            kinds = {
                "absolute_error": error[:, i],
                "absolute_error_per_site": error[:, i] * output.per_unit / columns["sites"],
            }
            if self.info.relative:
                kinds["relative_error"] = error[:, i] / target[:, i].abs()
            for kind, values in kinds.items():
                results[f"{prefix}median_{kind}"] = values.quantile(0.5)
                results[f"{prefix}mean_{kind}"] = values.mean()
        return results
