"""Errors of extensive predictions, exact over any number of processes."""

from collections.abc import Sequence

from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class ExtensiveErrors(Metric):
    """Median and mean absolute error, total and per site, over every sample exactly once.

    A median cannot be averaged over batches or processes, so the predictions themselves are kept
    and gathered; torchmetrics gathers unequal shares.

    Args:
        names: names of the outputs.
        site_factor: how many units of the errors per site make one unit of the targets: 1000 for
            energies in eV with errors in meV per atom.
        relative: also give the errors relative to the targets, which are nowhere near zero then.
    """

    full_state_update = False
    sample: list[Tensor]
    sites: list[Tensor]
    target: list[Tensor]
    prediction: list[Tensor]

    def __init__(
        self, names: Sequence[str], site_factor: float = 1.0, relative: bool = False
    ) -> None:
        super().__init__()
        self.names, self.site_factor, self.relative = list(names), site_factor, relative
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
        kinds = {
            "absolute_error": error,
            "absolute_error_per_site": error * self.site_factor / columns["sites"][:, None],
        }
        if self.relative:
            kinds["relative_error"] = error / target.abs()
        results = {}
        for i, name in enumerate(self.names):
            prefix = f"{name}/" if len(self.names) > 1 else ""
            for kind, values in kinds.items():
                results[f"{prefix}median_{kind}"] = values[:, i].quantile(0.5)
                results[f"{prefix}mean_{kind}"] = values[:, i].mean()
        return results
