"""Splits of your own fields: shares, the file's own, and no test on what was trained on."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.training.finetune import require_unseen_test
from tests.data.fields.own_files import COUNT, RNG, make, ready, sparse, write


def test_shares_are_those_asked_for_and_stay_when_samples_are_added(tmp_path: Path) -> None:
    images = RNG.normal(size=(3000, 2, 3)).astype(np.float32)
    short = write(tmp_path / "short.h5", images=images[:2000], labels=np.zeros(2000))
    long = write(tmp_path / "long.h5", images=images, labels=np.zeros(3000))
    splits, more = ready(short).splits, ready(long).splits
    assert sorted(np.concatenate(list(splits.values()))) == list(range(2000))
    assert abs(len(splits["val"]) - 200) < 50
    assert abs(len(splits["test"]) - 400) < 70
    for name, samples in splits.items():
        assert np.array_equal(more[name][more[name] < 2000], samples)
    assert not np.array_equal(ready(short, seed=4).splits["test"], splits["test"])


def test_the_files_own_splits_are_used(tmp_path: Path) -> None:
    data = ready(sparse(tmp_path / "a.h5"))
    assert {name: (index[0], len(index)) for name, index in data.splits.items()} == {
        "train": (0, 20),
        "val": (100, 20),
        "test": (120, 20),
    }
    assert data.describe()["splits"] == "those of the file"


@pytest.mark.parametrize("train", [[0, 1, 100], [0, 6400], [-1], [0, 0], [0.5]])
def test_impossible_splits_are_refused(train: list[float], tmp_path: Path) -> None:
    path = sparse(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        del file["splits/train"]
        file["splits/train"] = train
    with pytest.raises(InputError, match="from 0 to 6399, each at most once"):
        ready(path)


def test_a_model_is_tested_on_what_it_was_not_trained_on(released: Path, tmp_path: Path) -> None:
    trained = ready(released, test=0.3)
    moved = tmp_path / "moved.h5"
    shutil.copy(released, moved)
    same = make(moved, seed=8)
    same.test_only(trained.settings)
    same.setup()
    assert np.array_equal(same.splits["test"], trained.splits["test"])

    foreign = write(tmp_path / "b.h5", images=np.ones((9, 8, 12)), labels=np.zeros(9))
    for settings in (trained.settings, None):
        data = make(foreign)
        data.test_only(settings)
        data.setup()
        assert data.splits["test"].tolist() == list(range(9))


def test_weights_that_know_the_test_split_are_refused(released: Path) -> None:
    trained_on = {"data": "HDF5Data", "settings": make(released).settings}
    require_unseen_test(trained_on, make(released))
    for other in (make(released, seed=8), make(released, test=0.3)):
        with pytest.raises(InputError, match="knows part of the test split"):
            require_unseen_test(trained_on, other)


def test_a_test_split_that_is_not_known_is_refused(tmp_path: Path) -> None:
    path = sparse(tmp_path / "a.h5")
    trained = make(path)
    own_splits = make(path, seed=8)
    own_splits.test_only(trained.settings)
    own_splits.setup()
    assert own_splits.splits["test"].tolist() == list(range(120, 140))
    with h5py.File(path, "a") as file:
        del file["splits"]
    with pytest.raises(InputError, match="has not its splits/train"):
        make(path).test_only(trained.settings)


def test_a_run_does_not_go_on_with_other_labels(tmp_path: Path) -> None:
    fields, labels = RNG.random((COUNT, 4, 4, 1), dtype=np.float32), RNG.random((COUNT, 1))
    first = write(tmp_path / "first.h5", images=fields, labels=labels)
    second = write(tmp_path / "second.h5", images=fields, labels=labels + 1e-9)
    state = ready(first).state_dict()
    ready(first).load_state_dict(state)
    second.replace(first)
    with pytest.raises(InputError, match=r"first\.h5: its labels differ"):
        ready(first).load_state_dict(state)
