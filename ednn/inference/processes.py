"""Several processes for one prediction, which torchrun started."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from ednn.core.errors import InputError, TrainingError
from ednn.runs.failures import end

Value = TypeVar("Value")

ENDED = (
    "This prediction was ended, or has lost another of its processes, which says why. What "
    "is finished is kept: the same command goes on from there."
)
WAIT = timedelta(days=30)  # for each other, at the end: shares may take very different times


class Processes(NamedTuple):
    """This process among all of them, and the device it computes on.

    Example:
        >>> Processes(0, 1, torch.device("cpu")).add(torch.tensor([1.5]))
        tensor([1.5000])
    """

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def add(self, values: Tensor) -> Tensor:
        """Add what every process has, (…) in double precision; they wait for each other here.

        Raises:
            TrainingError: another process is gone.
        """
        if self.world > 1:
            values = values.to(self.device)
            try:
                dist.all_reduce(values)
            except RuntimeError as error:  # of gloo or NCCL, whose connection broke
                raise TrainingError(ENDED) from error
        return values.cpu()

    def tell(self, value: Value) -> Value:
        """Return what the first process has; the others wait for it here."""
        values = [value]
        if self.world > 1:
            dist.broadcast_object_list(values, device=self.device)
        return values[0]


@contextmanager
def processes() -> Iterator[Processes]:
    """Join the processes that torchrun started; without it, this is the only one.

    Raises:
        InputError: there are fewer GPUs than processes on this machine.

    Example:
        >>> with processes() as group:
        ...     group.first, group.world
        (True, 1)
    """
    world = int(os.environ.get("WORLD_SIZE", 1))
    cuda = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", 0))
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if world == 1:
        yield Processes(0, 1, device)
        return
    if cuda:
        if local >= torch.cuda.device_count():
            raise InputError(
                f"LOCAL_RANK={local} has no GPU of its own: this machine has "
                f"{torch.cuda.device_count()}; give torchrun --nproc-per-node of that many."
            )
        torch.cuda.set_device(device)
    signal.signal(signal.SIGTERM, _leave)  # torchrun's way of ending the others
    dist.init_process_group("nccl" if cuda else "gloo", timeout=WAIT)
    try:
        yield Processes(dist.get_rank(), world, device)
    finally:
        dist.destroy_process_group()


def _leave(*_: Any) -> None:
    end(ENDED)
