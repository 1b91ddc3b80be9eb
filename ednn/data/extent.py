"""Values in words: from the smallest to the largest."""

import numpy as np
from numpy.typing import ArrayLike


def extent(values: ArrayLike) -> str:
    """Return the smallest and the largest of some values; one, if all are the same.

    Example:
        >>> extent([3.0, 1.0, 2.0])
        '1 to 3'
    """
    low, high = np.min(values), np.max(values)
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
