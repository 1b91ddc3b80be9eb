"""A training as the user starts it: run folder, resume, several processes."""

import json
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import ednn
from ednn import plots
from ednn.data.fields.layout import channels_first
from ednn.data.hdf5_file import dataset, open_hdf5
from tests.conftest import SHARED, SMALL, TINY, UNTESTED, run, start

MUON = ["task=muon", "model=fcn", "tile.f=2", "tile.c=2", "model.subnet.widths=[4,8,8]"]


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    return torch.load(checkpoint, weights_only=True)["state_dict"]


def test_run_folder_is_complete(trained: Path) -> None:
    expected = ["config.yaml", "environment.json", "splits.npz", "metrics.csv", "predictions.csv"]
    for name in [*expected, "summary.json", "checkpoints/best.ckpt", "checkpoints/last.ckpt"]:
        assert (trained / name).stat().st_size > 0, name
    for name in ("loss", "parity", "error"):
        assert plots.read(trained / f"{name}.png").shape[1] >= 800
    assert not list(trained.rglob("*.tmp"))


def test_summary_is_that_of_the_predictions(trained: Path) -> None:
    summary = json.loads((trained / "summary.json").read_text())
    table = pd.read_csv(trained / "predictions.csv")
    error = (table["energy_predicted"] - table["energy_true"]).abs()
    assert summary["test/median_absolute_error"] == pytest.approx(error.median(), rel=1e-5)
    assert summary["test/mean_absolute_error"] == pytest.approx(error.mean(), rel=1e-5)
    per_site = summary["test/mean_absolute_error_per_site"]
    assert per_site == pytest.approx(error.mean() / 64, rel=1e-5)
    assert (summary["unit"], summary["unit_per_site"]) == ("J", "J per spin")
    assert summary["test/samples"] == len(table)
    rate = summary["train/samples_per_second"]
    assert summary["train/sites_per_second"] == pytest.approx(64 * rate)


def test_a_run_is_tested_on_its_own_data(trained: Path) -> None:
    folder = trained.parents[2]
    done = run(folder, "evaluate.py", f"ckpt_path={trained}", "run=own")
    assert done.returncode == 0, done.stderr
    tested = pd.read_csv(folder / "outputs" / "evaluations" / "own" / "predictions.csv")
    pd.testing.assert_frame_equal(tested, pd.read_csv(trained / "predictions.csv"), rtol=1e-5)
    done = run(folder, "evaluate.py", f"ckpt_path={trained}", "data.batch_size=1")
    assert done.returncode == 0, done.stderr
    own, two = f"ckpt_path={trained}", f"ckpt_path={trained},{trained}/checkpoints/last.ckpt"
    for words, told in {
        ("ckpt_path=pretrained/graphene-hbn-gfn1",): "no checkpoint of a run of train.py",
        ("ckpt_path=nowhere",): "There is no checkpoint nowhere; give one such as",
        ("seed=1",): "ckpt_path has no value",
        ("ckpt_path=",): "ckpt_path= names no checkpoint; give a run's folder",
        ("-m", two): "is not one checkpoint",
        ("-m", own, "data=ising,coulomb", "data.batchsize=1"): "valid key is data.batch_size",
    }.items():
        refused = run(folder, "evaluate.py", *words)
        assert refused.returncode != 0
        assert told in refused.stderr


def test_history_has_every_epoch(trained: Path) -> None:
    history = pd.read_csv(trained / "metrics.csv")
    for column in ("train/loss", "val/loss", "val/median_absolute_error", "lr-Adam"):
        assert history[column].notna().sum() == 3, column


def test_checkpoint_gives_the_recorded_predictions(trained: Path) -> None:
    model = ednn.load_model(trained / "checkpoints" / "best.ckpt")
    assert not model.training
    table = pd.read_csv(trained / "predictions.csv")
    (cached,) = (trained.parents[2] / "data" / "cache").glob("*.h5")
    with open_hdf5(cached) as file:
        spins = channels_first(dataset(file, "fields")[()], dims=2, channels=1)
    with np.load(trained / "splits.npz") as splits:
        assert set(table["sample"]) == set(splits["test"])
    with torch.inference_mode():
        predicted = model(torch.from_numpy(spins[table["sample"]]).float())
    np.testing.assert_allclose(predicted[:, 0], table["energy_predicted"], rtol=1e-4, atol=1e-3)


def test_a_finished_folder_is_not_overwritten(trained: Path) -> None:
    arguments = ["train.py", "data=ising", "model=ann", "run=small", *SMALL]
    again = run(trained.parents[2], *arguments)
    assert again.returncode != 0
    assert "already holds a run" in again.stderr
    assert "Traceback" not in again.stderr
    finished = (trained / "summary.json").read_text()
    misspelt = run(trained.parents[2], *arguments, "resume=true")
    assert misspelt.returncode != 0
    assert "resume=auto" in misspelt.stderr
    resumed = run(trained.parents[2], *arguments, "resume=auto")
    assert resumed.returncode == 0
    assert "Already finished" in resumed.stdout
    assert (trained / "summary.json").read_text() == finished


