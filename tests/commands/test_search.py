"""`hydra/sweeper=optuna`, with real trainings in real processes."""

import subprocess
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ednn.runs.folder import Run
from ednn.runs.sweep_table import TRIALS
from ednn.runs.trials import open_study
from tests.conftest import run, run_alone, start

pytest.importorskip("optuna")

TINY = ["data.n_train=300", "data.n_val=100", "data.n_test=100", "data.batch_size=100"]
SEARCH = ["train.py", "-m", "hydra/sweeper=optuna", *TINY, "run=s", "trainer.max_epochs=4"]
RATE = "task.optimizer.lr=tag(log,interval(1e-7,1e-1))"
PRUNING = "+hydra.sweeper.pruner.n_startup_trials=2"
CRASH = """
import os, signal
from lightning.pytorch.callbacks import Callback

class Crash(Callback):
    def on_train_epoch_end(self, trainer, module):
        if module.model.tiling.context[0] == 2:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def trials(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "outputs" / "sweeps" / "s" / TRIALS)


def table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "outputs" / "sweeps" / "s" / "sweep.csv")


@pytest.mark.long
def test_a_search_that_is_killed_twice_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    words = [*SEARCH, RATE, "tile.c=range(0,3)", PRUNING, "hydra.sweeper.n_trials=6"]
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    for folder in (unbroken, broken):
        folder.mkdir()
    done = run(unbroken, *words)
    assert done.returncode == 0, done.stderr
    for so_many in (1, 4):  # in the middle of the next, or of the one after that
        kill_after(so_many, broken, [*words, "resume=auto"])
        assert len(trials(broken)) < 6
    done = run(broken, *words, "resume=auto")
    assert done.returncode == 0, done.stderr
    assert ended(broken) == ended(unbroken)
    again = run(broken, *words, "resume=auto")
    assert "Training" not in again.stderr
    assert len(trials(broken)) == 6


def ended(folder: Path) -> list[tuple[Any, ...]]:
    """Return what the study knows of every trial."""
    trials = open_study(folder / "outputs" / "sweeps" / "s").get_trials()
    return [(t.number, t.state, t.params, t.value, t.intermediate_values) for t in trials]


def kill_after(so_many: int, folder: Path, words: list[str]) -> None:
    """Kill a search while it trains, after some trials."""
    with start(folder, *words) as process:
        runs = folder / "outputs" / "sweeps" / "s"
        while len(list(runs.glob("*/checkpoints/last.ckpt"))) <= so_many:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()


@pytest.mark.long
def test_pruned_and_failed_trials(tmp_path: Path) -> None:
    words = [*SEARCH, RATE, "tile.f=2,3", PRUNING, "hydra.sweeper.n_trials=8", "logger=wandb"]
    done = run(tmp_path, *words)  # 8 sites are no multiple of 3
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    found = table(tmp_path)
    assert len(found) == 8
    assert set(found["state"]) == {"complete", "pruned", "failed"}
    assert set(found.loc[found["state"] == "failed", "tile.f"]) == {3}
    sweep = tmp_path / "outputs" / "sweeps" / "s"
    for state, folder in trials(tmp_path)[["state", "run_dir"]].to_numpy():
        if state != "failed":
            assert (Run(sweep / folder).read_summary()["train/epochs"] < 4) == (state == "pruned")
            assert Run(sweep / folder).finished
            assert len(list((sweep / folder).rglob("offline-run-*/*.wandb"))) == 1
    for name in ("history", "importances", "slices"):
        assert (sweep / f"{name}.png").stat().st_size > 10_000
    (best,) = [line for line in done.stdout.splitlines() if line.startswith("python train.py")]
    least = found.loc[found["state"] == "complete", "val/loss"].min()
    repeated = run(tmp_path, "train.py", *best.split()[2:], "run=best")
    assert repeated.returncode == 0, repeated.stderr
    assert Run(tmp_path / "outputs" / "runs" / "best").read_summary()["val/loss"] == least


@pytest.mark.long
def test_a_job_that_takes_its_process_with_it(tmp_path: Path) -> None:
    (tmp_path / "crash.py").write_text(CRASH)
    words = ["tile.c=0,1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    crash = "+callbacks.crash={_target_: crash.Crash}"
    done = run_alone(tmp_path, *SEARCH, *words, crash, "hydra.sweeper.n_trials=4")
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert len(found) == 4
    assert set(found.loc[found["tile.c"] == 2, "state"]) == {"failed"}
    assert set(found.loc[found["tile.c"] != 2, "state"]) == {"complete"}
    assert "which had the same values" in done.stdout  # of three, four trials repeat one


@pytest.mark.long
def test_processes_of_one_trial_stop_together(tmp_path: Path) -> None:
    words = [RATE, PRUNING, "hydra.sweeper.n_trials=4", "trainer=ddp_sim"]
    done = run_alone(tmp_path, *SEARCH, *words)
    assert done.returncode == 0, done.stderr
    found = table(tmp_path)
    assert set(found["state"]) == {"complete", "pruned"}
    assert set(found["processes"]) == {2}
    assert (found.loc[found["state"] == "pruned", "train/epochs"] < 4).all()


@pytest.mark.long
def test_bad_input(tmp_path: Path) -> None:
    def refused(*words: str) -> str:
        done: subprocess.CompletedProcess[str] = run(tmp_path, *SEARCH, *words)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr.splitlines()[-1]

    assert "nothing to search in" in refused()
    assert "model='choice(ann,dnn)'" in refused("model=interval(ann,dnn)")
    assert "model is chosen by name" in refused("model=interval(1,2)")
    assert "nearest valid key is tile" in refused("tile.z=range(1,3)")
    assert "hydra.sweeper.n_trials=0" in refused("tile.c=0,1", "hydra.sweeper.n_trials=0")
    assert "No trial" in refused("tile.f=range(3,4)", "hydra.sweeper.n_trials=1")
    assert "add resume=auto" in refused("tile.f=range(3,4)")
    assert "searches tile.f=range(3,4)" in refused("tile.f=range(3,5)", "resume=auto")
