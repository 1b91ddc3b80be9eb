"""The lab runs every command and every measurement once."""

from pathlib import Path

import pytest

from ednn.core.errors import TrainingError
from ednn.studies.lab import Lab
from tests.conftest import SHARED, TINY, UNTESTED

FEW = [*TINY, UNTESTED, "trainer.max_epochs=1"]
CALLS: list[int] = []


def square(number: int) -> dict[str, int]:
    CALLS.append(number)
    return {"square": number**2}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.chdir(tmp_path)
    return Lab("lab/runs", tmp_path / "outputs" / "lab" / "study", FEW)


def test_a_measurement_is_made_once_for_its_arguments(lab: Lab) -> None:
    CALLS.clear()
    assert [lab.measured("square", square, n) for n in (2, 3, 2)] == [
        {"square": 4},
        {"square": 9},
        {"square": 4},
    ]
    assert CALLS == [2, 3]


@pytest.mark.long
def test_a_command_runs_once_for_its_overrides(lab: Lab) -> None:
    trained = lab.train("ising", "data=ising")
    larger = ["data=ising", "data.L=8", "data.n_test=20", SHARED]
    tested = lab.evaluate("large", trained, *larger)
    assert tested.read_summary()["data"]["lattice"] == [8, 8]
    before = [run.summary.stat().st_mtime_ns for run in (trained, tested)]
    again = lab.train("ising", "data=ising")
    assert again.folder == trained.folder
    assert lab.evaluate("large", again, *larger).finished
    assert [run.summary.stat().st_mtime_ns for run in (trained, tested)] == before
    assert lab.commands[0] == lab.commands[2]
    assert lab.commands[0].startswith("ednn train data=ising ")


def test_a_failed_command_ends_in_one_sentence(lab: Lab) -> None:
    with pytest.raises(TrainingError, match="exit code"):
        lab.train("ising", "data=ising", "sead=4")
