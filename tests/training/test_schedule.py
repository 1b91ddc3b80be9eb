"""A schedule of the learning rate lasts as long as the training, also one that is prolonged."""

from pathlib import Path

import pytest
import torch
from lightning import Trainer

from ednn.runs.folder import Run
from ednn.training.schedule import make_scheduler
from tests.conftest import TINY, UNTESTED, run

COSINE = "task.scheduler={_target_: torch.optim.lr_scheduler.CosineAnnealingLR, _partial_: true}"


def rates(run_folder: Path) -> list[float]:
    return Run(run_folder).history()["lr-Adam"].dropna().tolist()


@pytest.mark.parametrize("task", ["task=onecycle", pytest.param(COSINE, marks=pytest.mark.long)])
def test_a_finished_run_goes_on_with_more_epochs(tmp_path: Path, task: str) -> None:
    folder = tmp_path / "outputs" / "runs"
    words = ["train.py", *TINY, UNTESTED, task]
    for name, epochs in (("whole", 7), ("mine", 3)):
        done = run(tmp_path, *words, f"run={name}", f"trainer.max_epochs={epochs}")
        assert done.returncode == 0, done.stderr
    words += ["run=mine", "resume=auto"]
    longer = run(tmp_path, *words, "trainer.max_epochs=7")
    assert longer.returncode == 0, longer.stderr
    assert "had 12 steps when the run was started; it is stretched over the 28" in longer.stdout
    assert rates(folder / "mine")[3:] == pytest.approx(rates(folder / "whole")[3:], rel=1e-9)
    assert (folder / "mine" / "summary_1.json").exists()  # of the first three epochs
    again = run(tmp_path, *words, "trainer.max_epochs=7")
    assert "Already finished" in again.stdout

    before = (folder / "mine" / "summary.json").read_text()
    shorter = run(tmp_path, *words, "trainer.max_epochs=5")
    assert shorter.returncode == 1
    assert "has 7 epochs behind it, more than trainer.max_epochs=5" in shorter.stderr
    assert "Traceback" not in shorter.stderr
    assert (folder / "mine" / "summary.json").read_text() == before


def test_a_length_of_ones_own_stays(tmp_path: Path) -> None:
    own = COSINE.replace("}", ", T_max: 4}")
    words = ["task.optimizer.lr=0.5", own, "run=mine", "trainer.max_epochs=3"]
    done = run(tmp_path, "train.py", *TINY, UNTESTED, *words)
    assert done.returncode == 0, done.stderr
    back_and_forth = [0.5, 0.0, 0.5]  # an epoch has four steps
    assert rates(tmp_path / "outputs/runs/mine") == pytest.approx(back_and_forth, abs=1e-9)


def test_another_optimizer_is_another_run(tmp_path: Path) -> None:
    words = ["train.py", *TINY, UNTESTED, "run=mine", "trainer.max_epochs=2"]
    assert run(tmp_path, *words).returncode == 0
    words += ["resume=auto", "trainer.max_epochs=3"]
    done = run(tmp_path, *words, "task.optimizer.lr=1e-4")  # Lightning would keep the old one
    assert done.returncode == 1
    assert "was started with task.optimizer.lr=0.001, not 0.0001" in done.stderr


def test_a_rise_of_a_single_step() -> None:
    """`torch.optim.lr_scheduler.OneCycleLR` itself divides by zero."""
    config = {
        "_target_": "torch.optim.lr_scheduler.OneCycleLR",
        "_partial_": True,
        "max_lr": 1.0,
        "pct_start": 0.05,
    }
    optimizer = torch.optim.Adam([torch.zeros(1)])
    schedule = make_scheduler(config, optimizer, Trainer(max_steps=20, max_epochs=-1, logger=False))
    followed = []
    for _ in range(20):
        followed += schedule.get_last_lr()
        optimizer.step()
        schedule.step()
    assert followed[0] == pytest.approx(1 / 25)
    assert followed[1] > 0.9
    assert followed == sorted(followed[:1]) + sorted(followed[1:], reverse=True)
