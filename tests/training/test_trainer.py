"""What Lightning's Trainer takes: every parameter, and what a run leaves behind with it."""

import json
import shutil
from inspect import signature
from pathlib import Path

import pandas as pd
import pytest
import torch
from lightning import Trainer
from omegaconf import OmegaConf

from ednn.runs.configs import CONF
from ednn.runs.folder import Run
from tests.conftest import TINY, UNTESTED, run

WORDS = [*TINY, "run=mine"]


def trained(folder: Path, *words: str) -> dict[str, float]:
    """The summary of a training that must succeed."""
    done = run(folder, "train.py", *WORDS, *words)
    assert done.returncode == 0, done.stderr
    summary: dict[str, float] = json.loads((folder / "outputs/runs/mine/summary.json").read_text())
    return summary


def test_every_parameter_is_in_the_config_with_its_default() -> None:
    config = OmegaConf.to_container(OmegaConf.load(CONF / "trainer" / "cpu.yaml"))
    assert isinstance(config, dict)
    parameters = signature(Trainer).parameters
    assert config.keys() == parameters.keys() - {"callbacks", "logger", "plugins"} | {"_target_"}
    ours = {"_target_", "accelerator", "devices", "precision", "max_epochs", "fast_dev_run"}
    ours |= {"num_sanity_val_steps", "log_every_n_steps", "enable_model_summary"}
    ours |= {"inference_mode", "use_distributed_sampler", "default_root_dir"}
    for name in map(str, config.keys() - ours):
        assert config[name] == parameters[name].default, name


@pytest.mark.slow
def test_time_limit(tmp_path: Path) -> None:
    words = ["+trainer.max_time=00:00:00:02", "trainer.max_epochs=-1", UNTESTED]
    summary = trained(tmp_path, *words)
    history = Run(tmp_path / "outputs/runs/mine").history()
    assert summary["train/epochs"] == history["train/loss"].notna().sum() > 1
    again = run(tmp_path, "train.py", *WORDS, *words, "resume=auto")
    assert "Already finished" in again.stdout
    words[0] = "trainer.max_time=00:00:00:04"
    longer = trained(tmp_path, *words, "resume=auto")
    assert longer["train/epochs"] > summary["train/epochs"]


def test_steps_end_a_training_in_mid_epoch(tmp_path: Path) -> None:
    summary = trained(tmp_path, "trainer.max_epochs=null", "trainer.max_steps=6")
    assert summary["train/epochs"] == 2
    history = Run(tmp_path / "outputs/runs/mine").history()
    assert history["step"].max() == 6


@pytest.mark.parametrize(
    ("words", "epochs"),
    [
        (["trainer.max_epochs=0"], 0),
        (["trainer.max_epochs=2", "trainer.limit_val_batches=0"], 2),
        (["trainer.max_epochs=2", "trainer.check_val_every_n_epoch=5"], 2),
        (["trainer.max_epochs=1", "trainer.enable_checkpointing=false"], 1),
    ],
)
def test_a_run_without_a_best_epoch_tests_the_last(
    tmp_path: Path, words: list[str], epochs: int
) -> None:
    summary = trained(tmp_path, *words)
    assert summary["train/epochs"] == epochs
    assert ("val/loss" in summary) == ("trainer.enable_checkpointing=false" in words)
    assert summary["test/samples"] == len(
        pd.read_csv(tmp_path / "outputs/runs/mine/predictions.csv")
    )
    assert not list(tmp_path.rglob("best.ckpt"))


def test_limits_and_switches(tmp_path: Path) -> None:
    words = ["limit_val_batches=2", "limit_test_batches=1", "val_check_interval=0.5"]
    words += ["max_epochs=2", "min_epochs=1", "num_sanity_val_steps=1", "deterministic=true"]
    words += ["gradient_clip_val=1", "gradient_clip_algorithm=value", "detect_anomaly=true"]
    words += ["enable_progress_bar=false", "reload_dataloaders_every_n_epochs=1"]
    summary = trained(tmp_path, *(f"trainer.{word}" for word in words))
    assert summary["test/samples"] == 10
    history = Run(tmp_path / "outputs/runs/mine").history()
    assert history["val/loss"].notna().sum() == 4


