from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.data.structures.file import (
    LabelledSet,
    Record,
    concatenate,
    join,
    part,
    read,
    split,
    write,
)
from ednn.physics.sheets import sheet

ATTRIBUTES = {"theory": "x", "structures": "{}"}


def records(
    seeds: Sequence[int], failed: Sequence[int] = (), stressed: bool = False
) -> dict[int, Record]:
    rng = np.random.default_rng(0)
    found: dict[int, Record] = {seed: {"seed": seed, "failed": "no convergence"} for seed in failed}
    for seed in seeds:
        structure = sheet(seed)
        found[seed] = {
            "seed": seed,
            "numbers": structure.numbers,
            "positions": structure.positions,
            "cell": structure.cell,
            "energy": rng.normal(),
            "forces": rng.normal(size=structure.positions.shape).astype(np.float32),
        }
        if stressed:
            found[seed]["stress"] = rng.normal(size=(2, 2))
    return found


def in_space(record: Record) -> Record:
    """Pad what has two axes to three."""
    return {name: _padded(np.asarray(value)) for name, value in record.items()}


def _padded(value: np.ndarray) -> np.ndarray:
    if value.ndim < 2:
        return value
    return np.pad(value, ((0, int(value.shape == (2, 2))), (0, 1)), constant_values=9.0)


def assert_equal(one: LabelledSet, other: LabelledSet) -> None:
    for name in vars(one):
        np.testing.assert_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_a_file_gives_back_every_bit(tmp_path: Path) -> None:
    found = records([7, 2, 9], failed=[4])
    labels = join(found, ATTRIBUTES)
    write(tmp_path / "set.h5", labels)
    again = read(tmp_path / "set.h5")

    assert_equal(again, labels)
    assert len(again) == 3
    np.testing.assert_array_equal(again.seed, [2, 7, 9])
    np.testing.assert_array_equal(again.failed, [4])
    for i, seed in enumerate(again.seed):
        structure = sheet(int(seed))
        np.testing.assert_array_equal(again.structure(i).positions, structure.positions)
        np.testing.assert_array_equal(again.structure(i).numbers, structure.numbers)
        np.testing.assert_array_equal(again.structure(i).cell, structure.cell)
        np.testing.assert_array_equal(again.forces[again.atoms(i)], found[seed]["forces"])
        assert again.energy[i] == found[seed]["energy"]


@pytest.mark.parametrize("failed", [[], [1, 3]])
@pytest.mark.parametrize("seeds", [[], [2, 5]])
def test_split_undoes_join_also_when_nothing_is_labelled(
    seeds: list[int], failed: list[int]
) -> None:
    labels = join(records(seeds, failed), ATTRIBUTES)
    assert_equal(join(split(labels), ATTRIBUTES), labels)


@pytest.mark.parametrize("dims", [2, 3])
def test_stress_is_kept_with_structures_of_any_number_of_axes(tmp_path: Path, dims: int) -> None:
    found = records([7, 2, 9], failed=[4], stressed=True)
    if dims == 3:
        found = {seed: in_space(r) if "energy" in r else r for seed, r in found.items()}
    labels = join(found, ATTRIBUTES)
    write(tmp_path / "set.h5", labels)
    again = read(tmp_path / "set.h5")
    assert_equal(again, labels)
    assert_equal(join(split(again), ATTRIBUTES), labels)
    assert again.stress.shape == again.cell.shape == (3, dims, dims)
    assert again.positions.shape == again.forces.shape == (len(again.numbers), dims)
    np.testing.assert_array_equal(part(again, np.array([2, 0])).stress[0], found[9]["stress"])
    both = concatenate([again, again], [tmp_path / "set.h5"] * 2)
    np.testing.assert_array_equal(both.stress[3:], again.stress)


def test_stress_that_not_all_structures_have_is_left_out(tmp_path: Path) -> None:
    known, unknown = records([1], stressed=True), records([2])
    assert join(known | unknown, ATTRIBUTES).stress.shape == (0, 2, 2)
    sets = [join(known, ATTRIBUTES), join(unknown, ATTRIBUTES)]
    both = concatenate(sets, [tmp_path / "1.h5", tmp_path / "2.h5"])
    assert (len(both), both.stress.shape) == (2, (0, 2, 2))


def test_a_file_without_stress_is_read_as_before(tmp_path: Path) -> None:
    write(tmp_path / "set.h5", join(records([1, 2]), ATTRIBUTES))
    with h5py.File(tmp_path / "set.h5", "a") as file:
        del file["stress"]
    assert read(tmp_path / "set.h5").stress.shape == (0, 2, 2)


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file .*missing\.h5"):
        read(tmp_path / "missing.h5")
    (tmp_path / "text.h5").write_text("text")
    with pytest.raises(InputError, match="no HDF5 file"):
        read(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = np.zeros(3)
    with pytest.raises(InputError, match="not a file of labelled structures"):
        read(tmp_path / "other.h5")
    write(tmp_path / "nameless.h5", join(records([1]), {"structures": "{}"}))
    with pytest.raises(InputError, match=r"not a file of labelled structures.*theory"):
        read(tmp_path / "nameless.h5")


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = join(records([1]), ATTRIBUTES)
    write(tmp_path / "set.h5", labels)
    monkeypatch.setattr(h5py.Group, "create_dataset", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "set.h5", join(records([1, 2]), ATTRIBUTES))
    monkeypatch.undo()

    assert_equal(read(tmp_path / "set.h5"), labels)
    assert [p.name for p in tmp_path.iterdir()] == ["set.h5"]
