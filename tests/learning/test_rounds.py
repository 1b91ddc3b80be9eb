"""The whole loop as a command: killed, it goes on; what is finished is not done again."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ednn.data.structures.file import LabelledSet, read
from ednn.data.structures.labelling import generate
from ednn.physics.labels import label, resolve
from ednn.physics.neighbours import FACTOR, nearest_distances, span
from tests.conftest import TIMEOUT, run, start

LJ = {"_target_": "ase.calculators.lj.LennardJones", "sigma": 1.3, "rc": 3.0}  # milliseconds
FEW = "learn.candidates={dynamics: 3, moved: 3, larger: 2, new: 3}"
WORDS = [
    *("learn.py", "data.path=start.h5", "data.cache=cache", "run=a", "trainer.max_steps=6"),
    "data.theory={_target_: ase.calculators.lj.LennardJones, sigma: 1.3, rc: 3.0}",
    *("~experiment", "model=fcn", "tile.f=8", "tile.c=4", "data.grid=32", "data.gamma=0.4"),
    *("data.batch_size=16", "learn.start=30", "learn.rounds=2", "learn.add=3", FEW),
    "learn.steps=20",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generate(tmp_path / "start.h5", LJ, 40, cache=tmp_path / "cache", workers=1)
    return tmp_path


def learned(folder: Path) -> LabelledSet:
    return read(folder / "outputs" / "learn" / "a" / "labels.h5")


def killed(folder: Path, when: Callable[[], bool]) -> None:
    """Start the command and kill it as soon as something is there."""
    with start(folder, *WORDS) as process:
        begun = time.monotonic()
        while not when():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() - begun < TIMEOUT
            time.sleep(0.02)
        process.kill()


@pytest.mark.long
def test_a_killed_command_goes_on_and_does_nothing_twice(folder: Path) -> None:
    here = folder / "outputs" / "learn" / "a"
    chosen = here / "round_00" / "chosen.json"
    killed(folder, chosen.exists)
    before = {p: p.stat().st_mtime_ns for p in (chosen, chosen.with_name("summary.json"))}
    done = run(folder, *WORDS)
    assert done.returncode == 0, done.stderr
    assert "Learning ended: learn.rounds=2 are done." in done.stdout
    assert {path: path.stat().st_mtime_ns for path in before} == before

    labels, first = learned(folder), read(folder / "start.h5")
    records = json.loads(chosen.read_text())["structures"]
    assert labels.seed.tolist() == [*range(30), *(record["seed"] for record in records)]
    np.testing.assert_array_equal(labels.energy[:30], first.energy[:30])
    seen = span(nearest_distances(first.structure(i), "") for i in range(30))
    for i, record in enumerate(records, start=30):
        structure = labels.structure(i)
        np.testing.assert_array_equal(structure.positions, record["positions"])
        assert labels.energy[i] == label(structure, resolve(LJ)).energy
        distances = nearest_distances(structure, "")
        assert seen[0] / FACTOR <= distances.min() <= distances.max() <= seen[1] * FACTOR

    table = pd.read_csv(here / "learning.csv")
    assert table["labels"].tolist() == [30, 33]
    assert json.loads((here / "summary.json").read_text())["labels"] == 33
    assert (here / "round_01" / "parity.png").exists()
    assert (here / "learning.png").exists()

    again = run(folder, *WORDS)
    assert again.returncode == 0, again.stderr
    assert learned(folder).seed.tolist() == labels.seed.tolist()
    other = run(folder, *WORDS, "seed=1")
    assert other.returncode == 1
    assert "was begun with seed=0, and this command has seed=1" in other.stderr
