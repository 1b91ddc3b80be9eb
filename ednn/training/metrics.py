"""Errors of extensive predictions, exact over any number of processes."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import CatMetric, Metric
from torchmetrics.functional import spearman_corrcoef
from torchmetrics.utilities import dim_zero_cat

from ednn.core.info import DatasetInfo
from ednn.core.uncertainty import COVERED, half_width

COLUMNS = ("sample", "sites", "target", "prediction", "deviation")
COMPONENTS = 2**16  # of derivatives, kept of a batch


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
    deviation: list[Tensor]

    def __init__(self, info: DatasetInfo) -> None:
        super().__init__()
        self.info = info
        for column in COLUMNS:
            self.add_state(column, default=[], dist_reduce_fx="cat")

    def update(
        self,
        sample: Tensor,
        sites: Tensor,
        target: Tensor,
        prediction: Tensor,
        deviation: Tensor | None = None,
    ) -> None:
        """Add samples.

        Args:
            sample: their numbers, (B,).
            sites: (B,).
            target: (B, outputs).
            prediction: (B, outputs).
            deviation: standard deviations of the predictions, (B, outputs); none or (B, 0) where
                they are not known.
        """
        self.sample.append(sample)
        self.sites.append(sites)
        self.target.append(target.detach())
        self.prediction.append(prediction.detach())
        self.deviation.append(prediction[:, :0] if deviation is None else deviation.detach())

    def columns(self) -> dict[str, Tensor]:
        """Return the gathered columns in the order of the sample numbers.

        There is none of deviations where they are not known.
        """
        order = dim_zero_cat(self.sample).argsort()
        columns = {name: dim_zero_cat(getattr(self, name))[order] for name in COLUMNS}
        return {name: column for name, column in columns.items() if column[0].numel()}

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
            if "deviation" in columns:
                deviation = columns["deviation"][:, i].double()
                results |= {f"{prefix}{k}": v for k, v in _reliability(deviation, error[:, i])}
        return results


def some(rows: Tensor, most: int) -> Tensor:
    """Return at most so many rows, drawn at random by a fixed seed; all if there are no more.

    Example:
        >>> import torch
        >>> some(torch.arange(100), most=3).shape, some(torch.arange(2), most=3).tolist()
        (torch.Size([3]), [0, 1])
    """
    if len(rows) <= most:
        return rows
    drawn = torch.randint(len(rows), (most,), generator=torch.Generator().manual_seed(0))
    return rows[drawn.to(rows.device)]


class SlopeErrors(nn.Module):
    """Errors of the components of derivatives: of a field, forces, stress.

    Of the derivatives by fields, which have as many components as the fields have values, at most
    65,536 of each batch are kept, drawn at random by a fixed seed.

    Example:
        >>> import torch
        >>> from ednn.core.structure_batch import StructureBatch
        >>> errors, forces, true = SlopeErrors(), torch.ones(1, 3, 2), torch.zeros(1, 3, 2)
        >>> carbon = StructureBatch(torch.tensor([[6, 6, 0]]), true, torch.eye(2)[None])
        >>> errors.update({"forces": forces}, {"forces": true}, carbon)
        >>> errors.compute()["mean_absolute_error_of_forces"].item()
        1.0
    """

    def __init__(self) -> None:
        super().__init__()
        names = ("derivative", "forces", "stress")
        kept = {name: CatMetric(nan_strategy="disable") for name in names}
        self.metrics: Any = nn.ModuleDict(kept)
        for metric in kept.values():
            metric.set_dtype(torch.float64)

    def update(self, found: Mapping[str, Tensor], truth: Mapping[str, Tensor], inputs: Any) -> None:
        """Add samples.

        Args:
            found: predicted derivatives by their names, as those of a `Batch`.
            truth: the same, true.
            inputs: the fields, or the structures, whose padding atoms are left out.
        """
        for name, values in found.items():
            pair = torch.stack([values.detach().double(), truth[name].double()], -1)  # (B, …, 2)
            pair = (pair[inputs.numbers > 0] if name == "forces" else pair).flatten(0, -2)
            self.metrics[name].update(some(pair, COMPONENTS) if name == "derivative" else pair)

    def pairs(self) -> dict[str, Tensor]:
        """Return predicted and true components (n, 2), of all processes, by the names."""
        metrics = self.metrics.items()
        return {name: metric.compute() for name, metric in metrics if metric.update_called}

    def reset(self) -> None:
        for metric in self.metrics.values():
            metric.reset()

    def compute(self) -> dict[str, Tensor]:
        """Return the errors of what was added by all processes.

        The relative error is the root mean squared one over the standard deviation of the truth.
        """
        results = {}
        for name, pair in self.pairs().items():
            predicted, true = pair.double().unbind(-1)
            error = (predicted - true).abs()
            results[f"median_absolute_error_of_{name}"] = error.median()
            results[f"mean_absolute_error_of_{name}"] = error.mean()
            if (spread := true.std(correction=0)) > 0:
                results[f"relative_error_of_{name}"] = error.square().mean().sqrt() / spread
        return results


def _reliability(deviation: Tensor, error: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield name and value of what tells how good standard deviations (N,) of errors (N,) are."""
    inside = error <= half_width() * deviation
    yield f"coverage_of_{100 * COVERED:.0f}_percent_intervals", inside.double().mean()
    if len(error) > 1:  # ranks of one are none
        yield "rank_correlation_of_uncertainty", spearman_corrcoef(deviation, error)
