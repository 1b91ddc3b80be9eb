"""Labels and splits as users have them: columns, rows, groups, MATLAB's order."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ednn.core.errors import InputError
from tests.data.fields.own_files import COUNT, RNG, make, ready, write

IMAGES = RNG.normal(size=(COUNT, 8, 6))
LABELS = np.arange(COUNT)


@pytest.mark.parametrize(
    "labels",
    [LABELS, LABELS[:, None], LABELS[None], LABELS.astype(">u2"), LABELS.astype("f2")],
    ids=["vector", "column", "row", "big-endian", "half"],
)
def test_labels_of_any_kind_are_columns(labels: np.ndarray, tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", images=IMAGES, **{"group/labels": labels})
    data = ready(path, y="group/labels")
    assert data.info.names == ("group_labels",)
    np.testing.assert_array_equal(data.dataset.labels[:, 0], LABELS)


def test_labels_may_be_true_or_false(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", images=IMAGES, labels=LABELS > 30)
    np.testing.assert_array_equal(ready(path).dataset.labels[:, 0], LABELS > 30)


def test_two_labels_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", images=IMAGES, **{"a/energy": LABELS, "a_energy": LABELS})
    with pytest.raises(InputError, match=r"the output a_energy twice.*rename one"):
        ready(path, y=["a/energy", "a_energy"])


def test_splits_may_be_columns_of_real_numbers(tmp_path: Path) -> None:
    splits = {"train": range(40), "val": range(40, 50), "test": range(50, 60)}
    columns = {f"splits/{name}": np.array(v, float)[:, None] for name, v in splits.items()}
    data = ready(write(tmp_path / "a.h5", images=IMAGES, labels=LABELS, **columns))
    assert {name: v.tolist() for name, v in data.splits.items()} == {
        name: list(v) for name, v in splits.items()
    }


COLUMN_MAJOR = [
    ({"images": np.moveaxis(IMAGES, 0, -1), "labels": LABELS}, "images"),
    ({"images": np.moveaxis(IMAGES, 0, -1), "labels": LABELS[None]}, "images"),
    ({"images": IMAGES.reshape(COUNT, -1).T, "labels": LABELS[:, None]}, "images"),
    ({"images": IMAGES, "labels": np.stack([LABELS, LABELS])}, "labels"),
]


@pytest.mark.parametrize(("content", "turned"), COLUMN_MAJOR)
def test_the_order_of_matlab_is_named_and_the_line_that_mends_it_does(
    content: dict[str, Any], turned: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.h5", **content)
    with pytest.raises(InputError, match=rf"{turned} has the shape .*MATLAB's") as error:
        make(path)
    code = str(error.value).partition('python -c "')[2].partition('"')[0]
    exec(code, {})  # the file is closed when its last name goes
    with h5py.File(path) as file:
        assert len(file[f"{turned}_T"]) == COUNT
        np.testing.assert_array_equal(file[f"{turned}_T"][()].T, content[turned])
