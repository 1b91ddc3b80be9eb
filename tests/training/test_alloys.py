"""The recipe for alloys in space, on a few structures."""

import json
from pathlib import Path

import numpy as np

from ednn.data.structures.file import part, read, write
from tests.conftest import REPOSITORY, run


def test_the_recipe_for_alloys_trains(tmp_path: Path) -> None:
    labels = read(REPOSITORY / "data" / "alloys" / "emt.h5")
    assert len(labels.stress) == len(labels)
    write(tmp_path / "few.h5", part(labels, np.arange(30)))
    words = ["experiment=alloys", "data.path=few.h5", "data.batch_size=8", "trainer.max_epochs=1"]
    done = run(tmp_path, "train.py", *words, "trainer.limit_train_batches=1", "run=few")
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "outputs" / "alloys" / "few" / "summary.json").read_text())
    assert summary["data"]["theory"] == "emt"
    assert np.isfinite(summary["test/mean_absolute_error_of_forces"])
