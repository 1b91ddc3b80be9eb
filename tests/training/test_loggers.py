"""W&B with and without a key, a network and a wish; real runs of it, offline."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from tests.conftest import run, run_alone

TINY = ["data.L=4", *(f"data.n_{split}=40" for split in ("train", "val", "test"))]
TINY += ["data.batch_size=10", "run=mine", "logger=wandb"]
KEY = "0123456789" * 4


def wandb_ids(logs: Path) -> list[str]:
    return [path.name.split("-")[-1] for path in sorted(logs.glob("wandb/offline-run-*"))]


@pytest.mark.long
@pytest.mark.parametrize("key", [KEY, "short"])
def test_a_login_that_is_of_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("WANDB_API_KEY", key)
    done = run_alone(tmp_path, "train.py", *TINY, "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    assert "the run is kept offline in" in done.stdout
    assert len(wandb_ids(tmp_path / "outputs" / "runs" / "mine" / "logs")) == 1


def test_disabled_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    done = run(tmp_path, "train.py", *TINY, "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.rglob("*") if "wandb" in path.name]


@pytest.mark.slow
def test_a_resumed_run_goes_on_under_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    for epochs in (1, 2):
        words = [f"trainer.max_epochs={epochs}", "resume=auto"]
        done = run_alone(tmp_path, "train.py", *TINY, *words)
        assert done.returncode == 0, done.stderr
    first, second = wandb_ids(tmp_path / "outputs" / "runs" / "mine" / "logs")
    assert first == second


def test_the_jobs_of_a_sweep_are_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    words = ["tile.c=0,1", "trainer.max_epochs=1"]
    done = run(tmp_path, "train.py", "-m", *TINY, *words)
    assert done.returncode == 0, done.stderr
    configs = [p for p in tmp_path.rglob("config.yaml") if p.parent.name != ".hydra"]
    assert [OmegaConf.load(path).logger.wandb.group for path in configs] == ["mine", "mine"]
