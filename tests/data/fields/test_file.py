"""Files of fields: whole or absent, and read only if they are what they should be."""

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import ednn
from ednn.core.errors import InputError
from ednn.data.fields.file import write_fields
from ednn.data.fields.layout import channels_first
from ednn.data.hdf5_file import dataset, open_hdf5, require_finite

RNG = np.random.default_rng(0)


def content(count: int = 20) -> dict[str, Any]:
    order = RNG.permutation(count)
    return {
        "samples": {
            "fields": RNG.integers(-1, 2, (count, 4, 6)).astype(np.int8),
            "labels": RNG.normal(size=(count, 2)),
            "derivative": RNG.normal(size=(count, 4, 6)).astype(np.float32),
        },
        "splits": {"train": order[: count - 4], "val": order[-4:-2], "test": order[-2:]},
        "attributes": {"unit": "J", "dropped": 3},
        "settings": {"L": [4, 6], "seed": 7, "J": 1.0},
    }


def leftovers(path: Path) -> list[str]:
    return sorted(item.name for item in path.parent.iterdir() if item != path)


def test_round_trip(tmp_path: Path) -> None:
    written, path = content(), tmp_path / "new" / "a.h5"
    write_fields(path, **written)
    with open_hdf5(path) as file:
        for name, samples in written["samples"].items():
            values = dataset(file, name)[...]
            assert values.dtype == samples.dtype
            assert np.array_equal(values, samples)
        for name, index in written["splits"].items():
            assert np.array_equal(dataset(file, f"splits/{name}")[...], index)
        assert (file.attrs["unit"], file.attrs["dropped"]) == ("J", 3)
        assert json.loads(file.attrs["settings"]) == written["settings"]
        assert file.attrs["code_version"] == ednn.__version__
    assert leftovers(path) == []


