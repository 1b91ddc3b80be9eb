"""Your own fields in HDF5: read as they are, streamed, split, or refused in a sentence."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from ednn.core.build import build_model
from ednn.core.errors import InputError
from ednn.data.fields.file import StoredFields
from ednn.data.hdf5_file import open_hdf5
from tests.conftest import run
from tests.data.fields.own_files import COUNT, RNG, ready, sparse, write


def test_the_released_layout_is_read_as_it_is(released: Path) -> None:
    data = ready(released)
    with h5py.File(released) as file:
        images, labels = file["images"][()], file["labels"][()]
    assert (data.info.channels, data.info.names) == (1, ("labels",))
    everything = data.dataset.__getitems__(list(range(COUNT)))
    np.testing.assert_array_equal(everything.inputs[:, 0], images[..., 0])
    np.testing.assert_array_equal(everything.target, labels)
    assert everything.sites.tolist() == [96] * COUNT
    (output,) = data.info.outputs
    assert (output.unit, output.unit_per_site, output.per_unit) == ("eV", "eV per pixel", 1)


def test_other_names_and_the_same_samples(released: Path, tmp_path: Path) -> None:
    with h5py.File(released) as file:
        other = write(tmp_path / "b.h5", **{"raw/X": file["images"][()], "Y": file["labels"][()]})
    first, second = ready(released), ready(other, x="raw/X", y="Y")
    batch, same = (next(iter(data.test_dataloader())) for data in (first, second))
    assert torch.equal(batch.inputs, same.inputs)
    assert torch.equal(batch.target, same.target)


# dims, channels_first, shape in the file, how its axes come to be (N, C, *L)
LAYOUTS = [
    (1, None, (COUNT, 6), "nx->nx"),
    (1, None, (COUNT, 6, 2), "nxc->ncx"),
    (2, None, (COUNT, 2, 6, 8), "ncxy->ncxy"),
    (2, None, (COUNT, 6, 8, 3), "nxyc->ncxy"),
    (2, False, (COUNT, 2, 4, 6), "nxyc->ncxy"),
    (2, True, (COUNT, 6, 4, 2), "ncxy->ncxy"),
    (2, False, (COUNT, 4, 8, 4), "nxyc->ncxy"),
    (3, None, (COUNT, 4, 6, 4), "nxyz->nxyz"),
    (3, None, (COUNT, 4, 6, 4, 2), "nxyzc->ncxyz"),
]


@pytest.mark.parametrize(("dims", "first", "shape", "axes"), LAYOUTS)
def test_channels_are_found(
    dims: int, first: bool | None, shape: tuple[int, ...], axes: str, tmp_path: Path
) -> None:
    images = RNG.normal(size=shape).astype(np.float32)
    path = write(tmp_path / "a.h5", images=images, labels=np.zeros(COUNT))
    data = ready(path, dims=dims, channels_first=first)
    wanted = np.einsum(axes, images)
    wanted = wanted if "c" in axes else wanted[:, None]
    np.testing.assert_array_equal(data.dataset.inputs(torch.arange(COUNT)), wanted)
    assert data.info.channels == wanted.shape[1]


@pytest.mark.parametrize("kind", [">f4", "u1", "u2", "i8", "f2", "f8", "?"])
def test_any_kind_of_number_is_read(kind: str, tmp_path: Path) -> None:
    images = RNG.integers(0, 2, (COUNT, 4, 6)).astype(kind)
    data = ready(write(tmp_path / "a.h5", images=images, labels=np.ones(COUNT, ">i4")))
    np.testing.assert_array_equal(data.dataset.inputs(torch.arange(9))[:, 0], images[:9])
    assert data.dataset.labels.dtype == torch.float64


def test_several_labels_are_named_after_their_datasets(released: Path) -> None:
    two = RNG.normal(size=(COUNT, 2))
    write(released, **{"dft/energy": np.arange(COUNT), "two": two})
    data = ready(released, y=["two", "dft/energy", "labels"])
    assert data.info.names == ("two_0", "two_1", "dft_energy", "labels")
    np.testing.assert_array_equal(data.dataset.labels[:, :2], two)
    np.testing.assert_array_equal(data.dataset.labels[:, 2], np.arange(COUNT))
    assert {output.unit for output in data.info.outputs} == {"eV"}
    config = {"_target_": "EDNN", "subnet": {"_target_": "ANN"}, "focus": 2, "context": 1}
    assert build_model(config, data.info)(data.dataset.inputs(torch.arange(3))).shape == (3, 4)


def test_large_fields_are_read_batch_by_batch(tmp_path: Path, released: Path) -> None:
    large, small = ready(sparse(tmp_path / "a.h5", sample125=3.0)), ready(released)
    assert isinstance(large.dataset.fields, StoredFields)
    assert isinstance(small.dataset.fields, torch.Tensor)
    batch = next(iter(large.test_dataloader()))
    assert batch.sample.tolist() == list(range(120, 127))
    assert batch.inputs.sum((1, 2, 3)).tolist() == [0, 0, 0, 0, 0, 3.0 * 128**2, 0]


@pytest.mark.parametrize(
    ("start", "kept"),
    [("fork", True), ("fork", False), pytest.param("spawn", False, marks=pytest.mark.slow)],
)
def test_loader_processes_give_the_same_batches(
    start: str, kept: bool, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kept:
        monkeypatch.setattr("ednn.data.fields.own.IN_MEMORY", 0)
    with open_hdf5(released):  # a handle in this process harms no other
        batches = {}
        for workers in (0, 2):
            loader = ready(released, workers=workers).train_dataloader()
            if workers:
                loader.multiprocessing_context = start
            batches[workers] = list(loader)
    assert len(batches[0]) == len(batches[2]) > 2
    for a, b in zip(batches[0], batches[2], strict=True):
        assert torch.equal(a.sample, b.sample)
        assert torch.equal(a.inputs, b.inputs)
        assert torch.equal(a.target, b.target)


def test_another_format_is_refused_with_what_reads_it(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((COUNT, 4, 6)))
    with pytest.raises(InputError, match=r"a\.npy is no HDF5 file .* data=fields"):
        ready(tmp_path / "a.npy")


SENTENCES = [
    ({"x": "image"}, "no dataset 'image'; it has .*images, labels, more/cubes"),
    ({"y": "names"}, "names' holds object"),
    ({"x": "ragged"}, "ragged' holds object"),
    ({"y": "few"}, r"few has shape \(7,\), but the 60 fields of images"),
    ({"y": "images"}, r"images has shape \(60, 8, 12, 1\)"),
    ({"y": "none"}, r"none has shape \(60, 0\)"),
    ({"y": "holed"}, "holed holds nan in sample 4 "),
    ({"x": "black"}, "black holds -inf in sample 17 "),
    ({"x": "more/cubes"}, "channels_first=true or false, or data.dims=3"),
    ({"dims": 1}, r"\(60, 8, 12, 1\) don't fit data.dims=1"),
    ({"dims": 0}, "data.dims=0"),
    ({"y": ["labels", "labels"]}, "the output labels twice"),
    ({"y": []}, r"data\.y=\[\] names no labels"),
    ({"val": 0.5, "test": 0.5}, "leave something of 1 to train on"),
    ({"val": "some"}, "data.val=some"),
]


@pytest.mark.parametrize(("changes", "words"), SENTENCES)
def test_bad_input_is_refused_in_one_sentence(
    changes: dict[str, Any], words: str, released: Path
) -> None:
    black = np.zeros((COUNT, 8, 12))
    black[17, 2, 3] = -np.inf
    write(
        released,
        black=black,
        few=np.zeros(7),
        holed=np.where(np.arange(COUNT) == 4, np.nan, 1.0),
        names=["a"] * COUNT,
        none=np.zeros((COUNT, 0)),
        **{"more/cubes": np.zeros((COUNT, 8, 8, 8))},
    )
    with h5py.File(released, "a") as file:
        file.create_dataset("ragged", (COUNT,), h5py.vlen_dtype(np.float32))
    with pytest.raises(InputError, match=words) as error:
        ready(released, **changes)
    assert "\n" not in str(error.value)


def test_a_hole_that_a_loader_process_meets_ends_in_one_sentence(tmp_path: Path) -> None:
    path = sparse(tmp_path / "a.h5", sample13=np.nan)
    done = run(
        tmp_path,
        "train.py",
        *("data=hdf5", f"data.path={path}", "data.workers=1", "data.batch_size=4"),
        *("tile.f=32", "trainer.max_epochs=1"),
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"error: {path}: images holds nan in sample 13 (position (13, 0, 0, 0))")


STREAMED = """
import resource, sys
from ednn.data.fields.hdf5 import HDF5Data
data = HDF5Data(path=sys.argv[1], x="images", y="labels", dims=2, channels_first=None, unit="",
                site="site", val=0.1, test=0.2, batch_size=4, workers=0, seed=0)
