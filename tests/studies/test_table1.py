"""Table I of the paper beside the composed configs, and the report made of it."""

import json
from pathlib import Path

from ednn import plots
from ednn.studies.table1 import COLUMNS, PAPER, values
from tests.commands.test_configs import composed
from tests.conftest import run


def test_the_configs_are_table_1(monkeypatch) -> None:
    monkeypatch.setenv("EDNN_RUN", "test")
    for name, paper in PAPER.items():
        here = values(composed(f"experiment={name}"))
        if name == "dft_paper":  # 70 % of 26,449, which the paper must have rounded up
            assert (here[0], paper[0]) == ("18514", "18515")
            here[0] = paper[0]
        assert here == paper


def test_a_study_leaves_its_result_its_picture_and_a_report(tmp_path: Path) -> None:
    first = run(tmp_path, "study.py", "study=table1")
    assert first.returncode == 0, first.stderr
    folder = tmp_path / "outputs" / "paper" / "cpu"
    result = json.loads((folder / "table1" / "result.json").read_text())
    assert len(result["rows"]) == len(PAPER) * len(COLUMNS)
    assert plots.read(folder / "table1" / "picture.png").shape[1] >= 800
    page = (folder / "report.html").read_text()
    assert result["title"] in page
    assert "data:image/png;base64," in page
    assert 'src="http' not in page

    again = run(tmp_path, "study.py", "study=table1")
    assert "Already finished" in again.stdout
