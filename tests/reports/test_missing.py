"""What isn't there is said in a sentence, and the rest is reported."""

import shutil
from pathlib import Path

import h5py
import pytest

from ednn.commands.main import main
from ednn.runs.folder import Run
from tests.reports.pages import reported


def refused(monkeypatch: pytest.MonkeyPatch, *words: object) -> str:
    monkeypatch.setattr("sys.argv", ["ednn", "report", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    return str(end.value)


def test_data_that_are_gone_or_others(
    ising: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Path.cwd()
    monkeypatch.chdir(tmp_path)
    page = reported(monkeypatch, ising)
    assert "The data are not at hand" in page.text
    assert not any(tmp_path.glob("data/cache/*"))  # nothing is made
    summary = Run(ising).read_summary()
    assert list(page.rows("errors"))[1][1][0] == summary["test/mean_absolute_error"]
    assert "symmetries" not in page.tables
    assert "Sample " in page.text  # their numbers are known
    assert not any(alt.startswith("Sample") for alt in page.images)

    shutil.copytree(here / "data", tmp_path / "data")
    (file,) = Path("data/cache").glob("ising-8x8-*.h5")
    with h5py.File(file, "r+") as changed:
        changed["labels"][:] += 1.0
    page = reported(monkeypatch, ising)
    assert f"{file} holds other samples or labels than those that this run" in page.text
    assert "symmetries" not in page.tables


def test_a_network_that_is_gone(ising: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(ising / "checkpoints")
    page = reported(monkeypatch, ising)
    assert "has no checkpoint, so that there is no network to check" in page.text
    _, (_, per_site) = next(page.rows("errors"))
    assert per_site == Run(ising).read_summary()["test/median_absolute_error_per_site"]
    assert [code.split()[1] for code in page.codes] == ["train", "report"]


def test_a_run_that_is_not_finished(ising: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("summary.json", "predictions.csv", "metrics.csv", "loss.png", "parity.png"):
        (ising / name).unlink()
    page = reported(monkeypatch, ising)
    assert "The run is not finished and has no test" in page.text
    assert "resume=auto" in page.text
    assert any(alt.startswith("The loss against") for alt in page.images)  # of its epochs so far
    assert len(page.tables["errors"]) == 6  # of validation and training, with their heads
    assert dict(page.rows("symmetries"))["moved by 1 spin"][0] < 1e-6


def test_what_is_no_run(
    ising: Path, sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "takes the folder of a run or of a sweep; give one" in refused(monkeypatch)
    nowhere = tmp_path / "nowhere"
    assert f"{nowhere} is no folder of a run or of a sweep" in refused(monkeypatch, nowhere)
    assert f"{tmp_path} is no folder of a run or of a sweep" in refused(monkeypatch, tmp_path)
    assert f"{sweep} is no folder of a run; give" in refused(monkeypatch, ising, sweep)
    (ising / "round_00").mkdir()
    assert "give that of one of its rounds" in refused(monkeypatch, ising)
    assert not (ising / "report.html").exists()
