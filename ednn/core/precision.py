"""Where single precision must stay single precision."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Compute in the precision of the numbers, whatever a training or a prediction asked for.

    bfloat16 and TensorFloat32 suit a network's layers, but round rendered data and totals.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
