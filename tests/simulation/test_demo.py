"""`ednn demo`: what it shows is so."""

from pathlib import Path

import pytest

from ednn import plots
from ednn.simulation.demo import demo


def test_the_vacancy_relaxes_and_both_states_are_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo(tmp_path / "outputs" / "demo")
    lines = capsys.readouterr().out.splitlines()
    before, after = (float(line.split(" ± ")[0].split()[-1]) for line in lines[1:3])
    assert after < before - 0.5  # eV
    for name in ("vacancy", "relaxed"):
        assert plots.read(tmp_path / "outputs" / "demo" / f"{name}.png").std() > 0.05
