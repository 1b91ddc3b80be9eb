"""How a file is read: said in a line, and asked for where two readings are plausible."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ednn.core.errors import InputError
from ednn.data.fields.layout import bring_first, channel_axis, find_layout, refuse_flat
from tests.data.fields.own_files import COUNT, RNG, ready, write

READINGS = [
    ((8, 8), {}, "60 fields of 8 × 8 pixels, 1 channel,"),
    ((8, 8, 3), {}, "60 fields of 8 × 8 pixels, 3 channels (last axis),"),
    ((3, 8, 8), {}, "60 fields of 8 × 8 pixels, 3 channels (axis 1),"),
    ((24, 8, 8), {"channels_first": True}, "60 fields of 8 × 8 pixels, 24 channels (axis 1),"),
    ((20, 6), {"dims": 1, "channels_first": False}, "60 fields of 20 pixels, 6 channels (last"),
    ((64,), {"sides": [8, 8]}, "60 fields of 8 × 8 pixels (flat in the file, row by row), 1 ch"),
    ((64, 3), {"sides": [4, 4, 4]}, "60 fields of 4 × 4 × 4 pixels (flat in the file, row by row"),
]


@pytest.mark.parametrize(("shape", "told", "words"), READINGS)
def test_the_reading_is_said(
    shape: tuple[int, ...], told: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.h5", images=np.ones((COUNT, *shape)), labels=np.ones((COUNT, 2)))
    reading = ready(path, **told).reading
    assert reading.startswith(f"{path}: {words}")
    assert reading.endswith(", labels 'labels' (2 outputs)")


QUESTIONS = [
    ((24, 8, 8), 2, r"give data.channels_first=true or false, .* \(true: 24 channels on 8 × 8 si"),
    ((201, 64), 1, "true: 201 channels on 64 sites; false: 64 channels on 201 sites"),
    ((3, 5, 4), 2, "don't show where their channels stand"),
    ((4, 8, 4), 2, "don't show where their channels stand"),
    ((64,), 2, r"data\.sides=\[8,8\] or data\.sides=\[4,4,4\], or data\.dims=1 if they are chains"),
    ((64, 1), 2, r"are flat: their 64 sites .* data\.sides=\[8,8\]"),
    ((1, 27), 3, r"data\.sides=\[3,3,3\]"),
    ((60,), 2, "are flat: their 60 sites stand in one axis"),
]


@pytest.mark.parametrize(("shape", "dims", "words"), QUESTIONS)
def test_what_may_be_read_in_two_ways_is_asked_for(
    shape: tuple[int, ...], dims: int, words: str
) -> None:
    with pytest.raises(InputError, match=words) as error:
        find_layout((200, *shape), dims, None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("shape", "sides", "words"),
    [
        ((64,), [8, 9], r"72 sites in one axis, .* \(60, 64\); give data\.sides=\[8,8\]"),
        ((8, 8), [8, 8], "give others, or leave data.sides out"),
        ((64,), "8x8", "data.sides=8x8 is not possible"),
        ((64,), [8, 8.5], r"data\.sides=\[8, 8\.5\] is not possible"),
        ((64,), [2, 2, 4, 4], "one to three whole numbers"),
        ((64,), [], "one to three whole numbers"),
    ],
)
def test_sides_that_do_not_fit(
    shape: tuple[int, ...], sides: Any, words: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.h5", images=np.ones((COUNT, *shape)), labels=np.ones(COUNT))
    with pytest.raises(InputError, match=words):
        ready(path, sides=sides)


@pytest.mark.parametrize("kept", [True, False])
def test_flat_fields_are_lattices_row_by_row(
    kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kept:
        monkeypatch.setattr("ednn.data.fields.own.IN_MEMORY", 0)
    images = RNG.normal(size=(COUNT, 3, 4, 6))
    last = np.moveaxis(images, 1, -1).reshape(COUNT, 24, 3)
    path = write(tmp_path / "a.h5", last=last, labels=np.ones(COUNT))
    write(path, first=images.reshape(COUNT, 3, 24), one=images[:, 0].reshape(COUNT, 24))
    for name, wanted in (("last", images), ("first", images), ("one", images[:, :1])):
        data = ready(path, x=name, sides=[4, 6])
        np.testing.assert_array_equal(data.dataset.inputs(torch.arange(COUNT)), wanted)
        assert (data.info.dims, data.dataset.sites[0]) == (2, 24)


def test_a_lattice_of_one_site_is_not_flat() -> None:
    refuse_flat((5, 1, 1), dims=2)
    assert bring_first(np.ones((5, 1, 1)), axis=None).shape == (5, 1, 1, 1)


@pytest.mark.parametrize("sides", [(), (3, 3)])
def test_numbers_alone_are_no_fields(sides: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"Fields of shape \(60,\) don't fit"):
        channel_axis((60,), 2, 1, sides=sides)