def test_fine_tuning_starts_from_the_checkpoint(trained: Path, tmp_path: Path) -> None:
    start_from = trained / "checkpoints" / "best.ckpt"
    done = run(
        tmp_path,
        "train.py",
        f"ckpt_path={start_from}",
        "task.optimizer.lr=0",
        "run=tuned",
        *SMALL,
        SHARED,
        UNTESTED,
    )
    assert done.returncode == 0, done.stderr
    before = weights(start_from)
    after = weights(tmp_path / "outputs" / "runs" / "tuned" / "checkpoints" / "last.ckpt")
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    "recipe",
    [
        ["task=adam"],
        pytest.param(MUON, marks=pytest.mark.long),
        pytest.param(
            ["task=lbfgs", "data.batch_size=2000", "trainer.precision=64-true"],
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_killed_run_resumes_to_the_same_weights(tmp_path: Path, recipe: list[str]) -> None:
    arguments = ["train.py", *SMALL, SHARED, "trainer.max_epochs=60", *recipe]
    whole = run(tmp_path, *arguments, "run=whole")
    assert whole.returncode == 0, whole.stderr

    process = start(tmp_path, *arguments)
    checkpoints = tmp_path.glob("outputs/runs/20*/checkpoints/last.ckpt")
    while (last := next(checkpoints, None)) is None:
        assert process.poll() is None
        time.sleep(0.01)
        checkpoints = tmp_path.glob("outputs/runs/20*/checkpoints/last.ckpt")
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (last.parents[1] / "summary.json").exists()  # it was killed in mid-training
    done = run(tmp_path, *arguments, "resume=auto")  # finds its folder by the command line
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("outputs/runs/20*"))) == 1

    expected = weights(tmp_path / "outputs" / "runs" / "whole" / "checkpoints" / "last.ckpt")
    resumed = weights(last)
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
    history = pd.read_csv(last.parents[1] / "metrics.csv")
    epochs = history.loc[history["train/loss"].notna(), "epoch"].astype(int).tolist()
    assert len(epochs) == len(set(epochs))
    # Lightning logs an epoch after its checkpoint; a kill between the two loses that row.
    assert len(set(range(60)) - set(epochs)) <= 1


@pytest.mark.long
def test_a_run_that_is_killed_at_any_moment_resumes_to_the_same_weights(tmp_path: Path) -> None:
    arguments = ["train.py", *SMALL, "trainer.max_epochs=150", "task=onecycle"]
    folder, began = tmp_path / "outputs" / "runs", time.monotonic()
    with start(tmp_path, *arguments, "run=whole") as process:
        while not (folder / "whole" / "checkpoints" / "last.ckpt").exists():
            assert process.poll() is None
            time.sleep(0.01)
        started = time.monotonic() - began
        process.communicate()
    whole = time.monotonic() - began
    rng = np.random.default_rng(0)
    # A quarter while the program starts; in training, checkpoints are written most of the time.
    moments = [*rng.uniform(0, started, 5), *rng.uniform(started, whole, 15)]
    in_training = 0
    for number, moment in enumerate(moments):
        name = f"killed_{number}"
        with start(tmp_path, *arguments, f"run={name}") as process:
            time.sleep(moment)
            process.kill()
            process.communicate()
        run_folder = folder / name
        finished = (run_folder / "summary.json").exists()
        in_training += not finished and (run_folder / "checkpoints" / "last.ckpt").exists()
        done = run(tmp_path, *arguments, f"run={name}", "resume=auto")
        assert done.returncode == 0, done.stderr
        for kind in ("best", "last"):
            expected = weights(folder / "whole" / "checkpoints" / f"{kind}.ckpt")
            resumed = weights(run_folder / "checkpoints" / f"{kind}.ckpt")
            assert all(torch.equal(expected[key], resumed[key]) for key in expected), moment
    assert in_training >= 5


@pytest.mark.parametrize(
    ("profiler", "row"), [("simple", "run_training_epoch"), ("pytorch", "Self CPU time total")]
)
def test_a_profile_is_in_the_run_folder(tmp_path: Path, profiler: str, row: str) -> None:
    words = [f"trainer.profiler={profiler}", "trainer.max_epochs=1", "run=profiled"]
    done = run(tmp_path, "train.py", *TINY, *words)
    assert done.returncode == 0, done.stderr
    assert "Testing: 100%" in done.stderr
    profile = (tmp_path / "outputs" / "runs" / "profiled" / "fit-profile.txt").read_text()
    assert row in profile


@pytest.mark.long
def test_two_processes_train_alike_by_muon(tmp_path: Path) -> None:
    for name, trainer in (("one", "cpu"), ("two", "ddp_sim")):
        done = run(tmp_path, "train.py", *SMALL, *MUON, f"trainer={trainer}", f"run={name}")
        assert done.returncode == 0, done.stderr
    one, two = (
        pd.read_csv(tmp_path / "outputs" / "runs" / name / "metrics.csv")["val/loss"].dropna()
        for name in ("one", "two")
    )
    np.testing.assert_allclose(one, two, rtol=0.01)  # Muon's own steps are rounded to bfloat16


@pytest.mark.slow
def test_two_processes_train_the_same_network(tmp_path: Path) -> None:
    arguments = ["train.py", *SMALL, SHARED, "trainer.precision=64-true"]
    for name, trainer in (("one", "cpu"), ("two", "ddp_sim")):
        done = run(tmp_path, *arguments, f"trainer={trainer}", f"run={name}")
        assert done.returncode == 0, done.stderr
    one, two = (tmp_path / "outputs" / "runs" / name for name in ("one", "two"))
    expected, got = weights(one / "checkpoints/last.ckpt"), weights(two / "checkpoints/last.ckpt")
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-10, atol=1e-12)
    a, b = (pd.read_csv(folder / "predictions.csv") for folder in (one, two))
    assert b["sample"].tolist() == a["sample"].tolist()  # every test sample, each once
    np.testing.assert_allclose(b["energy_predicted"], a["energy_predicted"], rtol=1e-9)
    losses = [pd.read_csv(folder / "metrics.csv")["train/loss"].dropna() for folder in (one, two)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)
