"""What a file lacks is missed: samples, files, links, filters, whole chunks."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from ednn.core.errors import InputError
from tests.data.fields.own_files import COUNT, RNG, make, ready, write

IMAGES = RNG.normal(size=(COUNT, 8, 6))


def parts(file: h5py.File, name: str = "images", first: int = 0, last: int = COUNT) -> None:
    """Write some samples, in chunks of seven that are parts of samples."""
    chunks = (7, 4, 6) if name == "images" else (7,)
    stored = file.create_dataset(name, IMAGES.shape[: len(chunks)], "f8", chunks=chunks)
    stored[first:last] = IMAGES[first:last] if name == "images" else 1.0


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        ready(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["images", "labels"])
@pytest.mark.parametrize(("first", "last", "missing"), [(0, 30, 35), (7, 60, 0), (0, 0, 0)])
def test_samples_that_were_never_written(
    name: str, first: int, last: int, missing: int, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.h5", **{"labels" if name == "images" else "images": IMAGES[:, 0, 0]})
    with h5py.File(path, "a") as file:
        if name == "labels":
            del file["images"]
            file["images"] = IMAGES
        parts(file, name, first, last)
    refused(path, rf"a\.h5: {name} was never written in sample {missing} .* write all of its 60")


def test_a_part_of_a_sample_that_was_never_written(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", labels=np.ones(COUNT))
    with h5py.File(path, "a") as file:
        parts(file)
        del file["images"]
        stored = file.create_dataset("images", IMAGES.shape, "f8", chunks=(7, 4, 6))
        stored[:21], stored[21:, :4] = IMAGES[:21], IMAGES[21:, :4]
    refused(path, "images was never written in sample 21 ")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", labels=np.ones(COUNT))
    with h5py.File(path, "a") as file:
        parts(file)
    np.testing.assert_array_equal(ready(path).dataset.fields[:][:, 0], IMAGES)


def virtual(folder: Path, sources: int = 2) -> Path:
    layout = h5py.VirtualLayout(IMAGES.shape, "f8")
    for i, half in enumerate((slice(0, 30), slice(30, 60))):
        write(folder / f"{i}.h5", part=IMAGES[half])
        if i < sources:
            layout[half] = h5py.VirtualSource(f"{i}.h5", "part", (30, 8, 6))
    path = write(folder / "a.h5", labels=np.ones(COUNT))
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset("images", layout)
    return path


def test_the_files_of_a_virtual_dataset(tmp_path: Path) -> None:
    path = virtual(tmp_path)
    np.testing.assert_array_equal(ready(path).dataset.fields[:][:, 0], IMAGES)
    with h5py.File(tmp_path / "1.h5", "w") as file:
        file.create_dataset("part", (30, 8, 6), "f8")
    refused(path, r"1\.h5: part was never written in sample 0 ")
    (tmp_path / "1.h5").unlink()
    refused(path, r"a\.h5: images takes its samples from 30 on from 1\.h5, which is not there")


def test_a_virtual_dataset_that_is_not_covered(tmp_path: Path) -> None:
    refused(virtual(tmp_path, sources=1), "images is virtual, and no file has its sample 30")


def test_the_raw_file_of_external_storage(tmp_path: Path) -> None:
    path, raw = write(tmp_path / "a.h5", labels=np.ones(COUNT)), tmp_path / "raw.bin"
    with h5py.File(path, "a") as file:
        size = h5py.h5f.UNLIMITED
        file.create_dataset("images", data=IMAGES, external=[(str(raw), 0, size)])
    np.testing.assert_array_equal(ready(path).dataset.fields[:][:, 0], IMAGES)
    os.truncate(raw, IMAGES.nbytes - 8)
    refused(path, rf"raw\.bin, which is not there or has less than {IMAGES.nbytes} bytes")
    raw.unlink()
    refused(path, r"raw\.bin, which is not there")


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (h5py.SoftLink("/raw/x"), "'images' is a link to /raw/x, which is not there"),
        (h5py.ExternalLink("gone.h5", "x"), r"a link to x in the file gone\.h5, which is not"),
    ],
)
def test_links_to_nowhere(link: h5py.SoftLink, words: str, tmp_path: Path) -> None:
    refused(write(tmp_path / "a.h5", labels=np.ones(COUNT), images=link), words)


def test_a_link_on_the_way_to_nowhere(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", labels=np.ones(COUNT), raw=h5py.ExternalLink("gone.h5", "/"))
    with pytest.raises(InputError, match=r"'raw/images' is a link to / in the file gone\.h5"):
        make(path, x="raw/images")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (32001, r"filter 32001 \(Blosc\), .* `pip install hdf5plugin`"),
        (32015, r"filter 32015 \(Zstandard\), .* `pip install hdf5plugin`"),
        (305, r"filter 305 \(LZO\), which is not installed here; where it is installed"),
        (40000, r"filter 40000 \(unknown here\)"),
    ],
)
@pytest.mark.parametrize("used", [True, False])
def test_a_filter_that_is_not_installed(code: int, words: str, used: bool, tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", labels=np.ones(COUNT))
    with h5py.File(path, "a") as file:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((1, 8, 6))
        made.set_filter(code, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple(IMAGES.shape)
        stored = h5py.h5d.create(file.id, b"images", h5py.h5t.NATIVE_DOUBLE, space, made)
        for i, image in enumerate(IMAGES):
            stored.write_direct_chunk((i, 0, 0), image.tobytes(), 0 if used else 1)
    if used:
        refused(path, words)
    else:  # whoever wrote the file had the filter neither, and left it out
        np.testing.assert_array_equal(ready(path).dataset.fields[:][:, 0], IMAGES)


@pytest.mark.parametrize("kept", [True, False])
def test_the_first_damaged_sample_is_named(
    kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kept:
        monkeypatch.setattr("ednn.data.fields.own.IN_MEMORY", 0)
    path = write(tmp_path / "a.h5", labels=np.ones(COUNT))
    with h5py.File(path, "a") as file:
        chunks = {"chunks": (1, 8, 6), "compression": "gzip"}
        stored = file.create_dataset("images", data=IMAGES, **chunks)
        for sample in (23, 41):
            stored.id.write_direct_chunk((sample, 0, 0), b"garbage" * 5, 0)
    with pytest.raises(InputError, match=r"images cannot be read in sample 23 .* damaged there"):
        ready(path).dataset.__getitems__([1, 23, 41])


WRITER = """
import h5py, os, sys, time, numpy
file = h5py.File(sys.argv[1], "w", libver=sys.argv[2])
file["images"], file["labels"] = numpy.ones((60, 8, 6)), numpy.ones(60)
file.flush()
print("flushed", flush=True)
if sys.argv[3] == "crashes":
    os._exit(1)
time.sleep(100)
"""


@pytest.mark.parametrize(
    ("version", "end"), [("latest", "crashes"), ("latest", "goes on"), ("earliest", "goes on")]
)
def test_a_file_that_is_being_written(version: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    words = [sys.executable, "-c", WRITER, str(path), version, end]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "flushed\n"
        if end == "crashes":
            writer.wait()
        with pytest.raises(InputError, match=r"open for writing elsewhere.*h5clear -s .*a\.h5"):
            make(path)
        writer.kill()
    assert path.exists()


def test_a_file_of_the_user_is_never_called_to_be_deleted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", images=IMAGES, labels=np.ones(COUNT))
    os.truncate(path, path.stat().st_size - 100)
    with pytest.raises(InputError, match=r"a\.h5 is not a whole HDF5 file") as error:
        make(path)
    assert "delete" not in str(error.value)


def test_an_empty_set(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", images=np.ones((0, 8, 8)), labels=np.ones(0))
    refused(path, r"images of shape \(0, 8, 8\) holds no fields")
