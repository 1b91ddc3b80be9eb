"""What every data set shares: a cached file made once, seeded splits, vectorised loaders."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Sampler, Subset

from ednn.data.fields import HDF5Fields
from ednn.errors import InputError
from ednn.spec import ATOMISTIC
from ednn.targets import standardise

SPLITS = ("train", "val", "test")


class Batch(NamedTuple):
    """What a model is given, and the truth.

    Extensive targets (B, outputs), sites (B,), sample numbers (B,), and where the set has them
    forces (B, A, 2) on the atoms.
    """

    inputs: Any  # what the model takes: fields (B, C, *L), or structures
    target: Tensor
    sites: Tensor
    sample: Tensor
    forces: Tensor | None = None


class ExtensiveDataset(Dataset[Batch]):
    """Samples that are fetched a whole batch at a time; a child says what the model is given.

    Args:
        labels: (N, outputs), physical units.
        sites: (N,), by which the totals are divided: lattice sites, or atoms.
    """

    def __init__(self, labels: Tensor, sites: Tensor) -> None:
        self.labels, self.sites = labels, sites

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def inputs(self, sample: Tensor) -> Any:
        """Return the model's inputs for sample numbers (B,)."""

    def forces(self, sample: Tensor) -> Tensor | None:
        """Return the forces (B, A, 2) on the atoms, where there are any."""
        return None

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
            self.forces(sample),
        )


class FieldDataset(ExtensiveDataset):
    """Fields (N, C, *L), in memory or in a file, all of one size."""

    def __init__(self, fields: Tensor | HDF5Fields, labels: Tensor) -> None:
        super().__init__(labels, torch.full((len(labels),), prod(fields.shape[2:])))
        self.fields = fields

    def inputs(self, sample: Tensor) -> Tensor:
        return self.fields[sample].float()


class EveryOther(Sampler[int]):
    """One process's share of a split for evaluation: no sample twice, none left out."""

    def __init__(self, length: int, rank: int, world_size: int) -> None:
        self.share = range(rank, length, world_size)

    def __iter__(self) -> Any:
        return iter(self.share)

    def __len__(self) -> int:
        return len(self.share)


