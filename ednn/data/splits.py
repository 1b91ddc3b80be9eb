"""Shares of a data set for testing, validation and training."""

from collections.abc import Mapping
from typing import Any

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
            f"data.val={val} and data.test={test} are not possible; give shares of at least 0 "
            f"that leave something of 1 to train on."
        )
    return {"test": test, "val": val}


def require_same_test(trained_on: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Make sure that a model which was trained on the same samples has not seen the test split.

    Args:
        trained_on, own: `settings` of both data sets, with `seed` and `splits`: shares, or a word.

    Raises:
        InputError: the test splits differ.
    """
    before, here = map(_test_split, (trained_on, own))
    if before != here:
        raise InputError(
            f"The checkpoint was trained on other splits of these samples, so it knows part of the "
            f"test split here ({here}); give the data settings that it was trained with: {before}."
        )


def _test_split(settings: Mapping[str, Any]) -> str:
    splits = settings["splits"]
    if isinstance(splits, str):
        return splits
    return f"data.seed={settings['seed']} data.test={splits['test']}"


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
