"""Pieces of a prediction: evaluated by several processes, kept, and put together at the end."""

import base64
import hashlib
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import ednn
from ednn.core.errors import InputError
from ednn.core.files import atomic
from ednn.core.terminal import Progress
from ednn.data.journal import Journal, read_journal
from ednn.inference.blocks import Block
from ednn.inference.processes import Processes

# What a site of a block takes while it is evaluated, at most: the values as they are stored and as
# the model takes them, copies of them with context, and numbers of distinct tiles.
BYTES_PER_SITE = 96
BYTES_PER_CONTRIBUTION = (
    32  # a contribution: as a number, in double precision, and on its way to the file
)
BY_GRADIENT = 64  # times the memory of a site, for what a gradient keeps
RESERVE = 0.8  # GB, for torch and the activations, which don't grow with the block

Arrays = dict[str, np.ndarray]


class Piece(NamedTuple):
    """Some samples as a whole, or a block of one sample.

    Example:
        >>> Piece(slice(3, 4), (slice(0, 2), slice(2, 4))).position()
        (slice(3, 4, None), slice(0, 2, None), slice(2, 4, None))
    """

    samples: slice
    block: Block | None = None

    def position(self) -> tuple[slice, ...]:
        """Where its contributions stand among all, (N, *grid, outputs)."""
        return (self.samples, *(self.block or ()))


class Job(ABC):
    """What is to be predicted, in pieces that don't know of each other.

    Attributes:
        pieces: all of them.
        shape: numbers of samples and of outputs.

    Example:
        >>> class Ones(Job):
        ...     pieces, shape = [Piece(slice(0, 2))], (2, 1)
        ...     def evaluate(self, piece):
        ...         return {"contributions": np.ones((2, 4, 4, 1))}
        >>> Ones().evaluate(Piece(slice(0, 2)))["contributions"].sum()
        np.float64(32.0)
    """

    pieces: list[Piece]
    shape: tuple[int, int]

    @abstractmethod
    def evaluate(self, piece: Piece) -> Arrays:
        """Return `contributions` (B, *tiles, outputs), and whatever else is to be kept.

        Where the model knows how uncertain it is, that is `deviation` (B, outputs) of whole
        samples, and `features` (1, features) of a block.
        """


def sites_at_once(memory: float, channels: int, contributions: float, loaded: int = 0) -> int:
    """Tell how large a block may be for a process to stay within `memory` GB.

    Args:
        memory: of a process, in GB.
        channels: of the field.
        contributions: per site of the field.
        loaded: bytes of the input that are in memory all the time.

    Raises:
        InputError: there is no room at all.

    Example:
        >>> sites_at_once(memory=2, channels=1, contributions=0.25)
        11538461
    """
    free = (memory - RESERVE) * 1e9 - loaded
    if free <= 0:
        raise InputError(
            f"memory={memory} (GB) leaves no room for a block; torch and the input alone take "
            f"{RESERVE + loaded / 1e9:.2g} GB, so give more."
        )
    return int(free / (BYTES_PER_SITE * channels + BYTES_PER_CONTRIBUTION * contributions))


def evaluate_all(
    job: Job, folder: Path, settings: Mapping[str, Any], group: Processes
) -> np.ndarray:
    """Evaluate what is not finished yet, and return the sum for each sample, (N, outputs).

    The first process deals out what is missing; the sums are all that the others tell it.

    Args:
        job: what is to be predicted.
        folder: of what is finished.
        settings: all that the pieces depend on.
        group: this process among all of them.

    Raises:
        InputError: the folder is of other settings, or the work cannot be done.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from ednn.inference.processes import processes
        >>> class Ones(Job):
        ...     pieces, shape = [Piece(slice(0, 1)), Piece(slice(1, 2))], (2, 1)
        ...     def evaluate(self, piece):
        ...         return {"contributions": np.ones((1, 4, 4, 1))}
        >>> with TemporaryDirectory() as folder, processes() as group:
        ...     evaluate_all(Ones(), Path(folder, "parts"), {}, group).tolist()
        [[16.0], [16.0]]
    """
    total = _Sum(job.shape)
    missing = set(range(len(job.pieces)))
    if group.first:
        _prepare(folder, [settings, ednn.__version__, repr(job.pieces)])
        for number, arrays in finished(folder):
            missing.remove(number)
            total.add(job.pieces[number], arrays)
    mine = sorted(group.tell(missing))[group.rank :: group.world]
    with Journal(folder / f"journal.{group.rank}") as journal:
        for number in Progress(mine, desc="Predicting", unit="piece", disable=not group.first):
            arrays = job.evaluate(job.pieces[number])
            journal.append({"piece": number, **_encode(arrays)})
            total.add(job.pieces[number], arrays)
    both = group.add(torch.from_numpy(np.stack([total.sum, total.lost])))  # (2, N, outputs)
    return both.sum(0).numpy()


def finished(folder: Path) -> Iterator[tuple[int, Arrays]]:
    """Yield the number and the arrays of every piece that is finished, in any order.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with Journal(Path(folder, "journal.0")) as journal:
        ...         journal.append({"piece": 5, **_encode({"contributions": np.ones(3)})})
        ...     [(n, arrays["contributions"].shape) for n, arrays in finished(Path(folder))]
        [(5, (3,))]
    """
    for path in sorted(folder.glob("journal.*")):
        for record in read_journal(path):
            yield record.pop("piece"), _decode(record)


def _prepare(folder: Path, settings: Any) -> None:
    digest = hashlib.sha256(json.dumps(settings).encode()).hexdigest()
    path = folder / "settings"
    if path.exists() and path.read_text() != digest:
        done = sum(1 for _ in finished(folder))
        if done:
            raise InputError(
                f"{folder} holds {done} finished piece(s) of another input or other "
                f"settings; repeat that command to go on with them, or delete the folder."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_text(digest)


class _Sum:
    """Sums over the pieces for each sample, in double precision and compensated (Neumaier)."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.sum, self.lost = np.zeros(shape), np.zeros(shape)

    def add(self, piece: Piece, arrays: Arrays) -> None:
        shares = arrays["contributions"].astype(np.float64)  # (B, *tiles, outputs)
        value = shares.sum(tuple(range(1, shares.ndim - 1)))  # (B, outputs)
        before = self.sum[piece.samples]
        after = before + value
        larger, smaller = (
            np.where((np.abs(before) >= np.abs(value)) == first, before, value)
            for first in (True, False)
        )
        self.lost[piece.samples] += (larger - after) + smaller
        self.sum[piece.samples] = after


def _encode(arrays: Arrays) -> dict[str, Any]:
    return {
        name: [str(a.dtype), a.shape, base64.b64encode(a.tobytes()).decode()]
        for name, a in arrays.items()
    }


def _decode(record: Mapping[str, Any]) -> Arrays:
    return {
        name: np.frombuffer(base64.b64decode(data), dtype).reshape(shape)
        for name, (dtype, shape, data) in record.items()
    }
