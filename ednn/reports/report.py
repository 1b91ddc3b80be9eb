"""The report of a run, of a sweep, or of several runs side by side."""

import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import ednn
from ednn.core.errors import InputError
from ednn.reports.facts import about, left_pictures, pictures
from ednn.reports.one_run import open_run
from ednn.reports.page import Picture, write_page
from ednn.reports.repeat import commands, typed_words
from ednn.reports.several import (
    grid,
    map_of,
    of_sweep,
    pictures_of_search,
    side_by_side,
    unfinished,
)
from ednn.runs.folder import Run

FILE, OF_SEVERAL = "report.html", "comparison.html"
SWEEP = ("multirun.yaml", "sweep.csv")  # one of which every sweep has
COMPARED = ("loss", "parity")  # pictures of runs side by side


def report(paths: Sequence[str]) -> Path:
    """Write the report of a run or a sweep into its folder, or of several runs into the first's.

    Args:
        paths: of run folders, or of the folder of one sweep.

    Returns:
        The page's path.

    Raises:
        InputError: one is no run's, or a sweep is among several.

    Example:
        report(["outputs/runs/mine"])  # outputs/runs/mine/report.html
    """
    folders = [Path(path) for path in paths]
    if len(folders) == 1 and not _is_run(folders[0]):
        return _of_sweep(folders[0])
    for folder in folders:
        _require_run(folder)
    if len(folders) > 1:
        return _of_several(folders)
    (folder,) = folders
    values = {"name": _name(folder), "run": _run(folder)}
    return write_page(folder / FILE, "run.html.j2", **values, **_now())


def _of_sweep(folder: Path) -> Path:
    if not any((folder / name).is_file() for name in SWEEP):
        raise InputError(
            f"{folder} is no folder of a run or of a sweep; give one below outputs/, whose path "
            f"the training prints, or several of runs."
        )
    left, table = unfinished(folder), of_sweep(folder)
    best = None if table.best is None else table.runs[table.best]
    names = [str(run.relative_to(folder)) for run in table.runs]
    values = {
        "grid": grid(table, names) if names else [],
        "first": table.best,
        "maps": [*filter(None, [map_of(table)]), *pictures_of_search(folder)],
        "unfinished": left,
        "compared": [],
        "commands": _commands_of_sweep(folder, [*names, *left]),
        "best": None if best is None else _run(best),
        "best_name": None if table.best is None else names[table.best],
    }
    name = f"the sweep {folder.name}"
    return write_page(folder / FILE, "runs.html.j2", name=name, folder=folder, **values, **_now())


def _commands_of_sweep(folder: Path, jobs: Sequence[str]) -> dict[str, str]:
    """Return the command lines of a sweep, by what they do."""
    again = {"Write this report again": shlex.join(["ednn", "report", str(folder)])}
    if not jobs:
        return again
    words = typed_words(Run(folder / jobs[0]))
    if "resume=auto" not in words:
        words = [*words, "resume=auto"]
    return {"Run the sweep; jobs that are finished are skipped": shlex.join(words), **again}


def _of_several(folders: Sequence[Path]) -> Path:
    table, names = side_by_side(folders), [*map(_name, folders)]
    compared = [
        [
            Picture(picture.png, f"{picture.alt}, {name}", name)
            for folder, name in zip(folders, names, strict=True)
            for picture in left_pictures(folder, [kind])
        ]
        for kind in COMPARED
    ]
    values: dict[str, Any] = {
        "name": " and ".join(names) if len(names) == 2 else f"{len(names)} runs",
        "grid": [*zip(*grid(table, names), strict=True)],
        "first": None,
        "maps": [],
        "unfinished": [str(folder) for folder in folders if not Run(folder).finished],
        "compared": [*filter(None, compared)],
        "commands": {},
        "best": None,
    }
    path = folders[0] / OF_SEVERAL
    return write_page(path, "runs.html.j2", folder=folders[0], **values, **_now())


def _run(folder: Path) -> dict[str, Any]:
    """Return what the template says of one run."""
    one = open_run(Run(folder))
    checked, found = one.checks()
    takes = one.model.info.takes if one.model and one.is_training else None
    return {
        "folder": str(folder),
        "missing": one.missing,
        "about": about(one),
        "errors": one.errors(),
        "uncertainty": one.uncertainty(),
        "pictures": pictures(one),
        "checks": found,
        "checked": checked,
        "scale": one.scale,
        "edges": one.edges,
        "worst": one.worst(),
        "output": one.outputs[0],
        "site": one.site,
        "commands": commands(one.run, takes),
        "commit": one.run.read_environment()["git_commit"],
    }


def _is_run(folder: Path) -> bool:
    return Run(folder).config.is_file()


def _require_run(folder: Path) -> None:
    if not _is_run(folder):
        raise InputError(
            f"{folder} is no folder of a run; give folders of runs, or of one sweep alone."
        )


def _name(folder: Path) -> str:
    return "/".join(folder.resolve().parts[-2:])


def _now() -> dict[str, str]:
    return {"written": f"{datetime.now():%Y-%m-%d %H:%M}", "version": ednn.__version__}