def test_a_training_without_a_test_is_recorded(tmp_path: Path) -> None:
    summary = trained(tmp_path, "trainer.max_epochs=2", "trainer.limit_test_batches=0")
    assert {"val/loss", "train/seconds", "unit"} <= summary.keys()
    assert not [name for name in summary if name.startswith("test/")]
    folder = tmp_path / "outputs/runs/mine"
    assert (folder / "checkpoints/best.ckpt").exists()
    assert not (folder / "predictions.csv").exists()


def test_overfitting_sees_the_same_batches(tmp_path: Path) -> None:
    words = ["trainer.overfit_batches=1", "trainer.max_epochs=100", "task.optimizer.lr=0.05"]
    trained(tmp_path, *words, UNTESTED, "data.batch_size=3")
    losses = Run(tmp_path / "outputs/runs/mine").history()["train/loss"].dropna()
    assert losses.iloc[-1] < 1e-3 * losses.iloc[0]


def test_validation_is_no_part_of_the_training_rate(tmp_path: Path) -> None:
    words = ["data.n_train=50", "data.n_val=5000", "data.batch_size=50", "trainer.max_epochs=3"]
    summary = trained(tmp_path, UNTESTED, "data.L=8", *words)
    history = Run(tmp_path / "outputs/runs/mine").history()
    training = (50 / history["train/samples_per_second"].dropna()).sum()  # one batch an epoch
    assert training < summary["train/seconds"] / 2  # the other hundred batches are validation


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("trainer.max_epochs=-1", "trainer.max_epochs=-1 never ends"),
        ("trainer.max_epochs=null", "trainer.max_epochs=None never ends"),
        ("trainer.max_epochs=-2", "trainer.max_epochs=-2 is not possible"),
        ("trainer.max_time=5", "DD:HH:MM:SS"),
        ("trainer.max_steps=1.5", "trainer.max_steps=1.5"),
        ("trainer.barebones=true", "trainer.barebones=true"),
        ("trainer.val_check_interval=100", "`val_check_interval` (100)"),
        ("trainer.gradient_clip_algorithm=max trainer.gradient_clip_val=1", "max"),
        ("task=onecycle trainer.max_epochs=-1 trainer.max_time=00:00:01:00", "OneCycleLR"),
        ("trainer.num_nodes=2", "2 machines"),
        ("logger.csv.save_dir=taken", "taken"),
        ("callbacks.best.dirpath=taken", "taken"),
    ],
)
def test_refused_before_the_training(tmp_path: Path, words: str, named: str) -> None:
    (tmp_path / "taken").write_text("a file, no folder")
    done = run(tmp_path, "train.py", *WORDS, *words.split())
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Training:   " not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert named in sentence
    assert not list(tmp_path.rglob("*.ckpt"))


def test_averages_of_the_weights_are_what_is_tested(tmp_path: Path) -> None:
    target = "lightning.pytorch.callbacks.EMAWeightAveraging"
    words = [f"+callbacks.ema._target_={target}", "trainer.max_epochs=2"]
    refused = run(tmp_path, "train.py", *WORDS, *words)
    assert refused.returncode == 1
    assert "give callbacks.best.save_weights_only=false" in refused.stderr
    shutil.rmtree(tmp_path / "outputs")
    trained(tmp_path, *words, "callbacks.best.save_weights_only=false")
    best = torch.load(tmp_path / "outputs/runs/mine/checkpoints/best.ckpt", weights_only=True)
    averages, last = best["state_dict"], best["current_model_state"]
    assert any(not torch.equal(averages[name], last[name]) for name in averages)
