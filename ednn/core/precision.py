"""Precision of arithmetic: full where a lower one is set, and whether a lower one is faster."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

SIDE, ROUNDS = 512, 5  # of the matrices that are multiplied, and how often: 50 ms in all
WORTH = 0.9  # gain of bfloat16 below which single precision is recommended


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Compute in the precision of the numbers, whatever lower precision is set for the rest.

    bfloat16 and TensorFloat32 are precise enough for a network's layers, but not for rendered
    fields and totals.

    Example:
        >>> one = torch.ones(2, 2)
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     low = (one @ one).dtype
        ...     with full_precision(one.device):
        ...         low, (one @ one).dtype
        (torch.bfloat16, torch.float32)
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def note_on_bfloat16(device: torch.device, instead: str) -> str | None:
    """Return a sentence where bfloat16 is slower than single precision; None elsewhere.

    Some processors have instructions for bfloat16 that take longer than those for single precision.

    Args:
        device: that computes.
        instead: the setting of single precision.

    Example:
        >>> note_on_bfloat16(torch.device("meta"), "bfloat16=false")
    """
    if device.type != "cpu" or (gain := gain_of_bfloat16()) > WORTH:
        return None
    return (
        f"bfloat16 takes {1 / gain:.1f} times as long as single precision on this processor: "
        f"{instead} is faster here."
    )


def gain_of_bfloat16() -> float:
    """Return how many times faster than in single precision this processor multiplies in bfloat16.

    Example:
        >>> gain_of_bfloat16() > 0
        True
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # whose time can be told whatever else the machine does
    try:
        single = torch.randn(SIDE, SIDE)
        matrices = single, single.bfloat16()
        turns = [[_seconds_of_product(matrix) for matrix in matrices] for _ in range(ROUNDS)]
    finally:
        torch.set_num_threads(threads)
    of_single, of_bfloat16 = (min(seconds) for seconds in zip(*turns, strict=True))
    return of_single / of_bfloat16


def _seconds_of_product(matrix: torch.Tensor) -> float:
    started = time.thread_time()
    matrix @ matrix
    return time.thread_time() - started
