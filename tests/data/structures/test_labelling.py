import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from ednn.core.errors import InputError
from ednn.data.journal import decode, encode
from ednn.data.structures import labelling
from ednn.data.structures.file import LabelledSet, read
from ednn.data.structures.labelling import generate, merge
from ednn.physics.labels import resolve
from ednn.physics.sheets import sheet

pytest.importorskip("ase", reason='labels need `pip install -e ".[dft]"`')

LJ = {"_target_": "ase.calculators.lj.LennardJones", "sigma": 1.3, "rc": 3.0}  # milliseconds

RUN = """
import sys
from ednn.data.structures.labelling import generate
if __name__ == "__main__":
    path, cache = sys.argv[1:]
    theory = {"_target_": "ase.calculators.lj.LennardJones", "sigma": 1.3, "rc": 3.0}
    generate(path, theory, 100_000, cache=cache, workers=2)
"""


def room(tmp_path: Path) -> Path:
    """Where the journal of `set.h5` lies."""
    return labelling._journal_folder(tmp_path / "set.h5", tmp_path)


def line(seed: int) -> bytes:
    """The journal's line for one seed."""
    return encode(labelling._labelled(seed, sheet, resolve(LJ)))


def assert_same(one: LabelledSet, other: LabelledSet) -> None:
    for name in vars(one):
        np.testing.assert_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The seeds that each run computes."""
    computed, seeds_of_runs = labelling._computed, []

    def spying(seeds: list[int], *rest: Any) -> Any:
        seeds_of_runs.append(seeds)
        return computed(seeds, *rest)

    monkeypatch.setattr(labelling, "_computed", spying)
    return seeds_of_runs


def test_a_file_holds_the_labels_of_its_seeds(tmp_path: Path) -> None:
    labels = generate(tmp_path / "set.h5", LJ, 3, cache=tmp_path, seed0=5, repeat=(2, 1))

    assert_same(labels, read(tmp_path / "set.h5"))
    np.testing.assert_array_equal(labels.seed, [5, 6, 7])
    for i, seed in enumerate([5, 6, 7]):
        structure = sheet(seed, (2, 1))
        direct = labelling.label(structure, resolve(LJ))
        np.testing.assert_array_equal(labels.structure(i).positions, structure.positions)
        assert labels.energy[i] == direct.energy
        np.testing.assert_array_equal(labels.forces[labels.atoms(i)], np.float32(direct.forces))
    assert json.loads(labels.attributes["structures"])["repeat"] == [2, 1]


def test_a_larger_count_extends_a_file_and_labels_nothing_twice(
    tmp_path: Path, spy: list[list[int]]
) -> None:
    generate(tmp_path / "set.h5", LJ, 4, cache=tmp_path, seed0=2)
    extended = generate(tmp_path / "set.h5", LJ, 8, cache=tmp_path)
    whole = generate(tmp_path / "whole.h5", LJ, 8, cache=tmp_path, workers=2)

    assert spy == [[2, 3, 4, 5], [0, 1, 6, 7], list(range(8))]
    assert_same(extended, whole)


def test_a_run_killed_at_any_moment_continues_where_it_stopped(
    tmp_path: Path, spy: list[list[int]]
) -> None:
    script, journal = tmp_path / "run.py", room(tmp_path) / "journal"
    script.write_text(RUN)
    command = [sys.executable, *map(str, (script, tmp_path / "set.h5", tmp_path))]
    run = subprocess.Popen(command, stderr=subprocess.PIPE)
    while not journal.exists() or journal.read_bytes().count(b"\n") < 20:
        assert run.poll() is None
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=60)  # returns when the workers, which share the pipe, are gone too
    lines = journal.read_bytes().splitlines(keepends=True)
    finished = {record["seed"] for record in decode(lines)}
    with open(journal, "ab") as file:  # the kill may also have cut a line short
        file.write(line(99)[:500])

    count = max(finished) + 5
    labels = generate(tmp_path / "set.h5", LJ, count, cache=tmp_path, workers=2)
    assert spy == [[seed for seed in range(count) if seed not in finished]]
    assert not journal.exists()
    assert_same(labels, generate(tmp_path / "whole.h5", LJ, count, cache=tmp_path, workers=2))


def test_a_damaged_line_is_not_a_label() -> None:
    good = line(1)
    changed = good.replace(b'"seed": 1', b'"seed": 2')
    assert changed != good
    assert [r["seed"] for r in decode([b"\n", good[:-9], changed, good])] == [1]


def test_what_is_finished_can_be_read_while_a_run_goes_on(tmp_path: Path) -> None:
    generate(tmp_path / "set.h5", LJ, 2, cache=tmp_path)
    (room(tmp_path) / "journal").write_bytes(line(7))
    with FileLock(room(tmp_path) / "lock"):
        np.testing.assert_array_equal(merge(tmp_path / "set.h5", cache=tmp_path).seed, [0, 1, 7])


def test_a_structure_that_does_not_converge_is_recorded_and_skipped(
    tmp_path: Path, spy: list[list[int]]
) -> None:
    pytest.importorskip("tblite", reason='gfn1 needs `pip install -e ".[dft]"`')
    hasty = {
        "_target_": "tblite.ase.TBLite",
        "method": "GFN1-xTB",
        "verbosity": 0,
        "max_iterations": 9,  # enough for hBN without vacancies only
    }
    labels = generate(tmp_path / "set.h5", hasty, 2, cache=tmp_path, seed0=10)
    generate(tmp_path / "set.h5", hasty, 2, cache=tmp_path, seed0=10)

    np.testing.assert_array_equal(labels.seed, [11])
    np.testing.assert_array_equal(labels.failed, [10])
    assert spy == [[10, 11], []]


def test_labels_of_other_settings_do_not_mix(tmp_path: Path) -> None:
    generate(tmp_path / "set.h5", LJ, 1, cache=tmp_path)
    before = (tmp_path / "set.h5").read_bytes()
    for theory, repeat in [({**LJ, "rc": 2.5}, (1, 1)), (LJ, (2, 1))]:
        with pytest.raises(InputError, match="such labels do not mix"):
            generate(tmp_path / "set.h5", theory, 2, cache=tmp_path, repeat=repeat)
    assert (tmp_path / "set.h5").read_bytes() == before
    generate(tmp_path / "set.h5", LJ, 2, cache=tmp_path)  # nothing was spoilt


def test_a_journal_of_other_settings_does_not_mix(tmp_path: Path) -> None:
    generate(tmp_path / "set.h5", LJ, 1, cache=tmp_path)
    (tmp_path / "set.h5").unlink()
    (room(tmp_path) / "journal").write_bytes(line(0))
    with pytest.raises(InputError, match="such labels do not mix"):
        generate(tmp_path / "set.h5", {**LJ, "rc": 2.5}, 2, cache=tmp_path)


def test_files_of_one_name_have_journals_of_their_own(tmp_path: Path) -> None:
    for folder, count in (("here", 1), ("there", 2)):
        (tmp_path / folder).mkdir()
        generate(tmp_path / folder / "set.h5", LJ, count, cache=tmp_path)
    assert len(list(tmp_path.glob("set_*"))) == 2


def test_two_runs_do_not_fill_one_file(tmp_path: Path) -> None:
    room(tmp_path).mkdir()
    with (
        FileLock(room(tmp_path) / "lock"),
        pytest.raises(InputError, match="filled by another run"),
    ):
        generate(tmp_path / "set.h5", LJ, 1, cache=tmp_path)
