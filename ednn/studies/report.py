"""The report: one page that holds every finished study, pictures included."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose

from ednn.reports.page import Picture, write_page

PAPER = (
    "Luchak, Mills, Ryczko, Domurad and Tamblyn, Chem. Sci. 10, 4129 (2019). Every number below "
    "was made by the commands beneath it. "
)


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
    studies = [folder / name for name in order if (folder / name / "result.json").exists()]
    return write_studies(
        folder, "Extensive deep neural networks, reproduced", PAPER + _missing(folder), studies
    )


def write_studies(folder: Path, heading: str, intro: str, studies: Sequence[Path]) -> Path:
    """Write `report.html` of some studies.

    Args:
        folder: where.
        heading: of the page.
        intro: what stands below it.
        studies: folders with a `result.json` and a `picture.png` each.

    Returns:
        The page's path.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as temp:
        ...     page = write_studies(Path(temp), "Mine", "All of it.", studies=[]).read_text()
        >>> "<h1>Mine</h1>" in page
        True
    """
    values = {"heading": heading, "intro": intro, "studies": [_study(study) for study in studies]}
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
