"""A training on several files of labels, and on structures of one cell among others."""

from pathlib import Path

import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.data.structures.file import write
from tests.data.structures.sheets import some
from tests.data.structures.test_dft import make


def test_more_files_join_the_training_alone(
    sheets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = some(range(120, 160), structures="another recipe")
    other.cell[3] *= 1.01  # which fits no whole multiple
    other.cell[5] *= 2
    write(tmp_path / "other.h5", other)
    alone = make(sheets, monkeypatch, cell="[12.5,12.990381]", whole="true")
    others = f"[{tmp_path / 'other.h5'}]"
    data = make(sheets, monkeypatch, cell="[12.5,12.990381]", whole="true", also=others)
    assert len(data.dataset) == len(alone.dataset) + 39
    for name in ("val", "test"):
        np.testing.assert_array_equal(data.splits[name], alone.splits[name])
    added = data.splits["train"][len(alone.splits["train"]) :]
    assert added.min() == len(alone.dataset)
    expected = [i for i in range(40) if i != 3][added[0] - len(alone.dataset)]
    assert data.dataset.labels[added[0], 0] == other.energy[expected]
    assert data.info.pixel == pytest.approx((12.5 / 256, 12.990381 / 256))
    trained_on = data.settings  # the other file is tested on what was kept from the training
    theirs = make(sheets, monkeypatch, path=tmp_path / "other.h5")
    assert theirs.same_samples(trained_on)
    theirs.test_only(trained_on)
    _, splits = theirs.read()
    seen = {other.energy.tolist().index(float(data.dataset.labels[i, 0])) for i in added}
    assert seen.isdisjoint(splits["test"])


def test_files_whose_labels_do_not_mix_are_refused(
    sheets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "other.h5", some(range(9), versions="{}"))
    with pytest.raises(InputError, match=r"holds labels of versions \{\}, which don't mix"):
        make(sheets, monkeypatch, also=tmp_path / "other.h5")
