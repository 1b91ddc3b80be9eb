"""Shares of a data set for testing, validation and training."""

import numpy as np

from ednn.errors import InputError


def require_shares(val: float, test: float) -> dict[str, float]:
    """Return the shares by the name of their split.

    Raises:
        InputError: they are not shares of 1, or leave nothing to train on.
    """
    numbers = all(isinstance(share, int | float) for share in (val, test))
    if not numbers or min(val, test) < 0 or val + test >= 1:
        raise InputError(
            f"data.val={val} and data.test={test} leave nothing to train on; give shares of 1."
        )
    return {"test": test, "val": val}


def by_share(place: np.ndarray, shares: dict[str, float]) -> dict[str, np.ndarray]:
    """Return the sample numbers of each split, for samples at random places (N,) in [0, 1).

    A sample's split depends on its own place alone: it stays where it is when others are added.
    """
    test = shares["test"]
    val = test + shares["val"]
    return {
        "train": np.flatnonzero(place >= val),
        "val": np.flatnonzero((place >= test) & (place < val)),
        "test": np.flatnonzero(place < test),
    }
