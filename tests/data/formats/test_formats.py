"""Every format: the same numbers as a whole, batch by batch and in parts."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.subnets import ANN
from ednn.data.fields.file import StoredFields
from ednn.data.fields.hdf5 import HDF5Data
from ednn.data.formats.hdf5 import HDF5Source
from ednn.data.formats.opening import open_source
from ednn.data.formats.stored import StoredNumbers
from ednn.inference.field_job import FieldJob
from ednn.runs.failures import told
from tests.data.formats.files import (
    COUNT,
    ENERGY,
    FORMATS,
    IMAGES,
    SETTINGS,
    dataset,
    hdf5,
    netcdf4,
    npy,
    ready,
    tiff,
    written,
)

Write = Callable[[Path], Path]
every_format = pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)


@every_format
@pytest.mark.parametrize("kept", [True, False])
def test_fields_and_labels_are_read(
    write: Write, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kept:
        monkeypatch.setattr("ednn.data.fields.own.IN_MEMORY", 0)
    path, labels = written(write, tmp_path)
    data = ready(path, **labels)
    streamed = isinstance(data.dataset.fields, StoredFields)
    assert streamed == (not kept and write.__name__ != "compressed")  # which is read as a whole
    batch = data.dataset.__getitems__([7, 2, 7, 0])
    np.testing.assert_array_equal(batch.inputs[:, 0], IMAGES[[7, 2, 7, 0]])
    np.testing.assert_array_equal(data.dataset.labels[:, 0], ENERGY)
    assert data.info.names == ("energy",)
    assert f"{COUNT} fields of 8 × 6 pixels" in data.reading


@every_format
def test_blocks_of_a_prediction_are_read_alone(write: Write, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = EDNN(ANN, 2, 1, padding="zeros").double()
    expected = net.contributions(torch.from_numpy(IMAGES)[:, None].double())
    with open_source(write(tmp_path)) as source:
        numbers = source.find(source.choose(None, "input_key", besides=["energy"]))
        numbers.chunks = None  # which are larger than these blocks
        job = FieldJob(net, numbers, 45)
        assert len(job.pieces) > COUNT
        for piece in job.pieces:
            found = torch.from_numpy(job.evaluate(piece)["contributions"])
            torch.testing.assert_close(found, expected[piece.position()], rtol=1e-12, atol=1e-9)


@every_format
def test_the_content_tells_the_format(write: Write, tmp_path: Path) -> None:
    path = write(tmp_path).rename(tmp_path / "unknown.dat")
    with open_source(path) as source:
        key = source.choose(None, "data.x", besides=["energy"])
        np.testing.assert_array_equal(source.find(key).read([3])[0], IMAGES[3])


def test_the_same_samples_are_known_again_by_either_reader(tmp_path: Path) -> None:
    path = hdf5(tmp_path)
    fields, own = ready(path), HDF5Data(path=str(path), **SETTINGS | {"x": "images"})
    assert (fields.kind, fields.settings) == (own.kind, own.settings)


def test_netcdf_is_read_as_hdf5_where_there_is_no_xarray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = netcdf4(tmp_path)
    monkeypatch.setitem(sys.modules, "xarray", None)
    with open_source(path) as source:
        assert type(source) is HDF5Source
        np.testing.assert_array_equal(source.find("image").read([3])[0], IMAGES[3])


def test_a_missing_library_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiff(tmp_path)
    monkeypatch.delitem(sys.modules, "ednn.data.formats.tiff", raising=False)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(ModuleNotFoundError) as error:
        open_source(path)
    assert 'no tifffile here; it comes with an extra: run `pip install "ednn[formats]"`' in str(
        told(error.value)
    )


def test_arrays_are_mapped_and_not_loaded(tmp_path: Path) -> None:
    for write in (npy, tiff):
        with open_source(write(tmp_path)) as source:
            numbers: StoredNumbers = source.find("")
            assert isinstance(numbers.stored, np.memmap)
            assert numbers.loaded == 0


def test_a_derivative_is_another_array_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, fields=IMAGES, energy=ENERGY, slope=2 * IMAGES)
    data = ready(path, derivative="slope", spacing=0.5)
    batch = data.dataset.__getitems__([4])
    np.testing.assert_array_equal(batch.slopes["derivative"][:, 0], 2 * IMAGES[[4]])
    assert data.info.spacing == (0.5, 0.5)


@pytest.mark.parametrize("unit", ["meV", "meV/K", "meV m2"])
def test_a_derivative_is_in_the_unit_of_its_label(unit: str, tmp_path: Path) -> None:
    image = dataset()["image"]
    slope = (image.dims, 2 * IMAGES, {"units": unit})
    dataset(slope=slope).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    told = {"x": "image", "derivative": "slope"}
    assert ready(tmp_path / "a.nc", **told).dataset.slopes(torch.arange(1))
    with pytest.raises(InputError, match=rf"slope is in {unit}, and the labels are in m; store"):
        ready(tmp_path / "a.nc", unit="m", **told)
