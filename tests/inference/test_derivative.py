"""Derivatives by the fields of a file: in blocks as in one piece, also after an interruption."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import xarray

from ednn import EDNN
from ednn.core.branch import Branch
from ednn.core.errors import InputError
from ednn.core.interface import FieldModel
from ednn.core.multiscale import MultiScale
from ednn.core.subnets import ANN, FCN
from ednn.data.formats.hdf5 import HDF5Numbers
from ednn.data.formats.opening import open_source
from ednn.inference.field_job import FieldJob
from ednn.inference.field_output import write_fields
from ednn.inference.pieces import BY_GRADIENT, Arrays, Piece, evaluate_all
from ednn.inference.processes import processes

SMALL = partial(FCN, widths=[4, 6])


def predicted(model: FieldModel, fields: np.ndarray, folder: Path, sites: int) -> np.ndarray:
    """Return the derivative (N, C, *L) as predict.py writes it, from blocks of so many sites."""
    with h5py.File(folder / "in.h5", "w") as file, processes() as group:
        file["fields"] = fields
        job = FieldJob(model, HDF5Numbers(file["fields"]), BY_GRADIENT * sites, derivative=True)
        assert (len(job.pieces) == 1) == (sites > 10**5)
        total = evaluate_all(job, folder / "parts", {}, group)
        write_fields(folder / "out.h5", job, folder / "parts", total, {})
    with h5py.File(folder / "out.h5") as out:
        found: np.ndarray = out["derivative"][()]
    return found


@pytest.mark.parametrize("padding", ["periodic", "zeros", "reflect", "replicate"])
@pytest.mark.parametrize("subnet", [SMALL, partial(ANN, hidden=8)])
def test_blocks_add_up(subnet: partial, padding: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = EDNN(subnet, focus=2, context=3, channels=2, padding=padding).double()
    fields = np.random.default_rng(0).normal(size=(2, 2, 10, 6))
    expected = model.derivative(torch.from_numpy(fields)).numpy()
    for name, sites in (("blocks", 100), ("whole", 10**6)):
        (tmp_path / name).mkdir()
        found = predicted(model, fields, tmp_path / name, sites)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("padding", ["periodic", "zeros"])  # others are not divided
def test_blocks_of_several_scales_add_up(padding: str, tmp_path: Path) -> None:
    make = partial(Branch, SMALL, f=2, c=2, padding=padding)
    model = MultiScale({"fine": make, "coarse": partial(make, coarse=2)}).double()
    fields = np.random.default_rng(0).normal(size=(1, 1, 16, 12))
    expected = model.derivative(torch.from_numpy(fields)).numpy()
    np.testing.assert_allclose(predicted(model, fields, tmp_path, 400), expected, atol=1e-12)


class Interrupted(FieldJob):
    """A job that ends after two pieces."""

    left = 2

    def evaluate(self, piece: Piece) -> Arrays:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return super().evaluate(piece)


def test_what_an_interruption_left_is_added(tmp_path: Path) -> None:
    model, parts = EDNN(SMALL, focus=2, context=3).double(), tmp_path / "parts"
    fields = np.random.default_rng(0).normal(size=(2, 1, 10, 6))
    np.save(tmp_path / "n.npy", fields[:, 0])
    with open_source(tmp_path / "n.npy") as source, processes() as group:
        numbers, sites = source.find(""), BY_GRADIENT * 100
        with pytest.raises(KeyboardInterrupt):
            evaluate_all(Interrupted(model, numbers, sites, derivative=True), parts, {}, group)
        (parts / "journal.0").rename(parts / "journal.1")  # as of another process
        job = FieldJob(model, numbers, sites, derivative=True)
        write_fields(tmp_path / "out.h5", job, parts, evaluate_all(job, parts, {}, group), {})
    expected = model.derivative(torch.from_numpy(fields)).numpy()
    with h5py.File(tmp_path / "out.h5") as out:
        np.testing.assert_allclose(out["derivative"], expected, rtol=1e-9, atol=1e-12)


def test_a_file_of_another_spacing_is_refused(tmp_path: Path) -> None:
    model = EDNN(SMALL, focus=2, context=2, dims=1)
    model.info = replace(model.info, spacing=(0.25,))
    axes = {"sample": [0], "x": 0.5 * np.arange(8)}
    field = xarray.DataArray(np.ones((1, 8)), axes, ["sample", "x"], name="n")
    field.to_netcdf(tmp_path / "n.nc", engine="h5netcdf")
    with (
        open_source(tmp_path / "n.nc") as source,
        pytest.raises(InputError, match=r"n has a spacing of \(0\.5,\), and the model was trained"),
    ):
        FieldJob(model, source.find("n"), 10**6)


def test_a_derivative_is_predicted_of_a_chunk_that_fits(tmp_path: Path) -> None:
    model = EDNN(SMALL, focus=4, context=2)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("n", data=np.ones((1, 64, 64)), chunks=(1, 64, 64), compression="gzip")
    with open_source(tmp_path / "a.h5") as source:
        job = FieldJob(model, source.find("n"), sites=64 * 64, derivative=True)
    assert len(job.pieces) > 1
