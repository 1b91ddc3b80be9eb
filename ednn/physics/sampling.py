"""Even choices from a pool."""

import numpy as np
from numpy.typing import NDArray


def evenly(bins: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose as evenly from all bins as possible, at random within each bin.

    Rounds are made: each takes one index from every bin that has any left.

    Args:
        bins: the bin of each index, (N,).
        count: number of indices to choose.
        rng: random numbers.

    Returns:
        Indices in random order, (count,).

    Example:
        >>> bins = np.array([0, 0, 0, 0, 1, 2])
        >>> sorted(bins[evenly(bins, 4, np.random.default_rng(0))].tolist())
        [0, 0, 1, 2]
    """
    order = rng.permutation(len(bins))
    order = order[np.argsort(bins[order], kind="stable")]  # grouped by bin, shuffled inside
    grouped = bins[order]
    turn = np.arange(len(bins)) - np.searchsorted(grouped, grouped)
    first = np.lexsort((rng.random(len(bins)), turn))[:count]  # the last round is cut at random
    return rng.permutation(order[first])