data.setup()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
samples = sum(len(batch.inputs) for batch in data.train_dataloader())
print(samples, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_file_is_streamed_in_little_memory(tmp_path: Path) -> None:
    path = sparse(tmp_path / "a.h5", count=100, side=1024)
    with h5py.File(path, "a") as file:
        del file["splits"]
    done = subprocess.run(
        [sys.executable, "-c", STREAMED, str(path)], capture_output=True, text=True, check=True
    )
    samples, grown = (int(word) for word in done.stdout.split())
    kilobyte = 1024 if sys.platform == "linux" else 1
    assert samples > 50  # 200 MB of fields, in batches of 17 MB
    assert grown * kilobyte < 100e6


@pytest.mark.parametrize(
    ("samples", "packed", "told"), [(20, True, True), (4, True, False), (20, False, False)]
)
def test_streaming_compressed_chunks_of_many_samples_is_told(
    samples: int, packed: bool, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.h5", labels=np.ones(COUNT))
    with h5py.File(path, "a") as file:
        options = {"chunks": (samples, 4, 6), "compression": "gzip" if packed else None}
        file.create_dataset("raw/images", data=RNG.normal(size=(COUNT, 8, 12)), **options)
    assert "h5repack" not in ready(path, x="raw/images").reading  # it is read as a whole
    monkeypatch.setattr("ednn.data.fields.own.IN_MEMORY", 0)
    reading = ready(path, x="raw/images").reading
    assert (f"`h5repack -l raw/images:CHUNK=1x4x6 {path} NEW.h5`" in reading) == told


EXACT = [("f2", 0.5), (">f8", 1e300), ("g", 1e300), (">i4", -(2**31)), ("i8", 2**53)]
EXACT += [(">u2", 65535), ("u4", 2**32 - 1), ("u8", 2**53)]


@pytest.mark.parametrize(("kind", "exact"), EXACT)
def test_numbers_of_every_kind_are_read_exactly(kind: str, exact: float, tmp_path: Path) -> None:
    images = np.full((COUNT, 4, 6), exact).astype(kind)
    data = ready(write(tmp_path / "a.h5", images=images, labels=images[:, 0, 0]))
    assert data.dataset.inputs(torch.arange(2)).unique().tolist() == [exact]
    assert data.dataset.labels.unique().tolist() == [exact]
