"""What a report says of several runs: their table, their heat map, and which is best."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from ednn import plots
from ednn.core.info import in_words
from ednn.plots.style import png
from ednn.reports.page import Picture, quantity
from ednn.reports.repeat import flat
from ednn.runs.folder import Run, plain, unit_of
from ednn.runs.sweep_table import differing, figures_of, runs_of

MEAN = "test/mean_absolute_error"
LOSS, PER_SITE = "val/loss", "_per_site"
CLASS = "._target_"
FOLDERS = ("run", "run_dir", "name", "resume")  # which differ between any two runs
SEARCH = {  # pictures of a search
    "history": "Loss of the validation of every trial, and the least so far",
    "importances": "How much each setting matters for the loss of the validation",
    "slices": "Loss of the validation against each setting",
}
SHOWN, MOST = r"^test/.*(median|mean)_absolute_error", 8  # errors in a table


class Table(NamedTuple):
    """Runs side by side.

    Attributes:
        runs: their folders.
        settings: those that differ, a row per run.
        figures: of their summaries, a row per run.
        best: number of the run with the least loss of the validation, or the least error of the
            test where there is none; None if no run is finished.

    Example:
        side_by_side([Path("outputs/runs/a"), Path("outputs/runs/b")]).best
    """

    runs: Sequence[Path]
    settings: pd.DataFrame
    figures: pd.DataFrame
    best: int | None


def of_sweep(folder: Path) -> Table:
    """Gather the runs of a sweep.

    Example:
        of_sweep(Path("outputs/sweeps/mine")).settings["tile.c"]
    """
    runs, settings = runs_of(folder)
    return _table(runs, differing(settings))


def side_by_side(runs: Sequence[Path]) -> Table:
    """Gather runs of any commands, with the settings that all of them have and not all share.

    Example:
        side_by_side([Path("outputs/runs/a"), Path("outputs/runs/b")]).settings
    """
    settings = pd.DataFrame([_settings(run) for run in runs]).dropna(axis="columns")
    return _table(runs, differing(settings))


def _settings(run: Path) -> dict[str, str]:
    """Return the settings of a run by their paths, but for those that name its folder."""
    typed = run / ".hydra" / "config.yaml"  # in which a value stands once
    config = OmegaConf.load(typed if typed.is_file() else Run(run).config)
    assert isinstance(config, DictConfig)
    values = flat(plain(config, resolve=False))
    return {
        key: str(value).rpartition(".")[2] if key.endswith(CLASS) else str(value)
        for key, value in values.items()
        if key not in FOLDERS
    }


def _table(runs: Sequence[Path], settings: pd.DataFrame) -> Table:
    figures = pd.DataFrame([figures_of(run) for run in runs])
    ranked = next((key for key in (LOSS, MEAN + PER_SITE, MEAN) if key in figures), None)
    known = ranked is not None and figures[ranked].notna().any()
    return Table(runs, settings, figures, int(figures[ranked].argmin()) if known else None)


def grid(table: Table, names: Sequence[str]) -> list[list[str]]:
    """Return the cells of a table: a row of heads, then one for every run.

    Args:
        table: of the runs.
        names: of the runs.

    Example:
        grid(of_sweep(Path("outputs/sweeps/mine")), ["a", "b"])[0]  # ["run", "tile.c", …, "time"]
    """
    keys = [key for key in map(str, table.figures) if re.search(SHOWN, key)][:MOST]
    errors = [" ".join(map(in_words, key.split("/")[1:])) for key in keys]
    settings = [str(key).removesuffix(CLASS) for key in table.settings]
    cells = [["run", *settings, *errors, "time"]]
    for i, name in enumerate(names):
        own = {str(k): value for k, value in table.figures.iloc[i].dropna().items()}
        seconds = own.get("train/seconds", own.get("test/seconds"))
        values = [str(value) for value in table.settings.iloc[i].fillna("")] if settings else []
        summary = Run(table.runs[i]).read_summary() if own else {}
        found = [quantity(own[key], unit_of(key, summary)) if key in own else "" for key in keys]
        cells.append([name, *values, *found, "" if seconds is None else quantity(seconds, "s")])
    return cells


def map_of(table: Table) -> Picture | None:
    """Draw the errors of a sweep over focus and context; None for any other.

    Example:
        map_of(of_sweep(Path("outputs/sweeps/mine")))
    """
    if table.best is None:
        return None
    summary = Run(table.runs[table.best]).read_summary()
    keys = [key for key in map(str, table.figures) if re.search(SHOWN, key)]
    units = {key.removeprefix("test/"): unit_of(key, summary) for key in keys}
    figure = plots.heat_map(table.settings, table.figures, units)
    if figure is None:
        return None
    alt = "Heat map of the mean absolute error of the test by focus f and context c"
    caption = "The darker, the larger the error; of several runs in a cell, the least."
    return Picture(png(figure), alt, caption)


def pictures_of_search(folder: Path) -> list[Picture]:
    """Return the pictures that a search left in its folder.

    Example:
        pictures_of_search(Path("outputs/sweeps/mine"))
    """
    paths = [folder / f"{name}.png" for name in SEARCH]
    return [Picture(path.read_bytes(), SEARCH[path.stem]) for path in paths if path.exists()]


def unfinished(folder: Path) -> list[str]:
    """Name the jobs of a sweep that have begun and are not finished.

    Example:
        unfinished(Path("outputs/sweeps/mine"))  # ["tile.c=2"]
    """
    begun = {path.parents[1] for path in folder.glob("**/.hydra/overrides.yaml")}
    left = sorted(run for run in begun if not Run(run).finished)
    return [str(run.relative_to(folder)) for run in left]
