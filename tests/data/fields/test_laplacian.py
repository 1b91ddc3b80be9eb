"""The Laplacian data set: exact labels, images that depend on their seeds alone, whole files."""

import json
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.subnets.site_ann import SiteANN
from ednn.data.fields import laplacian
from ednn.data.fields.laplacian import LaplacianData
from ednn.physics.images import random_image
from ednn.physics.laplacian import STENCILS, laplacian_sum
from tests.conftest import run, start

COUNTS = {"n_train": 9, "n_val": 3, "n_test": 4}
SETTINGS: dict[str, Any] = {
    **COUNTS,
    "side": 50,
    "stencil": "central-twice",
    "powers": [0.5, 1.0],
    "batch_size": 4,
    "workers": 0,
    "seed": 3,
}


def make(cache: Path, **changes: Any) -> LaplacianData:
    return LaplacianData(**{**SETTINGS, "cache": str(cache), **changes})


def images(data: LaplacianData) -> np.ndarray:
    return data.dataset.fields[:][:, 0].numpy()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def data(cache: Path) -> LaplacianData:
    """A set that was made and is read in several batches."""
    data = make(cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(laplacian, "BATCH", 6)
        data.prepare_data()
    data.setup()
    return data


def test_labels_are_those_of_the_stored_images(data: LaplacianData) -> None:
    labels = data.dataset.labels.numpy()
    assert labels.dtype == np.float64
    np.testing.assert_array_equal(labels[:, 0], laplacian_sum(images(data), "central-twice"))


def test_an_image_is_a_function_of_seed_and_number(data: LaplacianData) -> None:
    for i, image in enumerate(images(data)):
        expected = random_image([3, 0, i], side=50, powers=[0.5, 1.0])
        np.testing.assert_array_equal(image, expected.astype(np.float32))


def test_splits_share_no_image(data: LaplacianData) -> None:
    assert {f"n_{name}": len(index) for name, index in data.splits.items()} == COUNTS
    assert sorted(np.concatenate(list(data.splits.values()))) == list(range(16))
    assert len(np.unique(images(data), axis=0)) == 16


def test_a_test_beside_a_training_set_has_other_images(data: LaplacianData, cache: Path) -> None:
    beside = make(cache)
    beside.test_only(data.settings)
    assert beside.path != data.path
    beside.prepare_data()
    beside.setup()
    assert [len(index) for index in beside.splits.values()] == [0, 0, 4]
    assert len(np.unique(np.concatenate([images(data), images(beside)]), axis=0)) == 20


def test_file_says_what_it_holds(data: LaplacianData) -> None:
    with h5py.File(data.path) as file:
        assert file["fields"].shape == (16, 50, 50)
        assert file["fields"].dtype == np.float32
        assert file["labels"].shape == (16, 1)
        assert file.attrs["unit"] == "X/pixel²"
        assert json.loads(file.attrs["settings"]) == data.settings


def test_batches_come_in_the_order_asked_for(data: LaplacianData) -> None:
    wanted = [5, 1, 5, 0]
    batch = data.dataset.__getitems__(wanted)
    np.testing.assert_array_equal(batch.inputs[:, 0], images(data)[wanted])
    np.testing.assert_array_equal(batch.target, data.dataset.labels[wanted])
    assert batch.sites.tolist() == [2500] * 4


def test_loader_workers_give_the_same_batches(data: LaplacianData, cache: Path) -> None:
    helped = make(cache, workers=2)
    helped.setup()
    pairs = zip(data.test_dataloader(), helped.test_dataloader(), strict=True)
    for a, b in pairs:
        np.testing.assert_array_equal(a.inputs, b.inputs)


@pytest.mark.parametrize("stencil", STENCILS)
def test_two_units_per_site_can_be_exact(data: LaplacianData, stencil: str) -> None:
    half = torch.tensor(STENCILS[stencil], dtype=torch.float64)
    c = len(half) - 1
    line, centre = torch.cat([half.flip(0)[:-1], half]), torch.eye(2 * c + 1).double()[c]
    kernel = torch.outer(line, centre) + torch.outer(centre, line)
    subnet = SiteANN((c, c), units=2)
    net = EDNN(subnet, 10, c).double()
    layers: list[Any] = list(subnet.layers)
    hidden, _, out = layers
    with torch.no_grad():
        hidden.parametrizations.weight.original.copy_(torch.stack([kernel, -kernel])[:, None])
        out.weight.fill_(1)
    fields = data.dataset.fields[:].double()
    labels = laplacian_sum(images(data), stencil)
    np.testing.assert_allclose(net(fields)[:, 0].detach(), labels, rtol=1e-10)


def test_a_new_model_gives_nothing_for_a_flat_image(data: LaplacianData) -> None:
    subnet, before = SiteANN((2, 2)), SiteANN((2, 2))
    net = EDNN(subnet, 10, 2)
    net.info = data.info
    net.fit_normalisation(data.dataset.inputs, data.dataset.labels, data.dataset.sites)
    assert net.scale > 0
    assert net.shift == 0
    assert net(torch.full((1, 1, 50, 50), 20.0)).abs() < 1e-3 * data.dataset.labels.min()
    assert not torch.equal(subnet.whitening.matrix, before.whitening.matrix)


def test_an_unknown_stencil_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="4th-order"):
        make(tmp_path, stencil="6th-order").prepare_data()
    assert not list(tmp_path.glob("*.h5")) + list(tmp_path.glob(".*.tmp"))


def test_killed_generation_leaves_no_file(tmp_path: Path) -> None:
    with start(tmp_path, "generate.py", "data=laplacian", "data.side=50") as process:
        cache, deadline = tmp_path / "data" / "cache", time.monotonic() + 60
        while not list(cache.glob(".*.tmp")) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
        process.communicate(timeout=60)  # returns once the killed run's workers have left, too
    assert list(cache.glob(".*.tmp"))
    assert not list(cache.glob("*.h5"))


def test_train_and_evaluate(tmp_path: Path) -> None:
    small = ["data=laplacian", "data.side=50", "data.n_train=20", "data.n_val=5", "data.n_test=5"]
    tiles = ["model=ann", "tile.f=10", "tile.c=2", "data.batch_size=10", "trainer.max_epochs=2"]
    done = run(tmp_path, "train.py", *small, *tiles, "run=small")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "runs" / "small"
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["unit"] == "X/pixel²"
    assert "the last layer has 6273 inputs, and the posterior of more than" in done.stdout
    assert "test/coverage_of_90_percent_intervals" not in summary
    checkpoint = f"ckpt_path={folder / 'checkpoints' / 'best.ckpt'}"
    done = run(tmp_path, "evaluate.py", checkpoint, *small, "data.side=60")
    assert done.returncode == 0, done.stderr
