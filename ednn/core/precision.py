"""Full single precision, where a lower precision is set for the rest."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
