"""The study that finds the locality length, in small: the response is exact, however trained."""

import json
from pathlib import Path

import pytest

from ednn import plots
from ednn.studies.locality import PAPER
from tests.conftest import run

SMALL = ["data.n_train=100", "data.n_val=20", "data.n_test=20", "data.batch_size=100"]


@pytest.mark.long
def test_the_response_finds_the_locality_length_of_every_target(tmp_path: Path) -> None:
    words = ",".join(f"'{word}'" for word in [*SMALL, "trainer.max_epochs=2"])
    done = run(tmp_path, "study.py", "study=locality", f"train=[{words}]")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "paper" / "cpu" / "locality"
    found = json.loads((folder / "result.json").read_text())["numbers"]["found"]
    assert {target: values["l"]["response"] for target, values in found.items()} == PAPER
    assert {target: values["reach"] for target, values in found.items()} == {
        "magnetisation": 0,
        "energy": 1,
        "laplacian": 4,
    }
    assert 800 <= plots.read(folder / "picture.png").shape[1] <= 2400
