"""Real commands in real processes, on the real configs, shrunk."""

import atexit
import multiprocessing
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from uuid import uuid4

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
# Spins take a second of a core to make, however few: a command that needs no files of its own
# takes those that another has made, also in another process of the tests.
CACHE = os.environ.setdefault("EDNN_TESTS_CACHE", f"{gettempdir()}/ednn-tests-{uuid4()}")
SHARED = f"data.cache={CACHE}"
TINY = ["data.L=4", *(f"data.n_{split}=40" for split in ("train", "val", "test"))]
TINY += ["data.batch_size=10", SHARED]
UNTESTED = "trainer.limit_test_batches=0"  # the test and its pictures are half of a small training
TIMEOUT = 300  # seconds
Command = Callable[..., subprocess.CompletedProcess[str]]

# Imports take a command four seconds of a core, and the tests run hundreds: `run` forks each from
# a process that has imported all and run nothing.
FORKS = multiprocessing.get_context("forkserver")
PRELOADED = ["ednn.training.train", "ednn.inference.predict", "ednn.simulation.md"]
PRELOADED += ["ednn.simulation.relax", "ednn.commands.main", "tests.conftest"]
# What these import when they first need it.
LATE = ["ednn.data.fields.ising", "ednn.training.callbacks", "hydra.experimental.callback"]
LATE += ["matplotlib.backends.backend_agg", "pandas.io.formats.csvs", "pydantic.type_adapter"]
FORKS.set_forkserver_preload([*PRELOADED, *LATE])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind, when the last of the processes of the tests ends."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(CACHE, ignore_errors=True)


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


def run_alone(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an entry script, or a flag of Python's, to its end in a process of its own.

    A command that starts workers of joblib's needs one: they wait for ever below a forked process.
    """
    with start(folder, script, *arguments) as process:
        out, err = process.communicate(timeout=TIMEOUT)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def run(
    folder: Path, script: str, *arguments: str, timeout: float = TIMEOUT
) -> subprocess.CompletedProcess[str]:
    """Run an entry script, `-m` and a module, or `-c` and a program to its end."""
    if script == "-c":
        return run_alone(folder, script, *arguments)
    words = [script if script == "-m" else str(REPOSITORY / script), *arguments]
    with TemporaryDirectory() as logs:
        kept = Path(logs, "out"), Path(logs, "err")
        child = FORKS.Process(target=_enter, args=(folder, words, dict(os.environ), *kept))
        child.start()
        child.join(timeout)
        said = [log.read_bytes().decode() for log in kept]
        assert "\r" not in "".join(said), "a log is no terminal, whose lines are written over"
        if child.exitcode is None:
            child.kill()
            raise subprocess.TimeoutExpired(words, timeout, *said)
        return subprocess.CompletedProcess(words, child.exitcode, *said)


def _enter(folder: Path, words: list[str], environment: dict[str, str], *logs: Path) -> None:
    """Be the script or module: its folder, command line, environment and output."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment, OMP_NUM_THREADS="1")
    is_module = words[0] == "-m"
    sys.argv[:] = words[1:] if is_module else words
    for descriptor, log in enumerate(logs, start=1):
        with open(log, "wb") as file:
            os.dup2(file.fileno(), descriptor)
    try:
        if is_module:
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(words[0], run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # a forked process leaves them out; W&B ends by them


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small finished run; its working folder is three levels up."""
    folder = tmp_path_factory.mktemp("trained")
    done = run(folder, "train.py", "data=ising", "model=ann", "run=small", *SMALL)
    assert done.returncode == 0, done.stderr
    return folder / "outputs" / "runs" / "small"
