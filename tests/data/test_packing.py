"""Packed numbers, and those that attributes mark as missing."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from ednn.core.errors import InputError
from tests.data.fields.own_files import COUNT, RNG, ready, write

RAW = RNG.integers(-100, 100, (COUNT, 4, 6)).astype("i2")


def packed(path: Path, values: np.ndarray, name: str = "images", **attributes: Any) -> Path:
    other = {"images": np.ones((COUNT, 4, 6)), "labels": np.ones(COUNT)}
    write(path, **other | {name: values})
    with h5py.File(path, "a") as file:
        file[name].attrs.update(attributes)
    return path


@pytest.mark.parametrize("kept", [True, False])
def test_packed_fields_and_labels_are_unpacked(
    kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kept:
        monkeypatch.setattr("ednn.data.fields.own.IN_MEMORY", 0)
    packing: dict[str, Any] = {"scale_factor": np.array([0.5], "f4"), "add_offset": 273.0}
    data = ready(packed(tmp_path / "a.nc", RAW.astype(">i2"), **packing, valid_min=np.int16(-100)))
    np.testing.assert_array_equal(data.dataset.inputs(torch.arange(9))[:, 0], RAW[:9] * 0.5 + 273)
    assert "1 channel, unpacked by scale_factor=0.5 and add_offset=273.0, labels" in data.reading
    data = ready(packed(tmp_path / "b.nc", RAW[:, 0, 0], "labels", scale_factor=0.1))
    np.testing.assert_array_equal(data.dataset.labels[:, 0], RAW[:, 0, 0] * 0.1)


def test_signed_bytes_may_stand_for_unsigned_ones(tmp_path: Path) -> None:
    values = RNG.integers(0, 256, RAW.shape).astype("u1")
    data = ready(packed(tmp_path / "a.nc", values.view("i1"), _Unsigned="true"))
    np.testing.assert_array_equal(data.dataset.inputs(torch.arange(COUNT))[:, 0], values)


MISSING = [
    ({"_FillValue": np.int16(500)}, r"holds 500 \(its _FillValue\)"),
    ({"missing_value": [1e20, 500.0]}, r"holds 500 \(its missing_value\)"),
    ({"valid_range": np.array([-100, 100], "i2")}, "outside its valid range -100.0 to 100.0"),
    ({"valid_max": np.int16(100), "_FillValue": np.int16(-999)}, "outside its valid range"),
    ({"valid_max": 25.0, "scale_factor": 0.25}, "outside its valid range -inf to 100.0"),
]


@pytest.mark.parametrize(("attributes", "words"), MISSING)
@pytest.mark.parametrize("name", ["images", "labels"])
def test_a_missing_value_is_refused_with_its_place(
    name: str, attributes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    values = RAW.copy() if name == "images" else RAW[:, 0, 0].copy()
    values[17, ...] = 500
    path = packed(tmp_path / "a.nc", values, name, **attributes)
    with pytest.raises(InputError, match=rf"a\.nc: {name} .*{words}.* in sample 17 \(position"):
        ready(path)


def test_the_fill_value_of_netcdf_itself_is_missing(tmp_path: Path) -> None:
    """Its library writes it where nothing was, and need not name it in an attribute."""
    fill = np.float32(9.96921e36)
    values = RAW.astype("f4")
    values[3, 2, 1] = fill
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file.create_dataset("images", data=values, fillvalue=fill)
        file["labels"] = np.ones(COUNT)
    ready(tmp_path / "a.nc")  # the same number in any other file is a number
    with h5py.File(tmp_path / "a.nc", "a") as file:
        file.attrs["_NCProperties"] = "version=2,netcdf=4.9.2,hdf5=1.14.3"
    with pytest.raises(InputError, match=r"\(its fill value\) in sample 3 \(position \(3, 2, 1\)"):
        ready(tmp_path / "a.nc")
