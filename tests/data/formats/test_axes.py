"""What files say beside the numbers: names of axes, spacings, units, packing, splits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

from ednn.core.errors import InputError
from ednn.data.module import SPLITS
from tests.data.formats.files import COUNT, ENERGY, IMAGES, RNG, dataset, netcdf3, npy, ready

VALUES = RNG.normal(size=(COUNT, 4, 6, 4)).astype(np.float32)
WRITERS = {
    "netCDF-3": lambda d, p: d.to_netcdf(p, engine="scipy", format="NETCDF3_CLASSIC"),
    "netCDF-4": lambda d, p: d.to_netcdf(p, engine="h5netcdf"),
    "Zarr 2": lambda d, p: d.to_zarr(p, zarr_format=2, consolidated=False),
    "Zarr 3": lambda d, p: d.to_zarr(p, zarr_format=3, consolidated=False),
}
every_writer = pytest.mark.parametrize("kind", WRITERS)


@every_writer
@pytest.mark.parametrize("first", [True, False])
def test_a_dimension_called_channel_holds_the_channels(
    kind: str, first: bool, tmp_path: Path
) -> None:
    names = ("time", "Channel", "y", "x") if first else ("time", "y", "x", "Channel")
    contents = dataset().drop_vars(["image", "x", "y"]).assign(image=(names, VALUES))
    contents = contents.rename(sample="time")
    WRITERS[kind](contents, tmp_path / "a")
    data = ready(tmp_path / "a")
    wanted = VALUES if first else np.moveaxis(VALUES, -1, 1)
    np.testing.assert_array_equal(data.dataset.inputs(torch.arange(COUNT)), wanted)
    assert data.info.channels_first == first
    assert data.info.spacing == ()


@every_writer
def test_spacing_and_units_are_read(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](dataset(), tmp_path / "a")
    data = ready(tmp_path / "a")
    assert data.info.spacing == (0.5, 0.25)
    assert data.info.outputs[0].unit_per_site == "meV per pixel"
    assert ready(tmp_path / "a", unit="J").info.outputs[0].unit == "J"


@pytest.mark.parametrize(
    "x",
    [
        ("x", np.arange(6.0) ** 2, {"units": "m"}),
        ("x", np.arange(6.0), {"units": "km"}),
        ("x", np.arange(6.0), {"units": "degrees_east"}),
    ],
    ids=["uneven", "another unit", "angles"],
)
def test_no_spacing_is_better_than_a_wrong_one(x: tuple[object, ...], tmp_path: Path) -> None:
    WRITERS["netCDF-3"](dataset(x=x), tmp_path / "a")
    assert ready(tmp_path / "a").info.spacing == ()


@every_writer
def test_packed_numbers_are_unpacked_and_missing_ones_refused(kind: str, tmp_path: Path) -> None:
    packed = {"dtype": "i2", "scale_factor": 0.5, "add_offset": 3.0, "_FillValue": -9}
    for name, hole in (("whole", 1.0), ("holed", np.nan)):
        values = IMAGES.astype(float)
        values[5, 2, 1] = hole
        contents = dataset(image=(("sample", "y", "x"), values))
        contents["image"].encoding = packed
        WRITERS[kind](contents, tmp_path / name)
    inputs = ready(tmp_path / "whole").dataset.inputs(torch.arange(5))
    np.testing.assert_array_equal(inputs[:, 0], IMAGES[:5])
    with pytest.raises(InputError, match=r"image holds -9 \(its _FillValue\) in sample 5 "):
        ready(tmp_path / "holed")


def test_what_was_never_written_of_a_classic_file_is_missing(tmp_path: Path) -> None:
    contents = dataset()
    contents["image"].encoding["_FillValue"] = None
    contents["image"][4, 3, 2] = 9.969209968386869e36  # netCDF's own fill value
    WRITERS["netCDF-3"](contents, tmp_path / "a.nc")
    with pytest.raises(InputError, match=r"\(its fill value\) in sample 4 \(position \(4, 3, 2\)"):
        ready(tmp_path / "a.nc")


def test_channels_between_the_sides_are_refused(tmp_path: Path) -> None:
    names = ("sample", "y", "band", "x")
    contents = dataset().drop_vars(["image", "x", "y"]).assign(image=(names, VALUES))
    WRITERS["netCDF-4"](contents, tmp_path / "a.nc")
    with pytest.raises(InputError, match="channels are between the sides"):
        ready(tmp_path / "a.nc")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_colours_and_channels_of_tiff_are_known(compression: str | None, tmp_path: Path) -> None:
    path, labels = tmp_path / "a.tif", tmp_path / "labels.npy"
    np.save(labels, ENERGY)
    colours = RNG.integers(0, 255, (COUNT, 4, 5, 3)).astype(np.uint8)
    tifffile.imwrite(path, colours, photometric="rgb", compression=compression)
    data = ready(path, labels=str(labels))
    np.testing.assert_array_equal(
        data.dataset.inputs(torch.arange(3)), colours[:3].transpose(0, 3, 1, 2)
    )
    if compression is None:
        tifffile.imwrite(path, VALUES, imagej=True, metadata={"axes": "TCYX"})
        data = ready(path, labels=str(labels))
        np.testing.assert_array_equal(data.dataset.inputs(torch.arange(3)), VALUES[:3])


def test_splits_and_several_labels_of_any_file(tmp_path: Path) -> None:
    contents: dict[str, Any] = {"fields": IMAGES, "energy": ENERGY, "two": np.ones((COUNT, 2))}
    for i, name in enumerate(SPLITS):
        contents[f"splits/{name}"] = np.array([i, i + 3])
    np.savez(tmp_path / "a.npz", **contents)
    data = ready(tmp_path / "a.npz", y=["energy", "two"])
    assert data.info.names == ("energy", "two_0", "two_1")
    assert data.splits["val"].tolist() == [1, 4]


def test_labels_of_another_file_have_the_name_that_is_told(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.stack([ENERGY, -ENERGY], axis=1))
    data = ready(npy(tmp_path), y="gap", labels=str(tmp_path / "labels.npy"))
    assert data.info.names == ("gap_0", "gap_1")
    data = ready(npy(tmp_path), labels=str(netcdf3(tmp_path)))
    assert data.info.outputs[0].unit == "meV"
