"""The Ising data set: whole files, exact labels, splits that share no configuration."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.data.fields.ising import IsingData
from ednn.physics import ising
from tests.conftest import FORKS

SETTINGS: dict[str, Any] = {
    "L": 6,
    "dims": 2,
    "J": 2.0,
    "n_train": 400,
    "n_val": 100,
    "n_test": 100,
    "batch_size": 64,
    "workers": 0,
    "seed": 3,
}


def make(cache: Path, **changes: Any) -> IsingData:
    data = IsingData(**{**SETTINGS, "cache": str(cache), **changes})
    data.prepare_data()
    data.setup()
    return data


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a set is made once for those tests that only read it."""
    return tmp_path_factory.mktemp("made")


def spins_of(data: IsingData) -> np.ndarray:
    return data.dataset.fields[:][:, 0].numpy()


def test_labels_are_the_exact_energies(made: Path) -> None:
    data = make(made)
    spins = spins_of(data)
    np.testing.assert_array_equal(data.dataset.labels[:, 0], ising.energy(spins, J=2.0))


def test_the_magnetisation_labels_the_configurations_of_the_energy(made: Path) -> None:
    energy, data = make(made), make(made, target="magnetisation")
    assert data.path != energy.path
    (output,) = data.info.outputs
    assert (output.name, output.unit) == ("magnetisation", "spins")
    assert output.unit_per_site == "spins per spin"
    np.testing.assert_array_equal(spins_of(data), spins_of(energy))
    for name, index in energy.splits.items():
        np.testing.assert_array_equal(data.splits[name], index)
    up = (spins_of(data) > 0).sum((1, 2))
    np.testing.assert_array_equal(data.dataset.labels[:, 0], 2 * up - 36)
    assert data.dataset.labels.std() > 6  # more than that of independent spins


def test_the_energy_has_the_files_that_it_had_before_other_targets(tmp_path: Path) -> None:
    path = IsingData(**SETTINGS, cache=str(tmp_path)).path
    assert path == IsingData(**SETTINGS, cache=str(tmp_path), target="energy").path
    assert path.name == "ising-6x6-4ba36a20.h5"


def test_a_test_beside_a_training_set_has_none_of_its_configurations(tmp_path: Path) -> None:
    data = make(tmp_path, target="magnetisation")
    beside = IsingData(**SETTINGS, cache=str(tmp_path), target="magnetisation")
    beside.test_only(data.settings)
    beside.prepare_data()
    beside.setup()
    assert len(list(tmp_path.glob("*.h5"))) == 2  # the training set was found, not made again
    tested, trained = (
        set(ising.fingerprint(spins_of(one)[one.splits[split]]))
        for one, split in ((beside, "test"), (data, "train"))
    )
    assert tested
    assert not tested & trained


def test_a_model_of_one_target_is_not_tested_on_another(tmp_path: Path) -> None:
    data = IsingData(**SETTINGS, cache=str(tmp_path))
    other = IsingData(**SETTINGS, cache=str(tmp_path), target="magnetisation")
    with pytest.raises(InputError, match=r"add data\.target=magnetisation"):
        data.test_only(other.settings)
    other.test_only(other.settings)
    data.test_only(data.settings)
    with pytest.raises(InputError, match="use one of energy, magnetisation"):
        IsingData(**SETTINGS, cache=str(tmp_path), target="entropy")


@pytest.mark.parametrize("changes", [{}, {"L": 4}, {"temperatures": [1.5, 3.0]}, {"L": [4, 6]}])
def test_no_copy_of_a_training_configuration_is_tested(made: Path, changes: dict[str, Any]) -> None:
    data = make(made, **changes)
    spins = spins_of(data)
    marks = {name: set(ising.fingerprint(spins[i])) for name, i in data.splits.items()}
    assert not marks["test"] & (marks["train"] | marks["val"])
    assert not marks["val"] & marks["train"]
    with h5py.File(data.path) as file:
        kept = len(data.splits["test"]) + int(file.attrs["dropped_test"])
    assert kept == SETTINGS["n_test"]
    assert len(data.splits["train"]) == SETTINGS["n_train"]


def test_same_seed_same_data(made: Path, tmp_path: Path) -> None:
    one, two = make(made), make(tmp_path)
    np.testing.assert_array_equal(spins_of(one), spins_of(two))
    other = make(tmp_path, seed=4)
    assert other.path != one.path
    assert (spins_of(other) != spins_of(one)).any()


def test_file_says_what_it_holds(made: Path) -> None:
    data = make(made)
    with h5py.File(data.path) as file:
        assert file["fields"].shape == (600, 6, 6)
        assert file["fields"].dtype == np.int8
        assert file["labels"].shape == (600, 1)
        assert file.attrs["unit"] == "J"
        assert json.loads(file.attrs["settings"]) == data.settings
        assert file.attrs["code_version"]


def _generate(cache: str) -> None:
    IsingData(**{**SETTINGS, "cache": cache}).prepare_data()


def test_concurrent_jobs_generate_once(tmp_path: Path) -> None:
    processes = [FORKS.Process(target=_generate, args=(str(tmp_path),)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    (path,) = tmp_path.glob("*.h5")
    written = path.stat().st_mtime_ns
    _generate(str(tmp_path))
    assert path.stat().st_mtime_ns == written


def test_every_training_example_once_per_epoch_in_a_new_order(made: Path) -> None:
    data = make(made)
    loader = data.train_dataloader()
    epochs = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        batches = list(loader)
        assert batches[0].inputs.shape == (64, 1, 6, 6)
        epochs.append(np.concatenate([batch.sample for batch in batches]))
        assert sorted(epochs[-1]) == sorted(data.splits["train"])
    assert (epochs[0] != epochs[1]).any()


def test_loader_workers_give_the_same_batches(made: Path) -> None:
    alone, helped = (list(make(made, workers=n).test_dataloader()) for n in (0, 2))
    for a, b in zip(alone, helped, strict=True):
        np.testing.assert_array_equal(a.inputs, b.inputs)
        np.testing.assert_array_equal(a.sample, b.sample)


def test_a_lattice_of_another_dimension_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.dims=3"):
        IsingData(**{**SETTINGS, "L": [4, 4, 4], "cache": str(tmp_path)})
