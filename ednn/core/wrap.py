"""Periodic borders of fields, whose gradients keep the memory format.

Those of torch's slices come in one format; to add them to gradients of another takes a quarter of
the backward pass of `experiment=dft` in bfloat16.
"""

from typing import Any

import torch
from torch import Tensor


def wrap(field: Tensor, axis: int, width: int) -> Tensor:
    """Repeat the ends of an axis beyond its other end: (…, L, …) → (…, L + 2 width, …).

    Args:
        field: periodic along the axis.
        axis: of the border.
        width: of the border to either side, at most L.

    Example:
        >>> wrap(torch.arange(4), axis=0, width=1).tolist()
        [3, 0, 1, 2, 3, 0]
    """
    recorded = torch.is_grad_enabled() and field.requires_grad
    if not recorded or torch.compiler.is_compiling():  # a compiler chooses formats itself
        return _Wrap.forward(field, axis, width)
    wrapped: Tensor = _Wrap.apply(field, axis, width)
    return wrapped


class _Wrap(torch.autograd.Function):
    @staticmethod
    def forward(field: Tensor, axis: int, width: int) -> Tensor:
        last = field.narrow(axis, field.shape[axis] - width, width)
        return torch.cat([last, field, field.narrow(axis, 0, width)], axis)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int, int], output: Tensor) -> None:
        ctx.border = inputs[1:]

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> Any:
        return _Fold.apply(*gradient, *ctx.border), None, None


class _Fold(torch.autograd.Function):
    """Adds a border to the ends that it repeats, which is the transpose of `wrap`."""

    @staticmethod
    def forward(padded: Tensor, axis: int, width: int) -> Tensor:
        side = padded.shape[axis] - 2 * width
        field = padded.narrow(axis, width, side).clone()
        field.narrow(axis, side - width, width).add_(padded.narrow(axis, 0, width))
        field.narrow(axis, 0, width).add_(padded.narrow(axis, width + side, width))
        return field

    setup_context = _Wrap.setup_context

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> Any:
        return _Wrap.apply(*gradient, *ctx.border), None, None
