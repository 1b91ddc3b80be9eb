"""Samples as a model is given them: whole batches at a time, on every process its share."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from ednn.core.interface import ExtensiveModel
from ednn.core.seen import SeenValues
from ednn.data.fields.file import StoredFields

SEEN = 2**24  # values of fields that are looked at for their range
# Kinds of numbers that single precision would round: whether it does is for the model to say.
WIDE = (torch.float64, torch.int64, torch.int32)


class Batch(NamedTuple):
    """What a model is given, and the truth.

    Extensive targets (B, outputs), sites (B,), sample numbers (B,), and the true derivatives that
    the set has, by their names: `derivative` (B, C, *L) by the field, `forces` (B, A, D) on the
    atoms, `stress` (B, D, D).

    Example:
        >>> fields, sites = torch.ones(2, 1, 4, 4), torch.tensor([16, 16])
        >>> batch = Batch(fields, torch.zeros(2, 1), sites, torch.arange(2))
        >>> batch.slopes
        {}
    """

    inputs: Any  # what the model takes: fields (B, C, *L), or structures
    target: Tensor
    sites: Tensor
    sample: Tensor
    slopes: Mapping[str, Tensor] = {}


class ExtensiveDataset(Dataset[Batch]):
    """Samples that are fetched a whole batch at a time; a child says what the model is given.

    Args:
        labels: (N, outputs), physical units.
        sites: (N,), by which the totals are divided: lattice sites, or atoms.

    Example:
        >>> class Ones(ExtensiveDataset):
        ...     def inputs(self, sample):
        ...         return torch.ones(len(sample), 1, 4, 4)
        >>> batch = Ones(torch.zeros(9, 1), torch.full((9,), 16)).__getitems__([3, 5])
        >>> batch.inputs.shape, batch.sample.tolist()
        (torch.Size([2, 1, 4, 4]), [3, 5])
    """

    def __init__(self, labels: Tensor, sites: Tensor) -> None:
        self.labels, self.sites = labels, sites

    def __len__(self) -> int:
        return len(self.labels)

    def known(self, model: ExtensiveModel, sample: Tensor) -> Tensor:
        """Return what a model knows of the labels of samples (n,) without a network: (n, outputs).

        Nothing of fields, which are not read for it: they may be larger than the memory.
        """
        return torch.zeros(len(sample), self.labels.shape[1], dtype=torch.float64)

    @abstractmethod
    def inputs(self, sample: Tensor) -> Any:
        """Return the model's inputs for sample numbers (B,)."""

    @property
    def values_seen(self) -> SeenValues | None:
        """The values of the fields; None for structures."""
        return None

    def slopes(self, sample: Tensor) -> dict[str, Tensor]:
        """Return the true derivatives (B, …) of samples by their names, as a `Batch` has them."""
        return {}

    def example(self) -> Any:
        """Return inputs that a model fits if it fits every sample."""
        return self.inputs(torch.arange(1))

    def __getitems__(self, indices: list[int]) -> Batch:
        sample = torch.as_tensor(indices)
        return Batch(
            self.inputs(sample),
            self.labels[sample],
            self.sites[sample],
            sample,
            self.slopes(sample),
        )


class FieldDataset(ExtensiveDataset):
    """Fields (N, C, *L), in memory or in a file, all of one size.

    Args:
        fields: (N, C, *L).
        labels: (N, outputs), physical units.
        derivative: of the first output by the fields, (N, C, *L); None where it is not known.

    Example:
        >>> dataset = FieldDataset(torch.zeros(5, 1, 8, 8), torch.zeros(5, 1))
        >>> dataset.sites.tolist()
        [64, 64, 64, 64, 64]
    """

    def __init__(
        self,
        fields: Tensor | StoredFields,
        labels: Tensor,
        derivative: Tensor | StoredFields | None = None,
    ) -> None:
        super().__init__(labels, torch.full((len(labels),), prod(fields.shape[2:])))
        self.fields, self.derivative = fields, derivative

    def inputs(self, sample: Tensor) -> Tensor:
        return _floating(self.fields[sample])

    def slopes(self, sample: Tensor) -> dict[str, Tensor]:
        known = self.derivative
        return {} if known is None else {"derivative": _floating(known[sample])}

    @cached_property
    def values_seen(self) -> SeenValues:
        """The values of the fields, of as many evenly spaced ones as are read in a moment."""
        count = max(1, min(len(self), SEEN // prod(self.fields.shape[1:])))
        return SeenValues.of(self.inputs(torch.linspace(0, len(self) - 1, count).long()))


def _floating(numbers: Tensor) -> Tensor:
    return numbers.double() if numbers.dtype in WIDE else numbers.float()


class EveryOther(Sampler[int]):
    """One process's share of a split for evaluation: no sample twice, none left out.

    Example:
        >>> list(EveryOther(5, rank=1, world_size=2))
        [1, 3]
    """

    def __init__(self, length: int, rank: int, world_size: int) -> None:
        self.share = range(rank, length, world_size)

    def __iter__(self) -> Any:
        return iter(self.share)

    def __len__(self) -> int:
        return len(self.share)
