"""The files that pages call FILE, fields.h5, set.extxyz, …"""

import shutil
from pathlib import Path

import ase.io
import h5py
import numpy as np
import xarray
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.cube import write_cube

from ednn.physics.sheets import sheet


def own_files(folder: Path) -> None:
    """Write a reader's own files into the folder where they start."""
    fields(folder)
    structures(folder)


def fields(folder: Path) -> None:
    rng = np.random.default_rng(0)
    smooth = rng.normal(size=(60, 16, 16)).astype(np.float32)
    labels = (smooth.astype(float) ** 2).sum((1, 2))
    with h5py.File(folder / "FILE.h5", "w") as file:
        file["images"] = file["X"] = smooth
        file["labels"] = file["energy"] = labels
        file["gap"] = 2 * labels
    with h5py.File(folder / "fields.h5", "w") as file:
        file["images"] = rng.choice([-1, 1], size=(5, 8, 8)).astype(np.int8)
    with h5py.File(folder / "DENSITIES.h5", "w") as file:
        x = 2 * np.pi * np.arange(256) / 256
        file["images"] = (0.4 + 0.05 * np.cos(np.outer([1, 2, 3], x))).astype(np.float32)
    sides = ("sample", "y", "x")
    xarray.Dataset({"phi": (sides, smooth), "energy": ("sample", labels)}).to_netcdf(
        folder / "FILE.nc", engine="h5netcdf"
    )
    np.save(folder / "IMAGES.npy", smooth)
    rows = [f"{label},{2 * label}" for label in labels]
    (folder / "LABELS.csv").write_text("\n".join(["energy,gap", *rows]))
    cubes(folder / "FOLDER", rng)


def cubes(folder: Path, rng: np.random.Generator) -> None:
    """Write densities and a table of their energies."""
    folder.mkdir()
    box = ase.Atoms("H", cell=[4, 4, 4], pbc=True)
    table = ["file,energy"]
    for number in range(20):
        density = rng.random((8, 8, 8))
        with (folder / f"{number}.cube").open("w") as file:
            write_cube(file, box, data=density)
        table.append(f"{number}.cube,{density.sum()}")
    (folder / "labels.csv").write_text("\n".join(table))


def structures(folder: Path) -> None:
    """Write sheets with made-up energies and forces: they are read, nothing is learned of them."""
    frames = []
    for seed in range(20):
        flat = sheet(seed)
        positions = np.pad(flat.positions, [(0, 0), (0, 1)], constant_values=7.5)
        cell = np.diag([*flat.sides, 15.0])
        frame = ase.Atoms(flat.numbers, positions, cell=cell, pbc=(True, True, False))
        found = {"energy": -500.0 * len(frame) + seed, "forces": np.zeros((len(frame), 3))}
        frame.calc = SinglePointCalculator(frame, **found)
        frames.append(frame)
    for name in ("set.extxyz", "other.extxyz", "FILE.extxyz"):
        ase.io.write(folder / name, frames)
    for name in ("start.extxyz", "sheet.extxyz", "new.extxyz", "sheet.traj", "whole.traj"):
        ase.io.write(folder / name, frames[5])
    shutil.copy(folder / "data/dft/gfn1_120.h5", folder / "test.h5")
