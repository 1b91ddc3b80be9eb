"""Loader processes without shared memory: a sentence, where torch waits for ever or crashes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.data.fields.own_files import COUNT, RNG, write

SCRIPT = 'mount -t tmpfs -o "$0" tmpfs /dev/shm && exec "$@"'  # seen by this process alone
MAY_MOUNT = not subprocess.run(
    ["unshare", "--mount", "sh", "-c", SCRIPT, "size=4k", "true"], capture_output=True
).returncode


@pytest.mark.long
@pytest.mark.skipif(not MAY_MOUNT, reason="nobody here may mount a small /dev/shm")
@pytest.mark.parametrize("room", ["size=64k", "nr_inodes=3"])  # for batches; for locks
def test_a_full_shared_memory_ends_in_one_sentence(room: str, tmp_path: Path) -> None:
    write(tmp_path / "a.h5", images=RNG.normal(size=(COUNT, 64, 64)), labels=RNG.normal(size=COUNT))
    train = [sys.executable, str(REPOSITORY / "train.py"), "data=hdf5", "data.path=a.h5"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", SCRIPT, room, *train, "data.workers=1"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: The loader processes find no room in the shared memory")
    assert "give data.workers=0" in last
