"""Loaders of whole batches, in this process or in others that share memory with it."""

import errno
from typing import Any

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch.utils.data import DataLoader, Sampler, Subset, get_worker_info

from ednn.core.errors import InputError
from ednn.data.samples import Batch


def loader(
    part: Subset[Batch], sampler: Sampler[Any], size: int, workers: int
) -> DataLoader[Batch]:
    """Return a loader of batches of a split.

    Args:
        part: the split.
        sampler: order of its samples.
        size: samples of a batch.
        workers: processes; 0 loads in this one.

    Raises:
        InputError: when it is used: its processes find no room in the shared memory.

    Example:
        >>> from torch.utils.data import SequentialSampler
        >>> from ednn.data.samples import FieldDataset
        >>> part = Subset(FieldDataset(torch.zeros(5, 1, 8, 8), torch.zeros(5, 1)), range(3))
        >>> [len(batch.target) for batch in loader(part, SequentialSampler(part), 2, workers=0)]
        [2, 1]
    """
    return _Loader(
        part,
        batch_size=size,
        sampler=sampler,
        collate_fn=_as_fetched,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


class _Loader(DataLoader[Batch]):
    """Says in one sentence if there is no shared memory for its processes."""

    def __iter__(self) -> Any:
        try:
            return super().__iter__()
        except OSError as error:  # the locks of its queues lie there, too
            if error.errno != errno.ENOSPC:
                raise
            raise _no_shared_memory(error) from error


def _as_fetched(batch: Any) -> Any:
    """Leave a batch alone: `ExtensiveDataset.__getitems__` has already collated it.

    A loader process puts it into shared memory here. Left to torch, that happens in a thread whose
    errors reach nobody: the training would wait for ever.

    Raises:
        InputError: there is no room in the shared memory.
    """
    if get_worker_info() is None:
        return batch
    try:
        return apply_to_collection(batch, torch.Tensor, torch.Tensor.share_memory_)
    except RuntimeError as error:
        raise _no_shared_memory(error) from error


def _no_shared_memory(error: Exception) -> InputError:
    return InputError(
        f"The loader processes find no room in the shared memory, /dev/shm ({error}); give "
        f"data.workers=0 or fewer, a smaller data.batch_size, or more of it (in Docker --shm-size)."
    )
