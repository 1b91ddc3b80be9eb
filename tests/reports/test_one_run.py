"""The page of one run: its numbers are those of the run, and its commands repeat it."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from ednn.runs.folder import Run
from tests.commands.test_configs import composed
from tests.conftest import run
from tests.reports.pages import Page, reported

ROUNDING = 1e-6


@pytest.fixture(scope="module")
def spins(trained: Path) -> Iterator[Page]:
    """The page of the run on spins."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(trained.parents[2])
        yield reported(monkeypatch, trained)
    (trained / "report.html").unlink()


def test_of_spins(spins: Page, trained: Path) -> None:
    page, summary = spins, Run(trained).read_summary()
    errors = dict(list(page.rows("errors"))[:2])  # of the test, which come first
    for kind in ("median", "mean"):
        keys = [f"test/{kind}_absolute_error{per}" for per in ("", "_per_site")]
        assert errors[f"{kind} absolute error"] == [summary[key] for key in keys]
    assert "J per spin" in page.tables["errors"][1][2]
    coverage = 100 * summary["test/coverage_of_90_percent_intervals"]
    assert f"90 % intervals of the predictions hold {coverage:.1f} %" in page.text
    for words in ("f = 1, c = 1: a tile sees 3 × 3 sites", "2,000 for training", "ANN", "torch 2."):
        assert words in page.text
    for picture in ("The loss against", "Predicted against true", "Errors against predicted"):
        assert sum(alt.startswith(picture) for alt in page.images) == 1

    history = pd.read_csv(trained / "metrics.csv")
    best = history[history["val/loss"] == history["val/loss"].min()].iloc[0]
    validation = list(page.rows("errors"))[2]
    assert validation == (
        "median absolute error",
        [best["val/median_absolute_error"], best["val/median_absolute_error_per_site"]],
    )


def test_symmetries_of_spins(spins: Page) -> None:
    found = dict(spins.rows("symmetries"))
    assert [*found][:3] == ["moved by 1 spin", "mirrored along an axis", "turned by 90°"]
    (moved,), (mirrored,), _, (repeated,) = found.values()
    assert moved < ROUNDING
    assert repeated < ROUNDING
    assert mirrored > 100 * ROUNDING  # no network ensures it


def test_the_worst_samples_are_the_worst(spins: Page, trained: Path) -> None:
    table = pd.read_csv(trained / "predictions.csv")
    error = (table["energy_predicted"] - table["energy_true"]).abs() / table["sites"]
    worst = table["sample"][error.sort_values(ascending=False, kind="stable").index[:10]]
    shown = [alt.partition(":")[0] for alt in spins.images if alt.startswith("Sample ")]
    assert shown == [f"Sample {number}" for number in worst]


def test_the_commands_repeat_the_run(spins: Page, trained: Path) -> None:
    train, evaluate, predict, again = spins.codes
    recorded = Run(trained).read_config()
    program, command, *words = shlex.split(train)
    assert (program, command) == ("ednn", "train")
    cfg = composed(*words)
    assert {**cfg.data, "seed": cfg.seed} == recorded.data
    checkpoint = trained / "checkpoints" / "best.ckpt"
    assert shlex.split(evaluate) == ["ednn", "evaluate", f"ckpt_path={checkpoint}"]
    assert shlex.split(predict)[:2] == ["ednn", "predict"]
    assert shlex.split(again) == ["ednn", "report", str(trained)]


def test_of_sheets(sheets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sheets.parents[2])
    page, summary = reported(monkeypatch, sheets), Run(sheets).read_summary()
    errors = list(page.rows("errors"))
    assert errors[1] == (
        "mean absolute error",
        [summary["test/mean_absolute_error"], summary["test/mean_absolute_error_per_site"]],
    )
    forces = dict(errors)["mean absolute error of forces"]
    assert forces == [summary["test/mean_absolute_error_of_forces"]]
    found = dict(page.rows("symmetries"))
    whole, part, mirrored, repeated, net = (change for (change,) in found.values())
    assert part == summary["test/translation_error_per_site"]
    assert whole < 1e-3 * part
    assert repeated < 1e-3 * part
    assert mirrored > 0
    assert 0 < net < 1
    assert "eV/Å per atom" in page.tables["symmetries"][-1][1]
    assert sum("atoms of a structure" in alt for alt in page.images) == summary["test/samples"]


def test_of_a_test_on_other_sizes(ising: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = f"ckpt_path={ising / 'checkpoints' / 'best.ckpt'}"
    words = [checkpoint, "data=ising", "data.L=12", "data.n_test=30", "run=larger"]
    assert run(Path.cwd(), "evaluate.py", *words).returncode == 0
    folder = Path("outputs/evaluations/larger")
    page, summary = reported(monkeypatch, folder), Run(folder).read_summary()
    assert list(page.rows("errors"))[1][1][0] == summary["test/mean_absolute_error"]
    assert dict(page.rows("symmetries"))["moved by 1 spin"][0] < ROUNDING
    assert page.codes[0] == f"ednn evaluate {' '.join(words[:-1])}"
