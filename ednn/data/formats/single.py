"""What a library gives sample by sample, indexed like one array."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np


class Samples(ABC):
    """Samples of one shape; a child reads one of them.

    Args:
        shape: (N, …).
        dtype: of the numbers.

    Example:
        >>> class Numbered(Samples):
        ...     def sample(self, number):
        ...         return np.full(self.shape[1:], number)
        >>> Numbered((9, 4), np.dtype(int))[2:4, 1:3].tolist()
        [[2, 2], [3, 3]]
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape, self.dtype = shape, dtype

    @abstractmethod
    def sample(self, number: int) -> np.ndarray:
        """Read one of them."""

    def __getitem__(self, where: Any) -> np.ndarray:
        samples, *part = where if isinstance(where, tuple) else (where,)
        if not isinstance(samples, slice):
            return self.sample(int(samples))[tuple(part)]
        rows = range(*samples.indices(self.shape[0]))
        empty = np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), *part)]
        return np.stack([self.sample(i)[tuple(part)] for i in rows]) if rows else empty
