"""A run that an earlier version began goes on in this one."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

from ednn.core.upgrades import VERSION
from tests.conftest import REPOSITORY, run

BEGUN = REPOSITORY / "tests" / "checkpoints" / "v0_ising_ann.ckpt"  # two epochs of four steps
COUNTS = {"n_train": 400, "n_val": 100, "n_test": 100, "batch_size": 100}
RECORD = {  # what the run's config.yaml said of model and data in version 0
    "model": {
        "_target_": "ednn.model.EDNN",
        "subnet": {"_target_": "ednn.subnets.ANN"},
        "focus": 1,
        "context": 1,
        "padding": "periodic",
    },
    "data": {
        "_target_": "ednn.data.ising.IsingData",
        "L": 8,
        "dims": 2,
        "J": 1.0,
        "target": "energy",
        "temperatures": None,
        "workers": 0,
        "seed": 0,
        "cache": "data/cache",
        **COUNTS,
    },
}
WORDS = ["data=ising", "model=ann", *(f"data.{name}={n}" for name, n in COUNTS.items())]


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The folder of a run that version 0 began, in a working folder of its own."""
    folder = tmp_path / "outputs" / "runs" / "begun"
    (folder / "checkpoints").mkdir(parents=True)
    shutil.copy(BEGUN, folder / "checkpoints" / "last.ckpt")
    OmegaConf.save(OmegaConf.create(RECORD), folder / "config.yaml")
    return folder


def test_it_goes_on_like_a_run_that_was_never_interrupted(begun: Path, tmp_path: Path) -> None:
    for name in ("whole", "begun"):
        words = [f"run={name}", "trainer.max_epochs=4", "resume=auto"]
        done = run(tmp_path, "train.py", *WORDS, *words)
        assert done.returncode == 0, done.stderr
    whole, resumed = (
        torch.load(begun.with_name(name) / "checkpoints" / "last.ckpt", weights_only=True)
        for name in ("whole", "begun")
    )
    assert resumed["ednn"]["version"] == VERSION
    assert resumed["global_step"] == whole["global_step"] == 16
    assert resumed["optimizer_states"][0]["state"][0]["step"] == 16
    for name, value in whole["state_dict"].items():
        torch.testing.assert_close(resumed["state_dict"][name], value, rtol=1e-3, atol=1e-5)
    history = pd.read_csv(begun / "metrics.csv")
    assert sorted(history.loc[history["train/loss"].notna(), "epoch"]) == [2, 3]
    assert json.loads((begun / "summary.json").read_text())["train/epochs"] == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("tile.f=2", "was started with model.focus=1, not 2"),
        ("model=site_ann", "was started with model.subnet="),
        ("data=coulomb", "was started with data._target_=IsingData, not CoulombData"),
    ],
)
def test_it_does_not_go_on_as_another(begun: Path, change: str, words: str) -> None:
    kept = [word for word in WORDS if word.partition("=")[0] != change.partition("=")[0]]
    done = run(begun.parents[2], "train.py", *kept, change, "run=begun", "resume=auto")
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert OmegaConf.load(begun / "config.yaml") == RECORD
