"""What moves change of predictions, against sums over samples and moves one by one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ednn import EDNN
from ednn.core.subnets import ANN
from ednn.data.fields.ising import IsingData
from ednn.reports.moves import of_structures
from ednn.reports.symmetries import checks, samples_to_check
from ednn.runs.folder import Run
from ednn.training.evaluate import model_and_data


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every set is made once."""
    return tmp_path_factory.mktemp("made")


def spins(folder: Path, **changes: Any) -> IsingData:
    shared: dict[str, Any] = {"batch_size": 5, "workers": 0, "seed": 0, "cache": str(folder)}
    shared |= {"n_train": 20, "n_val": 5, "n_test": 40}
    data = IsingData(L=6, dims=2, J=1.0, **shared, **changes)
    data.prepare_data()
    data.setup()
    return data


def test_changes_are_root_mean_squares_per_site(made: Path) -> None:
    data, model = spins(made), EDNN(ANN, focus=2, context=1).eval()
    found = {check.what: check.change for check in checks(model, data)}
    fields = data.dataset.inputs(samples_to_check(data))  # (N, 1, 6, 6)
    with torch.no_grad():
        before = model(fields)[:, 0].numpy()
        by_one = [model(fields.roll(1, axis))[:, 0].numpy() for axis in (2, 3)]
        turned = model(fields.rot90(1, (2, 3)))[:, 0].numpy()
    change = np.concatenate([after - before for after in by_one]) / 36
    np.testing.assert_allclose(found["moved by one spin"], np.sqrt((change**2).mean()), rtol=1e-4)
    change = (turned - before) / 36
    np.testing.assert_allclose(found["turned by 90°"], np.sqrt((change**2).mean()), rtol=1e-4)
    assert found["moved by 2 spins"] < 1e-6 < found["moved by one spin"]


def test_what_changes_exact_labels_is_no_symmetry(made: Path) -> None:
    data = spins(made, bonds="triangular")
    found = [check.what for check in checks(EDNN(ANN, focus=1, context=1).eval(), data)]
    assert found == ["moved by 1 spin", "repeated: 4 copies, two along every axis"]


def test_fields_with_edges_are_not_moved(made: Path) -> None:
    model = EDNN(ANN, focus=2, context=1, padding="zeros").eval()
    found = [check.what for check in checks(model, spins(made))]
    assert found == ["mirrored along an axis", "turned by 90°"]


def test_structures_are_turned_if_the_training_was(
    sheets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sheets.parents[2])
    config = Run(sheets).read_config().data
    config.rotate = True
    model, data = model_and_data(Run(sheets).best, config)
    data.setup()
    moved, *_, turned, repeated = of_structures(model, data, whole=False)  # type: ignore[arg-type]
    assert moved.should == repeated.should != turned.should
    assert turned.what == "turned by a random angle"
    sample = data.dataset.inputs(torch.from_numpy(data.splits["test"][:1]))
    for turn in turned.each:
        after = turn(sample)
        for one, other in ((sample.positions, after.positions), (sample.cell, after.cell)):
            distances = [torch.cdist(rows, rows) for rows in (one, other)]
            torch.testing.assert_close(*distances, rtol=0, atol=1e-5)
        with torch.no_grad():
            assert model(after).isfinite().all()
