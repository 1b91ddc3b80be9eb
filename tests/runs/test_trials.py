"""The journal of a search, as a kill may leave it."""

import json
from pathlib import Path

import pytest

from ednn.core.errors import InputError
from ednn.runs.trials import JOURNAL, alone, open_study

optuna = pytest.importorskip("optuna")


def test_a_line_that_a_kill_tore_is_cut_off(tmp_path: Path) -> None:
    space = {"x": optuna.distributions.FloatDistribution(0, 1)}
    study = open_study(tmp_path)
    study.tell(study.ask(space), 1.0)
    whole = (tmp_path / JOURNAL).read_bytes()
    line = whole.splitlines()[-1]
    for length in (1, len(line) // 2, len(line)):
        (tmp_path / JOURNAL).write_bytes(whole + line[:length])
        again = open_study(tmp_path)
        assert (tmp_path / JOURNAL).read_bytes() == whole
        again.tell(again.ask(space), 0.5)
        assert open_study(tmp_path).best_value == 0.5
        assert all(map(json.loads, (tmp_path / JOURNAL).read_text().splitlines()))


def test_one_sweep_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path):
        again = alone(tmp_path)
        with pytest.raises(InputError, match="Another process works on the sweep"):
            again.__enter__()
    with alone(tmp_path):
        pass
