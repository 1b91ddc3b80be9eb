"""predict.py on fields that don't fit: bounded memory, kills, several processes, full disks."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from ednn.inference.pieces import finished
from tests.conftest import REPOSITORY, run, start

SIDE = 2000
ROOM = ".out.h5.unfinished"


@pytest.fixture(scope="module")
def spins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spins") / "spins.h5"
    values = np.random.default_rng(0).choice(np.array([-1, 1], "int8"), (1, SIDE, SIDE))
    with h5py.File(path, "w") as file:
        file.create_dataset("fields", data=values, chunks=(1, 100, 100))
    return path


@pytest.fixture(scope="module")
def words(trained: Path, spins: Path) -> list[str]:
    return [f"ckpt_path={trained / 'checkpoints' / 'best.ckpt'}", f"input={spins}", "output=out.h5"]


@pytest.fixture(scope="module")
def in_memory(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a prediction in few pieces."""
    folder = tmp_path_factory.mktemp("whole")
    done = run(folder, "predict.py", *words)
    assert done.returncode == 0, done.stderr
    assert "4/4" in done.stderr
    return folder


SMALL, PIECES = "memory=0.802", 512  # enough that a kill comes between them


def assert_same(folder: Path, other: Path) -> None:
    with h5py.File(folder / "out.h5") as one, h5py.File(other / "out.h5") as two:
        np.testing.assert_allclose(one["prediction"], two["prediction"], rtol=1e-6)
        np.testing.assert_allclose(one["contributions"], two["contributions"], rtol=1e-4, atol=1e-4)
        assert one["contributions"].shape == (1, SIDE, SIDE, 1)
    assert not list(folder.glob(".*"))


def torchrun(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start predict.py in two processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.Popen(
        [sys.executable, *launcher, str(REPOSITORY / "predict.py"), *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines(folder: Path, room: str = ROOM) -> int:
    """Count the pieces that are finished; a line that a kill cut short is none."""
    return sum(1 for _ in finished(folder / room))


def wait_for(folder: Path, pieces: int, room: str = ROOM) -> None:
    until = time.monotonic() + 120
    while lines(folder, room) < pieces:
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.slow
def test_a_table_has_the_sums_alone(words: list[str], in_memory: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "predict.py", *words, "output=out.csv", SMALL)
    assert done.returncode == 0, done.stderr
    (row,) = pd.read_csv(tmp_path / "out.csv", index_col="field").to_dict("records")
    with h5py.File(in_memory / "out.h5") as file:
        assert row == {
            "predicted_energy": pytest.approx(file["prediction"][0, 0], rel=1e-6),
            "predicted_energy_uncertainty": pytest.approx(file["uncertainty"][0, 0], rel=1e-6),
        }
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.slow
def test_a_killed_run_goes_on(words: list[str], in_memory: Path, tmp_path: Path) -> None:
    process = start(tmp_path, "predict.py", *words, SMALL)
    wait_for(tmp_path, 5)
    process.kill()
    process.communicate()
    kept = lines(tmp_path)
    assert kept >= 5
    assert not (tmp_path / "out.h5").exists()
    done = run(tmp_path, "predict.py", *words, SMALL)
    assert done.returncode == 0, done.stderr
    assert f"/{PIECES - kept}" in done.stderr  # pieces left
    assert_same(tmp_path, in_memory)


@pytest.mark.slow
def test_two_processes_are_one(words: list[str], in_memory: Path, tmp_path: Path) -> None:
    with torchrun(tmp_path, *words, SMALL) as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert out.count("Predictions:") == 1
    assert_same(tmp_path, in_memory)


@pytest.mark.slow
def test_a_lost_process_ends_the_run_and_keeps_what_is_finished(
    words: list[str], in_memory: Path, tmp_path: Path
) -> None:
    with torchrun(tmp_path, *words, SMALL) as process:
        wait_for(tmp_path, 4)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        _, err = process.communicate(timeout=300)
    assert process.returncode
    assert "error: This prediction was ended, or has lost another of its processes" in err
    kept = lines(tmp_path)
    assert kept >= 4
    done = run(tmp_path, "predict.py", *words, SMALL)  # one process goes on for two
    assert done.returncode == 0, done.stderr
    assert f"/{PIECES - kept}" in done.stderr
    assert_same(tmp_path, in_memory)


def test_bfloat16_is_near(words: list[str], in_memory: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "predict.py", *words, "bfloat16=true")
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "out.h5") as half, h5py.File(in_memory / "out.h5") as single:
        shares = half["contributions"][()]
        largest = np.abs(single["contributions"]).max()
        np.testing.assert_allclose(shares, single["contributions"], atol=0.02 * largest)
        assert not np.array_equal(shares, single["contributions"])
        np.testing.assert_allclose(shares.sum(dtype=float), half["prediction"][0, 0], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("side", [pytest.param(1000, marks=pytest.mark.long), 4000])
def test_memory_is_kept_to(trained: Path, tmp_path: Path, side: int) -> None:
    with h5py.File(tmp_path / "spins.h5", "w") as file:
        ones = np.ones((1, side, side), "int8")
        file.create_dataset("fields", data=ones, chunks=(1, 500, 500))
    checkpoint = trained / "checkpoints" / "best.ckpt"
    code = (
        f"import runpy, sys; sys.argv[0] = {str(REPOSITORY / 'predict.py')!r}; "
        "runpy.run_path(sys.argv[0], run_name='__main__'); print(open('/proc/self/status').read())"
    )
    words = [f"ckpt_path={checkpoint}", "input=spins.h5", "output=out.h5", "memory=0.9"]
    done = run(tmp_path, "-c", code, *words)
    assert done.returncode == 0, done.stderr
    # Of this program alone: the system counts the one that started it in `ru_maxrss`, too.
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert int(peak) * 1024 < 0.9e9


def test_a_file_that_ends_early_is_refused(words: list[str], spins: Path, tmp_path: Path) -> None:
    data = spins.read_bytes()
    (tmp_path / "short.h5").write_bytes(data[: len(data) // 2])
    done = run(tmp_path, "predict.py", *words, "input=short.h5")
    assert done.returncode
    assert "short.h5 is not a whole HDF5 file" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short.h5"]


@pytest.mark.slow
def test_a_full_disk_keeps_what_is_finished(
    words: list[str], in_memory: Path, tmp_path: Path
) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000)); "
    limited += "import runpy, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limited += f"sys.argv[0] = {str(REPOSITORY / 'predict.py')!r}; "
    limited += "runpy.run_path(sys.argv[0], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", limited, *words, SMALL],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode
    assert "error: No room to write" in done.stderr
    assert lines(tmp_path) > 3
    done = run(tmp_path, "predict.py", *words, SMALL)
    assert done.returncode == 0, done.stderr
    assert_same(tmp_path, in_memory)
