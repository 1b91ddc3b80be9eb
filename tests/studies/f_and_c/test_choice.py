"""The command from data to recommendation, on data whose locality length is known."""

import json
import shlex
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from ednn import plots
from ednn.core.errors import InputError
from ednn.runs.configs import CONF
from ednn.studies.f_and_c.choice import check
from tests.commands.test_configs import composed
from tests.conftest import TIMEOUT, run, start

LINES = ["-m", "ednn", "locality", "data=hdf5", "data.path=lines.h5", "data.dims=1", "run=mine"]
LINES += ["locality.repeats=1", "locality.samples=8"]
FOLDER = Path("outputs", "locality", "mine")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of spins that interact with those 4 apart: l = 2."""
    spins = np.random.default_rng(0).choice([-1.0, 1.0], (1500, 12)).astype(np.float32)
    with h5py.File(tmp_path / "lines.h5", "w") as file:
        file["images"], file["labels"] = spins, -(spins * np.roll(spins, 4, 1)).sum(1)
    return tmp_path


def result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / FOLDER / "result.json").read_text())
    return found


@pytest.mark.slow
def test_an_own_file_of_known_locality_also_after_a_kill(folder: Path) -> None:
    words = [*LINES, "locality.f=[1,2]", "locality.c=[1,2,3]"]
    with start(folder, *words) as process:
        begun, first = time.monotonic(), folder / FOLDER / "f=1,c=1,repeat=1" / "summary.json"
        while not first.exists():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() - begun < TIMEOUT
            time.sleep(0.02)
        process.kill()
    before = first.stat().st_mtime_ns
    done = run(folder, *words)
    assert done.returncode == 0, done.stderr
    assert first.stat().st_mtime_ns == before  # not trained again
    assert "tile.c=2" in done.stdout

    numbers = result(folder)["numbers"]
    assert numbers["verdict"]["state"] == "found"
    assert [(row["f"], row["c"]) for row in numbers["table"]] == [(1, 1), (1, 2), (1, 3), (2, 2)]
    network = numbers["responses"]["network"]
    assert int(np.argmax(network)) + 1 == 4  # of distances 1, 2, …
    assert plots.read(folder / FOLDER / "picture.png").shape[1] >= 800
    page = (folder / FOLDER / "report.html").read_text()
    assert numbers["train"] in page
    assert 'src="http' not in page
    command, name, *settings = shlex.split(numbers["train"])
    assert (command, name) == ("ednn", "train")
    assert composed(*settings).tile == {"f": numbers["f"], "c": 2, "padding": "periodic"}
    assert not list((folder / FOLDER).rglob("predictions.csv"))  # nothing was tested


@pytest.mark.long
def test_ising_needs_its_nearest_neighbours(tmp_path: Path) -> None:
    sizes = ["data.n_train=1500", "data.n_val=200", "data.n_test=10", "data.L=6"]
    words = ["locality.c=[0,1,2]", "locality.f=[1]", "locality.repeats=1", "locality.samples=8"]
    done = run(tmp_path, "locality.py", "data=ising", *sizes, *words, "run=mine")
    assert done.returncode == 0, done.stderr
    numbers = result(tmp_path)["numbers"]
    assert (numbers["f"], numbers["c"]) == (1, 1)
    labels = numbers["responses"]["labels"]
    assert labels[0] > 0.3
    assert labels[1:] == [0.0] * len(labels[1:])
    assert f"python train.py data=ising {' '.join(sizes)} task=onecycle tile.f=1" in done.stdout


def test_too_short_trainings_recommend_nothing_but_longer_ones(folder: Path) -> None:
    done = run(folder, *LINES, "locality.c=[0,1]", "trainer.max_steps=2")
    assert done.returncode == 0, done.stderr
    assert "No recommendation" in done.stdout
    assert "No context up to c = 1 explains the labels" in done.stdout
    assert "epochs 1, batches of an epoch 2, examples of a batch 32." in done.stdout
    numbers = result(folder)["numbers"]
    assert numbers["train"] == ""
    assert "trainer.max_steps=8" in numbers["further"]
    other = run(folder, *LINES, "locality.c=[0,1]", "trainer.max_steps=3")
    assert "was begun with trainer.max_steps=2" in other.stderr


def settings(*words: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("locality", ["run=a", "run_dir=b", *words])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("fast_dev_run=true", "leaves no network to judge"),
        ("model=multiscale", "has several tiles"),
        ("tile.c=3", r"give locality.c=\[0,1,2\]"),
        ("tile.f=[1,2]", "give a whole number"),
        ("trainer.limit_val_batches=0", "Without validation"),
        ("locality.c=3", r"locality.c=3 is not possible; give a list .*=\[0,1,3\]"),
        ("locality.c=[0,-1]", "of at least 0"),
        ("locality.f=[0]", "of at least 1"),
        ("locality.f=[]", "give a list"),
        ("locality.repeats=0", "locality.repeats=0 is not possible"),
        ("locality.minutes=none", "locality.minutes=none is not possible"),
    ],
)
def test_bad_settings_are_told(monkeypatch: pytest.MonkeyPatch, words: str, said: str) -> None:
    monkeypatch.setattr("sys.argv", ["ednn locality", words])
    with pytest.raises(InputError, match=said):
        check(settings(words))


def test_a_focus_that_does_not_fit_is_refused_before_any_training(folder: Path) -> None:
    done = run(folder, *LINES, "locality.f=[1,5]")
    assert done.returncode == 1
    assert "is not a multiple of the focus f=5" in done.stderr
    assert not list((folder / FOLDER).glob("f=*"))


def test_recipes_keep_their_networks_and_have_the_short_trainings() -> None:
    own, dft = settings(), settings("experiment=dft")
    assert own.data.batch_size == 32
    assert own.task.scheduler._target_ == "torch.optim.lr_scheduler.OneCycleLR"
    assert dft.task.optimizer._target_ == "ednn.training.optimizers.muon"
    assert own.trainer.max_steps == dft.trainer.max_steps == 300


def test_a_sweep_ends_where_the_network_takes_no_wider_context(folder: Path) -> None:
    network = [
        "model=fcn",
        "model.subnet.widths=[4]",
        "tile.f=2",
    ]  # one convolution reaches one block
    done = run(folder, *LINES, *network, "trainer.max_steps=4")
    assert done.returncode == 0, done.stderr
    numbers = result(folder)["numbers"]
    assert numbers["ended"] == "as the network takes no wider ones"
    assert max(row["c"] for row in numbers["table"]) < 6
    assert {row["f"] for row in numbers["table"]} == {2}  # its errors don't depend on f
