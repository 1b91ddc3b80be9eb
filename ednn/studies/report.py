"""The report: one page that holds every finished study, pictures included."""

import json
from pathlib import Path
from typing import Any

from hydra import compose

from ednn.reports.page import Picture, write_page


def write_report(folder: Path) -> Path:
    """Write `report.html` of the studies that are finished in a folder.

    Args:
        folder: of one scale, with a folder for every study.

    Returns:
        The page's path.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from hydra import initialize_config_dir
        >>> from ednn.runs.configs import CONF
        >>> with TemporaryDirectory() as temp, initialize_config_dir(str(CONF), version_base="1.3"):
        ...     write_report(Path(temp)).name
        'report.html'
    """
    order = map(str, compose("study", ["study=all"]).study)
    studies = [_study(folder / name) for name in order if (folder / name / "result.json").exists()]
    values = {"studies": studies, "missing": _missing(folder)}
    return write_page(folder / "report.html", "studies.html.j2", **values)


def _missing(folder: Path) -> str:
    """Say that the paper's sizes were not run beside those of `folder`, where that is so."""
    if any((folder.parent / "paper").glob("*/result.json")):
        return ""
    return "The paper's own sizes (scale=paper, for GPUs) were not run here."


def _study(folder: Path) -> dict[str, Any]:
    result = json.loads((folder / "result.json").read_text())
    picture = Picture((folder / "picture.png").read_bytes(), alt=result["title"])
    return {**result, "name": folder.name, "picture": picture}
