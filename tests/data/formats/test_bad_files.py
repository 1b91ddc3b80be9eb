"""Bad files of every format are refused in one sentence."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from ednn.core.errors import InputError
from ednn.data.formats.opening import open_labels, open_source
from tests.data.formats.files import (
    COUNT,
    ENERGY,
    FORMATS,
    IMAGES,
    dataset,
    npy,
    ready,
    table,
    write_chgcar,
    write_cube_file,
    written,
)


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_another_name_is_refused_with_those_there_are(write: Any, tmp_path: Path) -> None:
    path, labels = written(write, tmp_path)
    words = "holds one array, which has no name, not 'cats'; leave data.x out"
    words = words if labels else "has no (array|dataset) 'cats'; it has .*image.*in data.x=…"
    with pytest.raises(InputError, match=words):
        ready(path, x="cats", **labels)
    with open_source(path) as source:
        fields = source.choose(None, "data.x", besides=["energy"])
    with pytest.raises(InputError, match=r"no (array|dataset) 'gap'; it has .*energy"):
        ready(path, x=fields, y="gap", **labels)


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_half_a_file_is_refused(write: Any, tmp_path: Path) -> None:
    path, labels = written(write, tmp_path)
    if path.is_dir():
        chunks = [p for p in path.rglob("*") if p.is_file() and p.stat().st_size > 500]
        path_of_data = max(chunks, key=lambda p: p.stat().st_size)
    else:
        path_of_data = path
    content = path_of_data.read_bytes()
    path_of_data.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError) as error:
        ready(path, **labels)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("write", [write_cube_file, write_chgcar])
def test_half_a_density_is_refused(write: Any, tmp_path: Path) -> None:
    path = tmp_path / "density"
    write(path, np.ones((8, 8, 8)))
    path.write_text(path.read_text()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="density cannot be read"):
        ready(path, dims=3, labels=str(table(tmp_path, energy=[1.0])))


def objects(folder: Path) -> Path:
    np.save(folder / "a.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    return folder / "a.npy"


def zipped_objects(folder: Path) -> Path:
    np.savez(folder / "a.npz", fields=np.array([{}, []], dtype=object), energy=np.zeros(2))
    return folder / "a.npz"


def complex_numbers(folder: Path) -> Path:
    np.save(folder / "a.npy", IMAGES.astype(complex))
    return folder / "a.npy"


def complex_zarr(folder: Path) -> Path:
    zarr.create_array(folder / "a.zarr", data=IMAGES.astype(complex))
    return folder / "a.zarr"


def texts(folder: Path) -> Path:
    dataset(image=("sample", ["a"] * COUNT)).to_netcdf(folder / "a.nc", engine="h5netcdf")
    return folder / "a.nc"


def nothing(folder: Path) -> Path:
    np.save(folder / "a.npy", IMAGES[:0])
    return folder / "a.npy"


def several(folder: Path) -> Path:
    np.savez(folder / "a.npz", cats=IMAGES, dogs=IMAGES, energy=ENERGY)
    return folder / "a.npz"


def mixed(folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "a.tif") as file:
        file.write(IMAGES[0], contiguous=False)
        file.write(IMAGES[1, :4], contiguous=False)
    return folder / "a.tif"


def prose(folder: Path) -> Path:
    (folder / "a.h5").write_text("no numbers")
    return folder / "a.h5"


def nowhere(folder: Path) -> Path:
    return folder / "a.npy"


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (objects, r"a.npy holds object of shape \(2,\); expected real numbers"),
        (zipped_objects, "a.npz: 'fields' holds object"),
        (complex_numbers, "a.npy holds complex128"),
        (complex_zarr, "a.zarr holds complex128"),
        (texts, "'image' holds "),
        (nothing, r"a.npy of shape \(0, 8, 6\) holds no fields"),
        (several, "has cats, dogs; name the fields in data.x=…"),
        (mixed, r"images of several shapes or kinds \(\(4, 6\), \(8, 6\)\)"),
        (prose, "a.h5 is no file of fields that is known here: HDF5, netCDF"),
        (nowhere, "There is no file .*a.npy"),
    ],
)
def test_bad_contents_are_refused(write: Any, words: str, tmp_path: Path) -> None:
    path = write(tmp_path)
    with pytest.raises(InputError, match=words) as error:
        ready(path, labels=str(table(tmp_path)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"energy": [1.0, 2.0]}, r"energy has shape \(2,\), but the 12 fields"),
        ({"energy": ["nan"] * COUNT}, "energy holds nan in sample 0"),
    ],
)
def test_bad_labels_are_refused(columns: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        ready(npy(tmp_path), labels=str(table(tmp_path, **columns)))


def test_fields_alone_are_refused_until_labels_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds fields and no labels; name a file of labels"):
        ready(npy(tmp_path))
    with pytest.raises(InputError, match=r"There is no file none.csv"):
        ready(npy(tmp_path), labels="none.csv")


def test_a_table_with_more_values_than_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("energy\n1.5,2.5\n3.5,4.5\n")
    with pytest.raises(InputError, match="rows with more values than its first line has names"):
        open_labels(tmp_path / "labels.csv")


def test_fields_are_found_behind_many_other_arrays(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "many.h5", "w") as file:
        for i in range(30):
            file[f"array{i:02}"] = [0.0]
        file["fields"] = np.zeros((3, 4, 4))
    with open_source(tmp_path / "many.h5") as source:
        assert source.choose(None, "data.x") == "fields"
