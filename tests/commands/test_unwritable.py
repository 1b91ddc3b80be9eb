"""What will not be writable at the end of a command is refused at its beginning."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conftest import SMALL, run

LONG = "x" * 252


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A working folder with a checkpoint, fields, a file and a folder named like an output."""
    shutil.copy(trained / "checkpoints" / "best.ckpt", tmp_path / "best.ckpt")
    (tmp_path / "file").touch()
    (tmp_path / "folder.h5").mkdir()
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["fields"] = np.ones((2, 4, 4), "int8")
    return tmp_path


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that nobody can write to, root included."""
    folder = tmp_path / "read_only"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mount wants the rights of root here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def refused(folder: Path, *words: str) -> str:
    done = run(folder, *words)
    assert done.returncode == 1, done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "another run" not in line
    return line


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("file/out.h5", "file/out.h5 cannot be used (File exists)"),
        ("folder.h5", "folder.h5 is a folder; give the name of a file as output=…"),
        ("/proc/out.h5", "/proc/out.h5 cannot be used"),
        (f"{LONG}x.h5", "is too long for the file system; give a shorter name."),
    ],
)
def test_predict(folder: Path, output: str, said: str) -> None:
    words = ["ckpt_path=best.ckpt", "input=in.h5", f"output={output}", "overwrite=true"]
    before = sorted(folder.iterdir())
    assert said in refused(folder, "predict.py", *words)
    assert sorted(folder.iterdir()) == before


def test_predict_writes_the_longest_name_and_makes_folders(folder: Path) -> None:
    words = ["ckpt_path=best.ckpt", "input=in.h5", f"output=new/folders/{LONG}.h5"]
    done = run(folder, "predict.py", *words)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (folder / "new" / "folders").iterdir()] == [f"{LONG}.h5"]


def test_a_read_only_file_system(folder: Path, read_only: Path, trained: Path) -> None:
    words = ["ckpt_path=best.ckpt", "input=in.h5", f"output={read_only / 'out.h5'}"]
    said = "cannot be used (Read-only file system)"
    assert said in refused(folder, "predict.py", *words)
    assert said in refused(folder, "generate.py", f"data.cache={read_only}", *SMALL[:4])
    words = ["data=dft", f"data.path={read_only / 'x.h5'}", "data.count=1"]
    assert said in refused(folder, "generate.py", *words)
    (folder / "outputs").symlink_to(read_only)
    for command in ("train.py", "study.py"):
        assert said in refused(folder, command)
    assert said in refused(folder, "evaluate.py", "ckpt_path=best.ckpt", "data=ising")
    assert not (folder / "data").exists()


def test_a_cache_that_has_the_file_may_be_read_only(trained: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(trained.parents[2] / "data" / "cache", cache)
    mount = ["mount", "--bind", "-o", "ro", str(cache), str(cache)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mount wants the rights of root here")
    try:
        assert os.statvfs(cache).f_flag & os.ST_RDONLY
        done = run(tmp_path, "generate.py", f"data.cache={cache}", *SMALL[:4])
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["umount", str(cache)], check=True)


@pytest.mark.parametrize("command", ["train.py", "study.py", "evaluate.py"])
def test_outputs_that_is_a_file(folder: Path, command: str) -> None:
    (folder / "outputs").touch()
    words = ["ckpt_path=best.ckpt", "data=ising"] if command == "evaluate.py" else []
    assert "cannot be used" in refused(folder, command, *words)
    assert not (folder / "data").exists()


@pytest.mark.parametrize(
    "words", ["data.cache=file", "data=dft data.path=file/x.h5", "data=dft data.path=folder.h5"]
)
def test_generate(folder: Path, words: str) -> None:
    said = refused(folder, "generate.py", *words.split())
    assert "cannot be used" in said or "is a folder" in said
