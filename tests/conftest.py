"""Real commands in real processes, on the real configs, shrunk."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ednn.commands import cli  # noqa: F401 - makes the resolvers known to composed configs

REPOSITORY = Path(__file__).parent.parent
SMALL = [
    "data.n_train=2000",
    "data.n_val=300",
    "data.n_test=300",
    "data.batch_size=500",
    "trainer.max_epochs=3",
]
Command = Callable[..., subprocess.CompletedProcess[str]]


def start(folder: Path, script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start an entry script, or a flag of Python's; outputs and caches land in the folder."""
    program = script if script.startswith("-") else str(REPOSITORY / script)
    return subprocess.Popen(
        [sys.executable, program, *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an entry script to its end."""
    with start(folder, script, *arguments) as process:
        out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small finished run; its working folder is three levels up."""
    folder = tmp_path_factory.mktemp("trained")
    done = run(folder, "train.py", "data=ising", "model=ann", "run=small", *SMALL)
    assert done.returncode == 0, done.stderr
    return folder / "outputs" / "runs" / "small"
