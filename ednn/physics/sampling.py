"""How a set is chosen from a pool."""

import numpy as np
from numpy.typing import NDArray


def evenly(bins: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose `count` indices, going round the bins and taking one at random from each in turn."""
    order = rng.permutation(len(bins))
    order = order[np.argsort(bins[order], kind="stable")]  # grouped by bin, shuffled inside
    grouped = bins[order]
    turn = np.arange(len(bins)) - np.searchsorted(grouped, grouped)
    first = np.lexsort((rng.random(len(bins)), turn))[:count]  # the last round is cut at random
    return rng.permutation(order[first])
