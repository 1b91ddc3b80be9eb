"""Shares of a data set for testing, validation and training."""

import numpy as np

from ednn.core.errors import InputError


def require_shares(val: float, test: float) -> dict[str, float]:
    """Return the shares by the name of their split.

    Raises:
        InputError: they are not shares of 1, or leave nothing to train on.

    Example:
        >>> require_shares(val=0.1, test=0.2)
        {'test': 0.2, 'val': 0.1}
    """
    numbers = all(isinstance(share, int | float) for share in (val, test))
    if not numbers or min(val, test) < 0 or val + test >= 1:
        raise InputError(
            f"data.val={val} and data.test={test} are not possible; give shares of at least 0 "
            f"that leave something of 1 to train on."
        )
    return {"test": test, "val": val}


def by_share(position: np.ndarray, shares: dict[str, float]) -> dict[str, np.ndarray]:
    """Return the sample numbers of each split, for samples at random positions (N,) in [0, 1).

    A sample's split depends on its own position alone: it stays where it is when others are added.

    Example:
        >>> splits = by_share(np.array([0.05, 0.15, 0.5, 0.9]), {"test": 0.1, "val": 0.1})
        >>> {name: numbers.tolist() for name, numbers in splits.items()}
        {'train': [2, 3], 'val': [1], 'test': [0]}
    """
    test = shares["test"]
    val = test + shares["val"]
    return {
        "train": np.flatnonzero(position >= val),
        "val": np.flatnonzero((position >= test) & (position < val)),
        "test": np.flatnonzero(position < test),
    }
