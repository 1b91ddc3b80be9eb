"""Pixels of a volume that are as fine as those of a sheet are warned of."""

import warnings

import pytest

from ednn.data.structures.pixels import warn_of_fine_pixels


def test_fine_pixels_are_warned_of_in_a_volume_alone() -> None:
    with pytest.warns(UserWarning, match=r"own\.extxyz: in a volume, pixels of 0\.23 Å"):
        warn_of_fine_pixels((0.6, 0.6, 0.23), "own.extxyz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_fine_pixels((0.2, 0.2), "own.extxyz")
        warn_of_fine_pixels((0.6, 0.6, 0.6), "own.extxyz")
