"""Hydra multiruns: one clean run folder per job and one table, whatever launches the jobs."""

from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import TINY, run, run_alone

FEW = [*TINY, "trainer.max_epochs=1", "run=sweep"]
LAUNCHERS = {
    "basic": [],
    "joblib": ["hydra/launcher=joblib"],
    "ddp": ["trainer=ddp_sim"],
}
SWEEP = ["train.py", "-m", "tile.c=0,1", *FEW]


@pytest.mark.parametrize(
    "launcher",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "basic" else pytest.mark.long)
        for name in LAUNCHERS
    ],
)
def test_sweep(tmp_path: Path, launcher: str) -> None:
    alone = run if launcher == "basic" else run_alone
    done = alone(tmp_path, *SWEEP, *LAUNCHERS[launcher])
    assert done.returncode == 0, done.stderr
    sweep = tmp_path / "outputs" / "sweeps" / "sweep"
    jobs = sorted(path for path in sweep.iterdir() if path.is_dir())
    assert [job.name for job in jobs] == ["tile.c=0", "tile.c=1"]
    for job in jobs:
        assert len(list(job.rglob("summary.json"))) == 1
        assert (job / "parity.png").exists()
    table = pd.read_csv(sweep / "sweep.csv")
    assert table["tile.c"].tolist() == [0, 1]
    assert table["processes"].tolist() == [2 if launcher == "ddp" else 1] * 2
    assert "median (J per spin)" in done.stdout

    again = run(tmp_path, *SWEEP, "resume=auto")
    assert again.stdout.count("Already finished") == 2


@pytest.mark.slow
def test_a_failed_job_leaves_the_table_of_the_others(tmp_path: Path) -> None:
    done = run(tmp_path, "train.py", "-m", "tile.f=3,2", *FEW)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Error executing job" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert done.stderr.rstrip().endswith("/outputs/sweeps/sweep/tile.f=3)")  # which job
    table = pd.read_csv(tmp_path / "outputs" / "sweeps" / "sweep" / "sweep.csv")
    assert table["tile.f"].tolist() == [2]
