"""Folders of files with a field each, and densities, which mostly come so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import torch
import xarray
from ase import Atoms

from ednn.core.errors import InputError
from ednn.data.formats.opening import open_source
from tests.data.formats.files import (
    CUBES,
    IMAGES,
    ready,
    table,
    write_chgcar,
    write_cube_file,
)


def write_tiff(path: Path, values: np.ndarray) -> None:
    tifffile.imwrite(path, values, photometric="minisblack")


def write_hdf5(path: Path, values: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file["density"] = values


def write_netcdf(path: Path, values: np.ndarray) -> None:
    axes = {name: (name, 0.5 * np.arange(n)) for name, n in zip("xyz", values.shape, strict=True)}
    contents = {"density": (tuple("xyz"), values), **axes}
    xarray.Dataset(contents).to_netcdf(path, engine="h5netcdf")


KINDS: dict[str, tuple[Callable[[Path, np.ndarray], Any], tuple[float, ...]]] = {
    "npy": (np.save, ()),
    "h5": (write_hdf5, ()),
    "nc": (write_netcdf, (0.5,) * 3),
    "tif": (write_tiff, ()),
    "cube": (write_cube_file, (0.5,) * 3),
    "CHGCAR": (write_chgcar, (0.5,) * 3),
}


def folder_of(kind: str, path: Path) -> Path:
    """A folder whose CSV file lists its three files in another order than that of their names."""
    path.mkdir()
    names = [f"b.{kind}", f"c.{kind}", f"a.{kind}"]
    for name, values in zip(names, CUBES, strict=True):
        KINDS[kind][0](path / name, values)
    table(path, file=names, energy=[1.0, 2.0, 3.0])
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [True, False])
def test_files_are_read_in_the_order_of_the_table(
    kind: str, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kept:
        monkeypatch.setattr("ednn.data.fields.own.IN_MEMORY", 0)
    data = ready(folder_of(kind, tmp_path / "set"), dims=3)
    found = data.dataset.inputs(torch.tensor([2, 0, 1]))[:, 0]
    np.testing.assert_allclose(found, CUBES[[2, 0, 1]], rtol=1e-4)  # cube files have six digits
    assert data.dataset.labels[:, 0].tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_allclose(data.info.spacing, KINDS[kind][1], rtol=1e-5)


def test_files_without_a_table_are_read_by_their_names(tmp_path: Path) -> None:
    path = folder_of("npy", tmp_path / "set")
    (path / "labels.csv").unlink()
    with open_source(path) as source:
        part = source.find("").read(slice(0, 2), (slice(1, 3), slice(2, 4), slice(0, 5)))
    np.testing.assert_array_equal(part, CUBES[[2, 0], 1:3, 2:4, :5])


def test_flat_images_and_a_table_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for i in range(3):
        tifffile.imwrite(folder / f"{i}.tif", IMAGES[i], compression="zlib")
    listed = table(tmp_path, "rows.csv", file=["2.tif", "0.tif", "1.tif"], energy=[2, 0, 1])
    data = ready(folder, labels=str(listed))
    np.testing.assert_array_equal(data.dataset.inputs(torch.arange(3))[:, 0], IMAGES[[2, 0, 1]])


@pytest.mark.parametrize("write", [write_cube_file, write_chgcar])
def test_one_density_is_one_field(write: Callable[..., None], tmp_path: Path) -> None:
    write(tmp_path / "density", CUBES[0])
    with open_source(tmp_path / "density") as source:
        numbers = source.find("")
        assert numbers.shape == (1, 4, 6, 8)
        np.testing.assert_allclose(numbers.read([0])[0], CUBES[0], rtol=1e-4)


@pytest.mark.parametrize("write", [write_cube_file, write_chgcar])
def test_oblique_voxels_have_no_spacing(write: Callable[..., None], tmp_path: Path) -> None:
    oblique = Atoms("H", cell=[[2, 0, 0], [1, 3, 0], [0, 0, 4]], pbc=True)
    write(tmp_path / "density", CUBES[0], oblique)
    with open_source(tmp_path / "density") as source:
        assert source.find("").axes.spacing(None) == ()


def lose(folder: Path) -> None:
    (folder / "c.npy").unlink()


def reshape(folder: Path) -> None:
    np.save(folder / "a.npy", np.zeros((4, 6, 9)))


def hole(folder: Path) -> None:
    table(folder, file=["a.npy", "b.npy"], energy=[1.0, "nan"])


def name(folder: Path) -> None:
    table(folder, file=["a.npy", "b.npy"], energy=[1.0, "much"])


def blacken(folder: Path) -> None:
    np.save(folder / "c.npy", np.full((4, 6, 8), np.inf))


def double(folder: Path) -> None:
    table(folder, "more.csv", file=["a.npy"], energy=[1])


def take_table(folder: Path) -> None:
    (folder / "labels.csv").unlink()


def stray(folder: Path) -> None:
    (folder / "b.npy").write_text("nothing")


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lose, r"labels.csv names c.npy, which is not in .*set; put it there"),
        (reshape, r"a.npy has the shape \(4, 6, 9\), and b.npy has \(4, 6, 8\)"),
        (hole, "labels.csv: energy holds nan in sample 1"),
        (name, "labels.csv: 'energy' holds object"),
        (blacken, r"c.npy holds inf in sample 1 \(position \(1, 0, 0, 0\)\)"),
        (double, r"several CSV files with a column 'file' \(labels.csv, more.csv\)"),
        (take_table, "holds fields and no labels; name a file of labels"),
        (stray, "b.npy is no file of fields"),
        (empty, "a folder without files of fields"),
    ],
)
def test_bad_folders_are_refused(harm: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    folder = folder_of("npy", tmp_path / "set")
    harm(folder)
    with pytest.raises(InputError, match=words) as error:
        ready(folder, dims=3)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("unit", [1.0, 1e-10], ids=["m", "Å in m"])
def test_files_of_another_spacing_are_refused(unit: float, tmp_path: Path) -> None:
    for name, step in (("a", 0.5 * unit), ("b", unit)):
        axes = {axis: (axis, step * np.arange(4)) for axis in "xyz"}
        values = (tuple("xyz"), np.ones((4, 4, 4)))
        file = xarray.Dataset({"density": values, **axes})
        file.to_netcdf(tmp_path / f"{name}.nc", engine="h5netcdf")
    with open_source(tmp_path) as source:
        numbers = source.find("density")
        assert numbers.read([0]).shape == (1, 4, 4, 4)
        with pytest.raises(InputError, match=r"b\.nc.* and a\.nc differ in axes, spacing or unit"):
            numbers.read([1])


def test_what_only_looks_like_a_density_is_refused(tmp_path: Path) -> None:
    write_chgcar(tmp_path / "LOCPOT", np.ones((4, 4, 4)))
    with pytest.raises(InputError, match=r"LOCPOT has CHGCAR's format, but is no density"):
        open_source(tmp_path / "LOCPOT").find("")
