"""Names of runs: one per command, the same in all of its processes, without the environment."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ednn.runs.naming import fixed_keys, name_job
from tests.conftest import SHARED, SMALL, UNTESTED, run, run_alone


def names(folder: Path) -> set[str]:
    """What the configs of some runs say that they are called."""
    configs = [path for path in folder.rglob("config.yaml") if path.parent.name != ".hydra"]
    return {str(OmegaConf.load(path).run) for path in configs}


def test_a_run_is_called_what_its_folder_is(tmp_path: Path) -> None:
    arguments = ["train.py", *SMALL, SHARED, UNTESTED, "trainer.max_epochs=1"]
    assert run(tmp_path, *arguments, "resume=auto").returncode == 0
    (folder,) = (tmp_path / "outputs" / "runs").iterdir()
    assert names(folder) == {folder.name}
    again = run(tmp_path, *arguments, "resume=auto")
    assert "Already finished" in again.stdout
    done = run(tmp_path, *arguments)
    assert done.returncode == 0
    assert len(list((tmp_path / "outputs" / "runs").iterdir())) == 2


def test_a_run_that_was_given_a_name_is_looked_for_by_no_other(tmp_path: Path) -> None:
    done = run(tmp_path, "train.py", *SMALL, "fast_dev_run=true", "run=mine", "resume=auto")
    assert done.returncode == 0, done.stderr
    assert "No earlier run" not in done.stderr


@pytest.mark.parametrize(
    "launcher",
    [
        pytest.param("basic", marks=pytest.mark.slow),
        pytest.param("joblib", marks=pytest.mark.long),
        pytest.param("submitit_local", marks=pytest.mark.long),
    ],
)
def test_the_jobs_of_a_sweep_agree(tmp_path: Path, launcher: str) -> None:
    arguments = ["train.py", "-m", "tile.c=0,1", f"hydra/launcher={launcher}", *SMALL]
    arguments += [SHARED, UNTESTED]
    alone = run if launcher == "basic" else run_alone
    done = alone(tmp_path, *arguments, "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "outputs" / "sweeps").iterdir()
    assert {job.name for job in folder.iterdir() if job.name[0] == "t"} == {"tile.c=0", "tile.c=1"}
    assert names(folder) == {folder.name}


def test_torchrun_without_a_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    done = run(tmp_path, "train.py", *SMALL)
    assert done.returncode == 1
    assert done.stderr == ("error: torchrun's processes must share one run folder; add run=NAME.\n")
    assert not (tmp_path / "outputs").exists()


def test_a_job_is_named_after_what_is_swept() -> None:
    fixed = fixed_keys(["tile.c=0,1", "+data.more=2", "model=ann,dnn", "seed=1"])
    assert fixed == ["data.more", "seed"]
    job = name_job(["tile.c=0", "+data.more=2", "model=dnn", "seed=1"], fixed)
    assert job == "model=dnn,tile.c=0"


def test_the_name_of_a_job_fits_into_the_file_system() -> None:
    many = [f"data.of_my_own.setting_{i}={i}" for i in range(20)]
    name = name_job([*many, "data.path='a=1/(b).h5'"], fixed=[])
    assert len(name.encode()) == 255
    assert name.startswith("data.of_my_own.setting_0=0,")
    assert name == name_job([*many, "data.path='a=1/(b).h5'"], fixed=[])
    assert name != name_job([*many, "data.path='a=2/(b).h5'"], fixed=[])
    assert name_job(["data.path='a=1/(b).h5'"], fixed=[]) == "data.path=a=1/(b).h5"
    assert "/" not in name_job(["data.path=a/../../../b.h5"], fixed=[])
