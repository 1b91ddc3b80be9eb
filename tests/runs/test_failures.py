"""Every failure ends in one sentence; own code, and a bug of ours, show their traceback before."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from wandb.errors import CommError

from ednn.core.errors import InputError
from ednn.runs.failures import causes, in_one_sentence, told
from tests.conftest import REPOSITORY, UNTESTED, run, start

SIZES = [*(f"data.n_{split}=20" for split in ("train", "val", "test")), "data.batch_size=20"]
MINE = """
import os

import numpy as np
import torch

from ednn.core.errors import InputError
from ednn.data.fields.ising import IsingData


class Asks(IsingData):
    def __init__(self, fails, **arguments):
        super().__init__(**arguments)
        self.fails = fails

    def setup(self, stage=None):
        super().setup(stage)
        exec(self.fails)


class Child(Asks):
    def setup(self, stage=None):
        if os.environ.get("LOCAL_RANK") == "1":
            super().setup(stage)
        else:
            IsingData.setup(self, stage)


class Net(torch.nn.Module):
    def __init__(self, window, outputs):
        super().__init__()
        window.nothing
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(MINE)
    (folder / "lacks.py").write_text("import nothing_of_this_name\n")
    return folder


def failing(target: str, code: str) -> list[str]:
    return [f"data._target_=mine.{target}", f'+data.fails="{code}"', "fast_dev_run=true", *SIZES]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise OSError('no number\\n at all')", "The system refused (no number at all); check"),
        ("open('nowhere/x')", "nowhere/x cannot be used (No such file or directory)"),
        ("open('y' * 256)", "is too long for the file system; give a shorter name."),
        ("os.read(10**6, 1)", "The system refused ([Errno 9] Bad file descriptor)"),
        ("np.zeros(10**15)", "The memory is too small; take a smaller data.batch_size"),
        ("torch.zeros(10**15)", "The memory is too small; take a smaller data.batch_size"),
        ("raise torch.OutOfMemoryError()", "The memory is too small; take a smaller"),
        ("raise CommError('no\\nnetwork')", "W&B failed (no network); check your login"),
        ("raise MisconfigurationException('no\\ngo')", "refuses a setting of trainer: no go."),
        ("raise InputError('x=1 is wrong; give 2.')", "error: x=1 is wrong; give 2."),
    ],
)
def test_a_sentence(code: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    modules = {"np": np, "os": os, "torch": torch, "CommError": CommError}
    errors = {"InputError": InputError, "MisconfigurationException": MisconfigurationException}
    with pytest.raises(SystemExit) as end, in_one_sentence(told):
        exec(code, {**modules, **errors})
    (line,) = str(end.value).splitlines()
    assert said in line
    assert line.endswith(".")
    assert not capsys.readouterr().err


def test_a_command_ends_with_a_sentence(folder: Path) -> None:
    done = run(folder, "train.py", *failing("Asks", "np.zeros(10**15)"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: The memory is too small; take a smaller data.batch_size")
    assert done.stderr.count("\n") == 1


def test_compiled_libraries_are_no_code_of_the_user(folder: Path) -> None:
    with h5py.File(folder / "other.h5", "w") as file:
        file["x"] = 1
    done = run(folder, "train.py", "data=dft", "data.path=other.h5")
    assert done.returncode == 1
    assert done.stderr.startswith("error: other.h5 is not a file of labelled structures")
    assert done.stderr.count("\n") == 1


def test_errors_that_name_each_other_are_gone_through_once() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert list(causes(one)) == [one, other]


def test_null_turns_a_callback_off(folder: Path) -> None:
    words = ["callbacks.last=null", "callbacks.progress=null", "trainer.max_epochs=1", UNTESTED]
    done = run(folder, "train.py", *SIZES, *words, "run=less")
    assert done.returncode == 0, done.stderr
    kept = {path.name for path in (folder / "outputs/runs/less/checkpoints").iterdir()}
    assert kept == {"best.ckpt"}
    assert "Training:" not in done.stderr


@pytest.mark.parametrize(
    ("words", "shown", "said"),
    [
        (failing("Asks", "1 / 0"), "mine.py", "Your own code failed, as shown above (ZeroDiv"),
        (["model.subnet._target_=mine.Net"], "window.nothing", "cannot be made: 'tuple' object"),
        (["data._target_=lacks.Data"], "lacks.py", "(No module named 'nothing_of_this_name')"),
    ],
)
def test_own_code_shows_its_own_traceback(
    folder: Path, words: list[str], shown: str, said: str
) -> None:
    done = run(folder, "train.py", *words, *SIZES)
    assert done.returncode == 1
    above, _, line = done.stderr.rstrip().rpartition("\n")
    assert said in line
    assert line.startswith("error: ")
    assert shown in above.splitlines()[1] + above.splitlines()[2]
    assert "hydra" not in above


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data._target_=mine.Nothing"], "_target_=mine.Nothing cannot be imported"),
        (["data._target_=nowhere.Data"], "_target_=nowhere.Data cannot be imported (No module"),
        (["+data.more=3"], "What data names cannot be made: ExtensiveData.__init__() got an"),
        (["trainer.accelerator=abacus"], "Lightning refuses a setting of trainer: You selected"),
        (["trainer.precision=0"], "Lightning refuses a setting of trainer: Precision 0 is invalid"),
        (["trainer.profiler=true"], "trainer.profiler=True is not possible; give simple, advanced"),
        (["trainer.check_val_every_n_epoch=0"], "give a whole number of at least 1"),
        (["trainer.num_nodes=abc"], "trainer.num_nodes=abc is not possible; give a whole number"),
        (["trainer.val_check_interval=0"], "trainer.val_check_interval=0 is not possible"),
        (["trainer.detect_anomaly=0"], "detect_anomaly=0 is not possible; give true or false"),
        (["speed=0"], "speed=0 would replace a group of settings; give those of them that you"),
        (["callbacks.best=3"], "such as callbacks.best._target_=…, or see them all by --cfg job"),
        (["paper=null"], "paper=null is not possible; leave it out"),
        (["+task.optimizer.eps=-1"], "Invalid epsilon value: -1; conf/task has"),
        (["task.optimizer.lr=-1"], "task.optimizer.lr=-1 is not possible"),
    ],
)
def test_a_class_of_the_config(folder: Path, words: list[str], said: str) -> None:
    done = run(folder, "train.py", *words, *SIZES, "fast_dev_run=true")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert said in line


def test_a_bug_of_ours_says_where_to_report_it(tmp_path: Path) -> None:
    code = (
        "from ednn.commands.cli import command\n"
        "from ednn.runs.folder import Run\n"
        "@command\n"
        "def generate(cfg):\n    Run(3)\n"
        "generate()\n"
    )
    (tmp_path / "own.py").write_text(code)
    done = run(tmp_path, str(tmp_path / "own.py"))
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.splitlines()[-1] == (
        "error: This is a bug of ednn, not of your input; please report it with the lines above at "
        "https://github.com/ednn/ednn/issues."
    )


def test_a_reader_that_has_gone_and_a_full_disk() -> None:
    words = [sys.executable, str(REPOSITORY / "train.py"), "--cfg", "job"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: No room to write a file")
    assert done.stderr.count("\n") == 1
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == (
        "error: The program that read this output has ended, and so did this command.\n"
    )


@pytest.mark.slow
def test_one_of_several_processes(folder: Path) -> None:
    words = failing("Child", "raise InputError('x=1 is wrong; give 2.')")
    done = run(folder, "train.py", *words, "trainer=ddp_sim")
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == ["error: x=1 is wrong; give 2."]  # Lightning's is first


@pytest.mark.slow
def test_an_interrupt(tmp_path: Path) -> None:
    # Where the tests run in the background, SIGINT is ignored, and so it would be by a child.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = start(tmp_path, "train.py", *SIZES, "data.n_train=2000", "run=x")
    signal.signal(signal.SIGINT, before)
    while not (tmp_path / "outputs/runs/x/checkpoints/last.ckpt").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.splitlines()[-1] == (
        "Interrupted; resume=auto goes on from the last finished epoch."
    )
    assert "Traceback" not in err


@pytest.mark.parametrize("package", ["wandb", pytest.param("tensorboard", marks=pytest.mark.long)])
def test_a_logger_that_is_not_installed_is_told_before_the_training(
    tmp_path: Path, package: str
) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{package!r}] = None\n"  # as if it were not installed
        "from ednn.commands.train import train\n"
        "train()\n"
    )
    (tmp_path / "own.py").write_text(code)
    done = run(tmp_path, str(tmp_path / "own.py"), f"logger={package}", "run=x")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: There is no {package} here; ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "outputs/runs/x/config.yaml").exists()
