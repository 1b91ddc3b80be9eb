"""The study of functionals: how it reads a length off errors, and a run of it in small."""

import json
from pathlib import Path

import pytest

from ednn import plots
from ednn.studies.functional import ERROR, sufficient
from tests.conftest import run

TRAIN = [
    "data.n_train=40",
    "data.n_val=10",
    "model.subnet.widths=[8,8,8]",
    "trainer.max_epochs=2",
    "trainer.check_val_every_n_epoch=1",
    "hydra/launcher=basic",  # joblib's start takes longer than the trainings
]


@pytest.mark.parametrize(
    ("errors", "tolerance", "context"),
    [
        ({0: 0.5, 1: 0.2, 2: 0.01, 3: 0.02}, 0.05, 2),
        ({3: 0.02, 1: 0.2, 2: 0.01, 0: 0.5}, 0.05, 2),  # in any order
        ({0: 0.5, 1: 0.01, 2: 0.2, 3: 0.02}, 0.05, 3),  # not where the errors rise once more
        ({0: 0.01, 1: 0.01}, 0.05, 0),
        ({0: 0.5, 1: 0.2}, 0.05, None),
        ({0: 0.5, 1: float("nan")}, 0.05, None),
    ],
)
def test_the_length_is_the_least_context_from_which_on_errors_are_small(
    errors: dict[int, float], tolerance: float, context: int | None
) -> None:
    assert sufficient(errors, tolerance) == context


@pytest.mark.long
def test_every_system_is_measured_and_trained_once(tmp_path: Path) -> None:
    words = ",".join(f"'{word}'" for word in TRAIN)
    command = [
        "study=functional",
        f"train=[{words}]",
        "study.functional.c=[0,2]",
        "study.functional.data=['data.side=32','data.n_test=5']",
        "study.functional.larger=['data.side=64']",
    ]
    trained = set()
    for tolerance, reach in [("1e-9", None), ("1e9", 0.0)]:
        done = run(tmp_path, "study.py", *command, f"study.functional.tolerance={tolerance}")
        assert done.returncode == 0, done.stderr
        folder = tmp_path / "outputs" / "paper" / "cpu" / "functional"
        numbers = json.loads((folder / "result.json").read_text())["numbers"]
        assert len(numbers["table"]) == 2 * len(numbers["found"])
        for found in numbers["found"].values():
            assert found["reach"] == reach
            assert found["larger"]["data"]["sides"] == [64]
            assert found["larger"][ERROR] > 0
        assert 800 <= plots.read(folder / "picture.png").shape[1] <= 2400
        weights = tmp_path.glob("outputs/sweeps/**/best.ckpt")
        trained.add(tuple(sorted((str(path), path.stat().st_mtime_ns) for path in weights)))
    assert len(trained) == 1
