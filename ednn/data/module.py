"""What every data set shares: a cached file made once, seeded splits, vectorised loaders."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, DistributedSampler, Subset

from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo
from ednn.data.loading import loader
from ednn.data.resuming import Remembered
from ednn.data.samples import Batch, EveryOther, ExtensiveDataset

SPLITS = ("train", "val", "test")


class ExtensiveData(Remembered):
    """Base of all data sets: a child says what file it needs and how to make it.

    Args:
        batch_size: training examples per optimizer step, over all processes together.
        workers: loader processes; 0 loads in the training process.
        seed: seed of the generator, the splits and the order of the training examples.
        cache: folder of generated files.

    Example:
        >>> from ednn.data.fields.ising import IsingData
        >>> shared = {"batch_size": 10, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> data = IsingData(L=8, dims=2, J=1.0, n_train=100, n_val=10, n_test=10, **shared)
        >>> isinstance(data, ExtensiveData), data.share(processes=2)
        (True, 5)
    """

    splits: dict[str, np.ndarray]

    def __init__(self, batch_size: int, workers: int, seed: int, cache: str) -> None:
        super().__init__()
        require_whole(batch_size=batch_size, least=1)
        require_whole(workers=workers)
        self.batch_size, self.workers, self.seed = batch_size, workers, seed
        self.cache = Path(cache)

    @property
    @abstractmethod
    def info(self) -> DatasetInfo:
        """What a model has to know of these data."""

    @property
    def kind(self) -> str:
        """The name by which checkpoints know the kind of data that they were trained on."""
        return type(self).__name__

    @property
    def reading(self) -> str:
        """How a user's own file is read, to be said once; empty where there is no question."""
        return ""

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

    def same_samples(self, trained_on: dict[str, Any]) -> bool:
        """Tell whether a model trained on other settings of this set may know samples of it."""
        return False

    def require_seen(self, info: DatasetInfo) -> None:
        """Refuse samples that are unlike all that a model was trained on.

        Args:
            info: of its training data.
        """

    def go_on_from(self, info: DatasetInfo) -> None:
        """Lay pixels as a checkpoint's data has them, if nothing is said; refuse other lengths."""

    def orient(self, info: DatasetInfo, splits: Sequence[str] = ("test",)) -> str:
        """Turn samples as those stand that a model was trained on, if need be.

        Args:
            info: of its training data.
            splits: whose samples.

        Returns:
            What was done, if anything.
        """
        return ""

    def train_dataloader(self) -> DataLoader[Batch]:
        rank, world = self._process()
        part = self.part("train")
        # The order depends on (seed, epoch) alone, so a resumed run sees what it would have seen.
        order: DistributedSampler[Batch] = DistributedSampler(
            part, world, rank, shuffle=True, seed=self.seed
        )
        return loader(part, order, self.share(world), self.workers)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self.evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        return self.evaluation_loader("test")

    def evaluation_loader(self, split: str) -> DataLoader[Batch]:
        """Return a split in its own order, no sample twice."""
        rank, world = self._process()
        part = self.part(split)
        sampler = EveryOther(len(part), rank, world)
        return loader(part, sampler, max(1, self.batch_size // world), self.workers)

    def part(self, split: str) -> Subset[Batch]:
        """Return one split.

        Raises:
            InputError: it is empty.
        """
        if not len(self.splits[split]):
            raise InputError(
                f"The {split} split of {self.path} is empty ({len(self.dataset)} samples in all); "
                f"give more samples, or a larger data.{split}=…."
            )
        return Subset(self.dataset, self.splits[split].tolist())

    def _process(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


def require_whole(least: int = 0, **values: int) -> None:
    """Refuse what is not a whole number of at least `least`.

    Raises:
        InputError: names the setting and its value.

    Example:
        >>> require_whole(least=1, batch_size=0)
        Traceback (most recent call last):
        ednn.core.errors.InputError: data.batch_size=0 is not possible; give a whole number ...
    """
    for name, value in values.items():
        if not isinstance(value, int) or value < least:
            raise InputError(
                f"data.{name}={value} is not possible; give a whole number of at least {least}."
            )
