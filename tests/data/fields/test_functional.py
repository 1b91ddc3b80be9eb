"""The data sets of functionals: densities from seeds alone, and what is known of them."""

import copy
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.data.fields import functional
from ednn.data.fields.fermions import FermionData
from ednn.data.fields.functional import FunctionalData
from ednn.data.fields.generated import Labelling
from ednn.data.fields.hard_rods import HardRodsData
from ednn.physics import fermions, hard_rods
from tests.conftest import run

FAMILY = {"spacing": 0.5, "mu": [0.0, 1.0], "depth": 0.5, "smooth": [1.0, 2.0]}
SHARED = {"n_train": 5, "n_val": 2, "n_test": 3, "batch_size": 2, "workers": 0, "seed": 3}
KINDS: list[tuple[type[FunctionalData], dict[str, Any]]] = [
    (FermionData, {"kT": 0.2, "excess": False, "dims": 1, "side": 16}),
    (FermionData, {"kT": 0.2, "excess": True, "dims": 2, "side": 6}),
    (HardRodsData, {"sigma": 1.0, "side": 16}),
]


def make(kind: type[FunctionalData], own: dict[str, Any], cache: Path, **more: Any) -> Any:
    return kind(**{**FAMILY, **SHARED, **own, **more}, cache=str(cache))


@pytest.fixture(scope="module", params=KINDS, ids=["1-D fermions", "2-D fermions", "hard rods"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A set that was made in several batches."""
    kind, own = request.param
    made = make(kind, own, tmp_path_factory.mktemp("cache"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functional, "BATCH", 4)
        made.prepare_data()
    made.setup()
    return made


def stored(data: FunctionalData) -> dict[str, np.ndarray]:
    with h5py.File(data.path) as file:
        return {name: file[name][()] for name in ("fields", "labels", "derivative")}


def test_a_sample_is_a_function_of_seed_and_number(data: FunctionalData) -> None:
    found = stored(data)
    for i in range(10):
        density, free_energy, derivative = data.sample([3, 0, i])
        np.testing.assert_array_equal(found["fields"][i], density)
        assert found["labels"][i] == free_energy
        np.testing.assert_allclose(found["derivative"][i], derivative, rtol=1e-6)


def test_fermions_are_those_of_the_potential(tmp_path: Path) -> None:
    data = make(*KINDS[1], tmp_path, excess=False)
    v, mu = data.potentials.draw([3, 0, 4])
    density, free_energy, derivative = data.sample([3, 0, 4])
    expected = fermions.solve(v, 0.5, 0.2, mu)
    np.testing.assert_array_equal(density, expected.density.astype(np.float32))
    assert free_energy == expected.free_energy
    np.testing.assert_array_equal(derivative, mu - v)
    assert not isinstance(data, Labelling)  # of another density, no potential is known


def test_labels_of_rods_are_those_of_the_stored_density(tmp_path: Path) -> None:
    data = make(*KINDS[2], tmp_path)
    data.prepare_data()
    found = stored(data)
    assert isinstance(data, Labelling)
    np.testing.assert_allclose(data.label(found["fields"]), found["labels"], rtol=1e-14)
    derivative = hard_rods.derivative(found["fields"].astype(float), 0.5, 1.0)
    np.testing.assert_allclose(found["derivative"], derivative, rtol=1e-6)


def test_the_file_says_what_it_holds(data: FunctionalData) -> None:
    sides = data.potentials.sides
    with h5py.File(data.path) as file:
        for name, shape, kind in [
            ("fields", (10, *sides), np.float32),
            ("labels", (10, 1), np.float64),
            ("derivative", (10, *sides), np.float32),
        ]:
            assert (file[name].shape, file[name].dtype) == (shape, kind)
        assert file.attrs["unit"] == data.unit
        assert json.loads(file.attrs["settings"]) == data.settings
    assert data.info.spacing == (0.5,) * len(sides)


def test_batches_have_the_derivatives_of_their_samples(data: FunctionalData) -> None:
    wanted, found = [5, 1, 5, 0], stored(data)
    batch = data.dataset.__getitems__(wanted)
    np.testing.assert_array_equal(batch.inputs[:, 0], found["fields"][wanted])
    np.testing.assert_array_equal(batch.slopes["derivative"][:, 0], found["derivative"][wanted])


def test_a_test_beside_a_training_set_has_other_densities(data: FunctionalData) -> None:
    beside = copy.copy(data)
    beside.test_only(data.settings)
    beside.prepare_data()
    fields = np.concatenate([stored(data)["fields"], stored(beside)["fields"]])
    assert len(np.unique(fields, axis=0)) == 13


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        (0, {"dims": 4}, r"data.dims=4 is not possible; give 1, 2 or 3"),
        (0, {"side": 1}, r"data.side=1 is not possible"),
        (0, {"kT": 0.0}, r"data.kT=0.0 is not possible"),
        (2, {"sigma": 0.8}, r"data.sigma=0.8 is no whole number of spacings.*such as 1\."),
    ],
)
def test_what_makes_no_sense_leaves_no_file(
    kind: int, change: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        make(*KINDS[kind], tmp_path, **change).prepare_data()
    assert not list(tmp_path.glob("*.h5")) + list(tmp_path.glob(".*.tmp"))


def test_train_and_evaluate_on_a_larger_box(tmp_path: Path) -> None:
    few = ["data.n_train=20", "data.n_val=5", "data.n_test=5"]
    small = ["data=fermions", "data.side=32", *few]
    tiles = ["model=ann", "tile.f=1", "tile.c=4", "data.batch_size=10", "trainer.max_epochs=2"]
    done = run(tmp_path, "train.py", *small, *tiles, "run=small")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "runs" / "small"
    assert json.loads((folder / "summary.json").read_text())["unit"] == "ħ²/ma²"
    checkpoint = f"ckpt_path={folder / 'checkpoints' / 'best.ckpt'}"
    done = run(tmp_path, "evaluate.py", checkpoint, *small, "data.side=64")
    assert done.returncode == 0, done.stderr
