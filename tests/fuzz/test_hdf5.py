"""Random HDF5 files: fields and labels are read right, or refused in one sentence."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hypothesis.strategies as st
import numpy as np
import torch
from hypothesis import given

from ednn.data.fields.hdf5 import HDF5Data
from tests.fuzz.running import few, many, right_or_refused

TYPES = ["i1", "u1", "i2", ">i2", "u4", "i8", "f2", "f4", ">f4", "f8", ">f8", "?", "c8"]
STORAGE: list[dict[str, Any]] = [
    {},
    {"chunks": True},
    {"chunks": True, "compression": "gzip"},
    {"chunks": True, "shuffle": True, "fletcher32": True, "compression": "lzf"},
]
TOLD = {"unit": "eV", "site": "site", "val": 0.2, "test": 0.2}
SHARED: dict[str, Any] = {**TOLD, "x": "x", "y": "y", "batch_size": 2, "workers": 0, "seed": 0}


@dataclass
class Stored:
    """Fields as they are meant, (N, C, *L), and how a file holds them."""

    meant: np.ndarray
    place: str  # of the channels: "none", "first" or "last"
    flat: bool
    options: dict[str, Any]  # of the dataset
    scale: tuple[float, float] | None  # scale_factor and add_offset
    missing: str  # "nothing", "chunk", "nan" or "fill"
    labels: np.ndarray
    told: dict[str, Any]  # settings of the data set


@st.composite
def stored(draw: st.DrawFn) -> Stored:
    dims = draw(st.integers(1, 3))
    place = draw(st.sampled_from(["none", "first", "last"]))
    channels = 1 if place == "none" else draw(st.integers(1, 6))
    count = draw(st.integers(3, 12))
    sides = draw(st.lists(st.sampled_from([2, 3, 4, 8, 9]), min_size=dims, max_size=dims))
    kind = np.dtype(draw(st.sampled_from(TYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    meant = rng.integers(0, 2 if kind.kind == "b" else 100, (count, channels, *sides)).astype(kind)
    flat = draw(st.booleans()) and dims > 1
    options = draw(st.sampled_from(STORAGE))
    scale = draw(st.sampled_from([None, None, (0.5, 10.0)]))
    missing = draw(st.sampled_from(["nothing", "nothing", "chunk", "nan", "fill"]))
    shape = draw(st.sampled_from([(count,), (count, 1), (1, count), (count, 3), (count + 1,), ()]))
    labels = rng.integers(-50, 50, shape).astype(draw(st.sampled_from(["i4", "f4", ">f8", "?"])))
    dims_told = draw(st.sampled_from([dims, dims, dims, dims + 1, 2]))
    told = {
        "dims": min(dims_told, 3),
        "channels_first": draw(st.sampled_from([None, None, True, False])),
        "sides": draw(st.sampled_from([None, sides])),
    }
    return Stored(meant, place, flat, options, scale, missing, labels, told)


def write(case: Stored, path: Path) -> bool:
    """Write a case; tells whether some of it isn't there."""
    values = case.meant
    if case.flat:
        values = values.reshape(*values.shape[:2], -1)
    if case.place == "none":
        values = values[:, 0]
    elif case.place == "last":
        values = np.moveaxis(values, 1, -1)
    gone = False
    with h5py.File(path, "w") as file:
        file["y"] = case.labels
        if case.missing == "chunk" and case.options:
            options = case.options | {"chunks": (1, *values.shape[1:])}
            data = file.create_dataset("x", values.shape, values.dtype, **options)
            data[:-1] = values[:-1]
            gone = True
        else:
            data = file.create_dataset("x", data=values, **case.options)
        if case.missing == "nan" and values.dtype.kind == "f":
            data[1] = np.nan
            gone = True
        if case.missing == "fill" and values.dtype.kind in "iu":
            data.attrs["_FillValue"] = values.dtype.type(values.flat[-1])
            gone = True
        if case.scale:
            data.attrs["scale_factor"], data.attrs["add_offset"] = case.scale
    return gone


def meaning(case: Stored) -> np.ndarray:
    """The fields (N, C, *L) that a case means, in double precision."""
    values = case.meant.astype(np.float64)
    return values if case.scale is None else values * case.scale[0] + case.scale[1]


def check(case: Stored, folder: Path) -> bool:
    """Tell whether a file is accepted, and then read right; any other is refused."""
    path = folder / "a.h5"
    path.unlink(missing_ok=True)
    gone = write(case, path)
    with right_or_refused():
        data = HDF5Data(str(path), **SHARED, **case.told)
        data.setup()
        fields = data.dataset.inputs(torch.arange(len(data.dataset)))
        labels = data.dataset.labels.numpy()
        splits = np.concatenate(list(data.splits.values()))
        assert not gone, "what isn't there was read"
        assert case.meant.dtype.kind != "c", "the imaginary part was dropped"
        assert sorted(splits) == list(range(len(case.meant)))
        np.testing.assert_array_equal(labels, case.labels.reshape(len(case.meant), -1))
        assert len(data.reading) > 20
        if clear(case):
            np.testing.assert_array_equal(fields.double().numpy(), meaning(case))
        return True
    return False


def clear(case: Stored) -> bool:
    """Tell whether the user said, or the shape shows, how the fields are meant."""
    channels, sides = case.meant.shape[1], case.meant.shape[2:]
    if case.flat:
        return case.told["sides"] is not None and case.place == "none"
    if case.told["sides"] is not None or case.told["dims"] != len(sides):
        return False
    if case.place == "none":
        return True
    said = {"first": True, "last": False}[case.place]
    return case.told["channels_first"] == said or (
        case.told["channels_first"] is None and channels <= 4 and min(sides) >= 8
    )


def test_a_few_files(tmp_path: Path) -> None:
    accepted = []

    @few(60)
    @given(stored())
    def read(case: Stored) -> None:
        accepted.append(check(case, tmp_path))

    read()
    assert sum(accepted) > len(accepted) / 4


@many(30_000)
@given(stored())
def test_many_files(tmp_path_factory: Any, case: Stored) -> None:
    check(case, tmp_path_factory.getbasetemp())
