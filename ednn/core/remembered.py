"""What was made of a tensor, for as long as the tensor lives: an optimizer may show it again."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

Made = TypeVar("Made")
MADE: Any = WeakTensorKeyDictionary()  # by tensors, which are not kept alive


def remembered(tensor: Tensor, what: Hashable, make: Callable[[], Made]) -> Made:
    """Return what is made of a tensor, which is made again only if the tensor has changed since.

    L-BFGS evaluates one batch some twenty times in a step. Without gradients a tensor is seen once,
    and nothing is kept.

    Args:
        tensor: whose values alone decide what is made.
        what: names it among all that is made of the tensor.
        make: makes it; must not return the tensor itself, which would then live for ever.

    Example:
        >>> ones = torch.ones(3)
        >>> remembered(ones, "sum", lambda: ones.sum().item())
        3.0
        >>> remembered(ones, "sum", lambda: 0.0)
        3.0
    """
    if not torch.is_grad_enabled() or tensor.is_inference():
        return make()
    version, made = tensor._version, MADE.setdefault(tensor, {})
    if what not in made or made[what][0] != version:
        made[what] = version, make()
    return made[what][1]
