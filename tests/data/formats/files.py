"""The same fields and labels in every format, each written by the format's own library."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
import xarray
import zarr
from ase import Atoms
from ase.calculators.vasp import VaspChargeDensity
from ase.io.cube import write_cube

from ednn.data.fields.own import FieldsData

COUNT = 12
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 100, (COUNT, 8, 6)).astype(np.float32)
ENERGY = (IMAGES.astype(float) ** 2).sum((1, 2))
CUBES = RNG.integers(1, 100, (3, 4, 6, 8)).astype(float)  # densities of three dimensions
CELL = Atoms("H", cell=[2.0, 3.0, 4.0], pbc=True)  # half an Å per voxel of `CUBES`
SETTINGS: dict[str, Any] = {
    "x": None,
    "y": "energy",
    "dims": 2,
    "channels_first": None,
    "unit": "",
    "site": "pixel",
    "val": 0.2,
    "test": 0.2,
    "batch_size": 5,
    "workers": 0,
    "seed": 3,
}


def ready(path: Path, **changes: Any) -> FieldsData:
    data = FieldsData(path=str(path), **{**SETTINGS, **changes})
    data.prepare_data()
    data.setup()
    return data


def dataset(**changes: Any) -> xarray.Dataset:
    """The fields with the names, coordinates and units that netCDF and Zarr can hold."""
    contents = {
        "image": (("sample", "y", "x"), IMAGES),
        "energy": ("sample", ENERGY, {"units": "meV"}),
        "y": ("y", 0.5 * np.arange(8), {"units": "m"}),
        "x": ("x", 10 - 0.25 * np.arange(6), {"units": "m"}),
    }
    return xarray.Dataset({**contents, **changes})


def table(folder: Path, name: str = "labels.csv", **columns: Any) -> Path:
    path = folder / name
    columns = columns or {"energy": ENERGY.tolist()}
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def hdf5(folder: Path) -> Path:
    with h5py.File(folder / "a.h5", "w") as file:
        file["images"], file["energy"] = IMAGES, ENERGY
    return folder / "a.h5"


def npy(folder: Path) -> Path:
    np.save(folder / "a.npy", IMAGES)
    return folder / "a.npy"


def by_columns(folder: Path) -> Path:
    np.save(folder / "f.npy", np.asfortranarray(IMAGES))
    return folder / "f.npy"


def npz(folder: Path) -> Path:
    np.savez(folder / "a.npz", images=IMAGES, energy=ENERGY)
    return folder / "a.npz"


def compressed(folder: Path) -> Path:
    np.savez_compressed(folder / "c.npz", images=IMAGES, energy=ENERGY)
    return folder / "c.npz"


def netcdf3(folder: Path) -> Path:
    dataset().to_netcdf(folder / "a3.nc", engine="scipy", format="NETCDF3_CLASSIC")
    return folder / "a3.nc"


def netcdf4(folder: Path) -> Path:
    dataset().to_netcdf(folder / "a4.nc", engine="h5netcdf")
    return folder / "a4.nc"


def zarr2(folder: Path) -> Path:
    dataset().to_zarr(folder / "a2.zarr", zarr_format=2, consolidated=False)
    return folder / "a2.zarr"


def zarr3(folder: Path) -> Path:
    dataset().to_zarr(folder / "a3.zarr", zarr_format=3, consolidated=False)
    return folder / "a3.zarr"


def plain_zarr(folder: Path) -> Path:
    group = zarr.open_group(folder / "plain.zarr", mode="w")
    group.create_array("images", data=IMAGES, chunks=(1, 8, 6))
    group.create_array("energy", data=ENERGY)
    return folder / "plain.zarr"


def nameless_zarr(folder: Path) -> Path:
    zarr.create_array(folder / "one.zarr", data=IMAGES)
    return folder / "one.zarr"


def tiff(folder: Path) -> Path:
    tifffile.imwrite(folder / "a.tif", IMAGES)
    return folder / "a.tif"


def packed_tiff(folder: Path) -> Path:
    tifffile.imwrite(folder / "p.tif", IMAGES, compression="zlib", photometric="minisblack")
    return folder / "p.tif"


def paged_tiff(folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "pages.tif") as file:
        for image in IMAGES:
            file.write(image, contiguous=False)
    return folder / "pages.tif"


FORMATS: list[Callable[[Path], Path]] = [
    *(hdf5, npy, by_columns, npz, compressed, netcdf3, netcdf4, zarr2, zarr3, plain_zarr),
    *(nameless_zarr, tiff, packed_tiff, paged_tiff),
]
WITHOUT_LABELS = (npy, by_columns, nameless_zarr, tiff, packed_tiff, paged_tiff)


def written(write: Callable[[Path], Path], folder: Path) -> tuple[Path, dict[str, Any]]:
    """Write a format; returns the path and what a data set has to be told."""
    told = {"labels": str(table(folder))} if write in WITHOUT_LABELS else {}
    return write(folder), told


def write_cube_file(path: Path, values: np.ndarray, atoms: Atoms = CELL) -> None:
    with open(path, "w") as file:
        write_cube(file, atoms, values)


def write_chgcar(path: Path, values: np.ndarray, atoms: Atoms = CELL) -> None:
    density = VaspChargeDensity(None)
    density.atoms, density.chg = [atoms], [values]
    density.write(str(path), format="chgcar")
