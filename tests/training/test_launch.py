"""Several processes: those of SLURM and torchrun are found, and one run has one folder."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ednn.data.structures.file import write
from tests.conftest import TINY, UNTESTED, run, start
from tests.data.structures.test_totals import of_two_sizes

TWO_EPOCHS = [*TINY, UNTESTED, "trainer.max_epochs=2"]


def slurm(patch: pytest.MonkeyPatch, tasks: int, rank: int = 0, **more: str) -> None:
    """Set the variables that SLURM sets; those of a batch script lack SLURM_STEP_ID."""
    told = {"NTASKS": tasks, "PROCID": rank, "LOCALID": rank, "NODEID": 0, "JOB_ID": 24601}
    for name, value in {"JOB_NAME": "job", **told, **more}.items():
        patch.setenv(f"SLURM_{name}", str(value))


def srun(
    folder: Path, patch: pytest.MonkeyPatch, *words: str, **more: str
) -> list[tuple[int, str, str]]:
    """Start train.py twice as srun -n 2 would; returns exit code, stdout and stderr of each."""
    processes: list[subprocess.Popen[str]] = []
    for rank in (0, 1):
        slurm(patch, 2, rank, **more)
        processes.append(start(folder, "train.py", *TWO_EPOCHS, *words))
    said = [process.communicate(timeout=200) for process in processes]
    return [(p.returncode, *texts) for p, texts in zip(processes, said, strict=True)]


def test_a_batch_script_of_several_tasks_is_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm(monkeypatch, tasks=4)
    done = run(tmp_path, "train.py", *TWO_EPOCHS)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "outputs" / "runs").iterdir()
    checkpoint = f"ckpt_path={folder}/checkpoints/best.ckpt"
    done = run(tmp_path, "evaluate.py", checkpoint, "data.L=4", "data.n_test=20")
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_a_shell_in_an_allocation_is_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm(monkeypatch, tasks=2, JOB_NAME="interactive", STEP_ID="0")
    done = run(tmp_path, "train.py", *TWO_EPOCHS, "trainer=ddp_sim", "fast_dev_run=true")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"STEP_ID": "0"}, marks=pytest.mark.slow),
        pytest.param({"NTASKS_PER_NODE": "2"}, marks=pytest.mark.long),
    ],
)
def test_srun_trains_in_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
) -> None:
    for code, _, error in srun(tmp_path, monkeypatch, "trainer=ddp_sim", "run=mine", **more):
        assert code == 0, error
    (folder,) = (tmp_path / "outputs" / "runs").iterdir()
    assert json.loads((folder / "summary.json").read_text())["processes"] == 2
    assert [path.name for path in folder.glob("environment*")] == ["environment.json"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["run=mine"], "add trainer=ddp_sim trainer.devices=2 run=NAME"),
        ([], "srun's processes must share one run folder; add run=NAME"),
        (["run=mine", "trainer=ddp_sim", "trainer.devices=4"], "or let srun start 4"),
    ],
)
def test_srun_of_another_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], named: str
) -> None:
    for rank in (0, 1):
        slurm(monkeypatch, 2, rank, STEP_ID="0")
        done = run(tmp_path, "train.py", *TWO_EPOCHS, *words)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert named in done.stderr
    assert not list(tmp_path.rglob("environment.json"))


def test_torchrun_of_another_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = run(tmp_path, "train.py", *TWO_EPOCHS, "run=mine")
    assert "torchrun started 2 processes" in done.stderr
    assert "add trainer=ddp_sim trainer.devices=2" in done.stderr


@pytest.mark.long
def test_a_batch_script_without_srun_does_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm(monkeypatch, tasks=2)
    done = run(tmp_path, "train.py", *TWO_EPOCHS, "trainer=ddp_sim", "run=mine")
    assert done.returncode == 1
    assert "put srun before the command" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_of_several_processes_warns_in_a_sentence(tmp_path: Path) -> None:
    totals = of_two_sizes()
    known = {"theory": "gfn1", "structures": "sheets"}
    per_atom = totals.energy / np.diff(totals.offsets)
    write(tmp_path / "own.h5", replace(totals, energy=per_atom, attributes=known))
    words = ["data=dft", "data.path=own.h5", "tile.f=16", "tile.c=4"]
    done = run(tmp_path, "train.py", *words, "trainer=ddp_sim", "fast_dev_run=true")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "don't grow" in line]
    assert line.startswith("warning: own.h5: the energies")