def test_fields_are_stored_in_chunks_of_whole_samples(tmp_path: Path) -> None:
    written = content()
    written["samples"]["fields"] = np.zeros((20, 512, 512), np.float32)  # a megabyte each
    write_fields(tmp_path / "a.h5", **written)
    with open_hdf5(tmp_path / "a.h5") as file:
        assert dataset(file, "fields").chunks == (1, 512, 512)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (truncate, "not a whole"),
        (lambda path: path.write_bytes(path.read_bytes()[:10]), "not a whole"),
        (lambda path: path.write_bytes(b""), "no"),
        (lambda path: path.write_text("x,y\n1,2\n"), "no"),
        (lambda path: np.zeros(3).tofile(path), "no"),
    ],
    ids=["end missing", "beginning alone", "empty", "text", "numbers"],
)
def test_truncated_and_foreign_files(
    harm: Callable[[Path], Any], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.h5"
    write_fields(path, **content())
    harm(path)
    with (
        pytest.raises(InputError, match=rf"a\.h5 is {words} HDF5 file") as error,
        open_hdf5(path),
    ):
        pass
    assert "\n" not in str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*b\.h5"), open_hdf5(tmp_path / "b.h5"):
        pass


def test_missing_key_names_those_that_exist(tmp_path: Path) -> None:
    write_fields(tmp_path / "a.h5", **content())
    with open_hdf5(tmp_path / "a.h5") as file:
        with pytest.raises(InputError, match=r"'field'; it has derivative, fields, labels"):
            dataset(file, "field")
        with pytest.raises(InputError, match="no dataset 'splits'"):  # a group
            dataset(file, "splits")
    with h5py.File(tmp_path / "b.h5", "w"):
        pass
    with (
        open_hdf5(tmp_path / "b.h5") as file,
        pytest.raises(InputError, match="no dataset 'fields'; it has none"),
    ):
        dataset(file, "fields")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_position_of_a_value_that_is_not_finite(value: float) -> None:
    fields = np.zeros((5, 1, 4, 6), np.float32)
    require_finite(fields, "fields")
    fields[3, 0, 2, 5] = value
    with pytest.raises(InputError, match=rf"fields holds {value} in sample 3 .*\(3, 0, 2, 5\)"):
        require_finite(fields, "fields")


def test_integers_are_finite() -> None:
    require_finite(np.ones((2, 3), np.int8), "spins")


# given, dims, channels, first, what the same values look like with the channels first
LAYOUTS = [
    ("nxy", 2, 1, None),
    ("nx", 1, 1, None),
    ("nxyz", 3, 1, None),
    ("ncxy", 2, 2, None),
    ("nxyc", 2, 2, None),
    ("nxyzc", 3, 2, None),
    ("nxc", 1, 2, None),
    ("ncxy", 2, 2, True),
    ("nxyc", 2, 2, False),
]
SIDES = {"n": 3, "c": 2, "x": 4, "y": 5, "z": 6}


@pytest.mark.parametrize(("layout", "dims", "channels", "first"), LAYOUTS)
def test_channels_are_brought_first(
    layout: str, dims: int, channels: int, first: bool | None
) -> None:
    fields = RNG.normal(size=[SIDES[axis] for axis in layout])
    brought = channels_first(fields, dims, channels, first)
    wanted = "nc" + "xyz"[:dims]
    assert brought.shape == tuple(SIDES[a] if a != "c" else channels for a in wanted)
    if "c" in layout:
        assert np.array_equal(brought, np.einsum(f"{layout}->{wanted}", fields))
    else:
        assert np.array_equal(brought[:, 0], fields)
    assert np.shares_memory(brought, fields)


def test_channels_that_could_be_either_are_asked_for() -> None:
    fields = RNG.normal(size=(3, 2, 5, 2))
    with pytest.raises(InputError, match="give channels_first=true or false"):
        channels_first(fields, 2, 2)
    assert channels_first(fields, 2, 2, first=True).shape == (3, 2, 5, 2)
    assert channels_first(fields, 2, 2, first=False).shape == (3, 2, 2, 5)


@pytest.mark.parametrize("layout", ["ncxy", "nxyc"])
def test_channels_that_stand_elsewhere_than_in_the_training_are_found(layout: str) -> None:
    fields = RNG.normal(size=[SIDES[axis] for axis in layout])
    brought = channels_first(fields, 2, 2, first=layout == "nxyc")
    assert np.array_equal(brought, np.einsum(f"{layout}->ncxy", fields))


@pytest.mark.parametrize(
    ("shape", "dims", "channels", "first"),
    [
        ((3, 4, 5), 2, 2, None),
        ((3, 4, 5), 3, 1, None),
        ((3, 4, 5, 3), 2, 2, None),
        ((3, 4, 5, 3), 2, 2, True),
        ((3, 4, 2, 5), 2, 2, False),
        ((3, 2, 4, 5, 6), 2, 2, None),
    ],
)
def test_fields_of_another_shape(
    shape: tuple[int, ...], dims: int, channels: int, first: bool | None
) -> None:
    with pytest.raises(InputError) as error:
        channels_first(np.zeros(shape), dims, channels, first)
    assert str(shape) in str(error.value)
    assert f"{channels} channel" in str(error.value)


class Interrupted(dict[str, np.ndarray]):
    """Splits whose second one never comes."""

    def items(self) -> Any:
        yield "train", np.arange(3)
        raise KeyboardInterrupt


@pytest.mark.parametrize("existed", [False, True])
def test_an_interrupted_write_leaves_things_as_they_were(existed: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    if existed:
        write_fields(path, **content())
    before = path.read_bytes() if existed else None
    with pytest.raises(KeyboardInterrupt):
        write_fields(path, **(content() | {"splits": Interrupted()}))
    assert (path.read_bytes() if path.exists() else None) == before
    assert leftovers(path) == []


FULL_DISK = """
import resource, sys
import numpy as np
from pathlib import Path
from ednn.data.fields.file import write_fields
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
noise = np.random.default_rng(0).normal(size=(400, 8, 8))  # 200 kB that don't compress
try:
    write_fields(Path(sys.argv[1]), {"fields": noise, "labels": noise[:, 0, :1]}, {}, {}, {})
except OSError as error:
    sys.exit(f"{error.errno} {error.filename}")
"""


@pytest.mark.parametrize(("existed", "room"), [(False, 10), (True, 5_000), (True, 199_000)])
def test_a_full_disk_leaves_the_old_file_intact(existed: bool, room: int, tmp_path: Path) -> None:
    """HDF5 on its own crashes the process when it cannot flush."""
    path = tmp_path / "a.h5"
    if existed:
        write_fields(path, **content())
    before = path.read_bytes() if existed else None
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(room)], capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (1, f"{errno.EFBIG} {path}\n")
    assert (path.read_bytes() if path.exists() else None) == before
    assert leftovers(path) == []