class ExtensiveData(LightningDataModule):
    """Base of all data sets: a child says what file it needs and how to make it.

    Args:
        batch_size: training examples per optimizer step, over all processes together.
        workers: loader processes; 0 loads in the training process.
        seed: seed of the generator, the splits and the order of the training examples.
        cache: folder of generated files.
    """

    dims: int
    channels = 1
    alphabet: Sequence[float] | None = None  # the values of a discrete field
    outputs: Sequence[str] = ("energy",)
    unit: str
    site: str = "site"  # what one lattice site is called
    kind = "fields"  # or structures
    relative = False  # whether relative errors mean something: labels that are never near zero

    dataset: ExtensiveDataset
    splits: dict[str, np.ndarray]

    def __init__(self, batch_size: int, workers: int, seed: int, cache: str) -> None:
        super().__init__()
        require_whole(batch_size=batch_size, least=1)
        require_whole(workers=workers)
        self.batch_size, self.workers, self.seed = batch_size, workers, seed
        self.cache = Path(cache)

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that the samples and their splits depend on, as plain values."""

    @property
    @abstractmethod
    def path(self) -> Path:
        """The file that holds this data set."""

    @abstractmethod
    def read(self) -> tuple[ExtensiveDataset, dict[str, np.ndarray]]:
        """Read the samples and the sample numbers of each split."""

    def generate(self) -> None:
        """Make or extend the file.

        Raises:
            InputError: it is not ours to make.
        """
        raise InputError(f"{self.path} is your own file: there is nothing to generate.")

    def setup(self, stage: str | None = None) -> None:
        if not hasattr(self, "dataset"):
            self.dataset, self.splits = self.read()

    def state_dict(self) -> dict[str, Any]:
        return self.settings

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        own = self.settings
        other = [key for key in state_dict.keys() | own if state_dict.get(key) != own.get(key)]
        if other:
            raise InputError(
                f"The run to resume was trained on other data than {self.path}: its "
                f"{', '.join(sorted(other))} differ; give the same data, or start anew without "
                f"resume=auto."
            )

    def require_kind(self, checkpoint: Mapping[str, Any]) -> None:
        """Make sure that a checkpoint's model takes what this set holds.

        Raises:
            InputError: it takes fields instead of structures, or structures instead of fields.
        """
        target = checkpoint["hyper_parameters"]["model"]["_target_"]
        takes = "structures" if target == ATOMISTIC else "fields"
        if takes != self.kind:
            raise InputError(
                f"The checkpoint's model takes {takes}, but this data set holds {self.kind}; give "
                f"data of the kind that it was trained on."
            )

    def test_only(self, trained_on: dict[str, Any] | None) -> None:
        """Prepare a test split alone, for a model that was trained on other settings of this set.

        Args:
            trained_on: those settings; None if it was trained on another kind of data.
        """

    def share(self, processes: int) -> int:
        """Return one process's part of the batch size.

        Raises:
            InputError: the batch cannot be shared equally.
        """
        if self.batch_size % processes:
            raise InputError(
                f"data.batch_size={self.batch_size} cannot be shared by {processes} processes; "
                f"use a multiple of {processes}."
            )
        return self.batch_size // processes

    def describe(self) -> dict[str, Any]:
        """What a run's summary says of its data."""
        return {"path": str(self.path), **self.settings}

    @property
    def site_unit(self) -> tuple[str, float]:
        """Unit of the errors per site, and how many of it make one `unit`."""
        return f"{self.unit} per {self.site}".strip(), 1.0

    def errors(self) -> dict[str, Any]:
        """What `ednn.metrics.ExtensiveErrors` is made with: plain values, kept in checkpoints."""
        factor = self.site_unit[1]
        return {"names": list(self.outputs), "site_factor": factor, "relative": self.relative}

    def spec(self, model: Mapping[str, Any]) -> dict[str, Any]:
        """Complete a model's config for this data: what `ednn.spec.build` makes it from."""
        return {
            **model,
            "dims": self.dims,
            "channels": self.channels,
            "outputs": len(self.outputs),
            "alphabet": None if self.alphabet is None else list(self.alphabet),
        }

    def standardise(self, model: Any) -> None:
        """Fit a new model's shift and scale to the training split."""
        train = torch.from_numpy(self.splits["train"])
        standardise(model, self.dataset.labels[train], self.dataset.sites[train])

    def adopt(self, model: Any, checkpoint: Mapping[str, Any]) -> None:
        """Take over a model that goes on from the weights of a checkpoint.

        Raises:
            InputError: it cannot go on here, or it has seen what is test data here.
        """

    def train_dataloader(self) -> DataLoader[Batch]:
        rank, world = self._process()
        part = self.part("train")
        # The order depends on (seed, epoch) alone, so a resumed run sees what it would have seen.
        order: DistributedSampler[Batch] = DistributedSampler(
            part, world, rank, shuffle=True, seed=self.seed
        )
        return self._loader(part, order, self.share(world))

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation("test")

    def _evaluation(self, split: str) -> DataLoader[Batch]:
        rank, world = self._process()
        part = self.part(split)
        sampler = EveryOther(len(part), rank, world)
        return self._loader(part, sampler, max(1, self.batch_size // world))

    def part(self, split: str) -> Subset[Batch]:
        """Return one split.

        Raises:
            InputError: it is empty.
        """
        if not len(self.splits[split]):
            raise InputError(
                f"The {split} split of {self.path} is empty ({len(self.dataset)} samples in all); "
                f"give more samples, or a larger part of them to it."
            )
        return Subset(self.dataset, self.splits[split].tolist())

    def _loader(self, part: Subset[Batch], sampler: Sampler[Any], size: int) -> DataLoader[Batch]:
        return DataLoader(
            part,
            batch_size=size,
            sampler=sampler,
            collate_fn=_as_fetched,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def _process(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


def _as_fetched(batch: Any) -> Any:
    """Leave a batch alone: `ExtensiveDataset.__getitems__` has already collated it."""
    return batch


def require_whole(least: int = 0, **values: int) -> None:
    """Refuse what is not a whole number of at least `least`.

    Raises:
        InputError: names the setting and its value.
    """
    for name, value in values.items():
        if not isinstance(value, int) or value < least:
            raise InputError(
                f"data.{name}={value} is not possible; give a whole number of at least {least}."
            )
