"""The page of a sweep has its runs, a map and the best run; that of several compares them."""

import shutil
from pathlib import Path

import pytest

from ednn.runs.folder import Run
from ednn.runs.sweep_table import jobs
from tests.conftest import run
from tests.reports.pages import read, reported


def test_a_sweep(sweep: Path) -> None:
    folder = sweep.parents[2]
    done = run(folder, "-m", "ednn", "report", "outputs/sweeps/sweep")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\nReport: outputs/sweeps/sweep/report.html\n")
    page = read(sweep / "report.html")
    rows = dict(page.rows("runs"))
    assert [*rows] == ["tile.c=0", "tile.c=1"]
    summaries = {job.name: Run(job).read_summary() for job in jobs(sweep)}
    for name, numbers in rows.items():
        assert numbers[:2] == [
            summaries[name]["test/median_absolute_error"],
            summaries[name]["test/mean_absolute_error"],
        ]
    best = min(summaries, key=lambda name: summaries[name]["val/loss"])
    assert f"The best run: {best}" in page.text
    assert list(page.rows("errors"))[1][1][0] == summaries[best]["test/mean_absolute_error"]
    assert not any(alt.startswith("Heat map") for alt in page.images)  # of one setting
    assert "tile.c=0,1" in page.codes[0]  # the sweep's own command
    assert f"tile.c={best[-1]}" in page.codes[2]  # that of the best job alone
    assert " -m " not in page.codes[2]


def test_a_map_and_jobs_that_are_not_finished(
    sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sweep.parents[2])
    grown = tmp_path / "sweep"
    shutil.copytree(sweep, grown)
    for f in (1, 4):
        for c in (0, 1):
            job = grown / f"tile.c={c},tile.f={f}"
            shutil.copytree(grown / f"tile.c={c}", job)
            overrides = job / ".hydra" / "overrides.yaml"
            overrides.write_text(overrides.read_text().replace("tile.f=2", f"tile.f={f}"))
    (grown / "tile.c=1,tile.f=4" / "summary.json").unlink()
    page = reported(monkeypatch, grown)
    assert len([*page.rows("runs")]) == 5
    assert any("by focus f and context c" in alt for alt in page.images)
    assert "Not finished: tile.c=1,tile.f=4." in page.text


def test_runs_side_by_side(ising: Path, sheets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = reported(monkeypatch, ising, sheets, name="comparison.html")
    heads, *rows = page.tables["runs"]
    assert [head.split("/")[-1] for head in heads] == ["run", "small", "sheets"]
    cells = {name: values for name, *values in rows}
    assert cells["data"] == ["IsingData", "DFTData"]
    assert cells["tile.f"] == ["1", "8"]
    assert cells["mean absolute error"][1].endswith("\N{NO-BREAK SPACE}eV")
    assert sum("Predicted against true values, " in alt for alt in page.images) == 2
    numbers = dict(page.rows("runs"))["mean absolute error"]
    summaries = [Run(folder).read_summary() for folder in (ising, sheets)]
    assert numbers == [summary["test/mean_absolute_error"] for summary in summaries]
