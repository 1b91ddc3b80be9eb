"""Files of sorted atoms: all atoms once, found by box, made in parts, refused if not whole."""

import os
from pathlib import Path

import ase
import ase.io
import h5py
import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.data.structures import converting, sorting
from ednn.data.structures.converting import convert
from ednn.data.structures.frames import read_frames, structures_of
from ednn.data.structures.parts import read_parts
from ednn.data.structures.sorted_file import is_sorted, open_sorted
from ednn.data.structures.sorting import write_sorted
from ednn.physics.sheets import sheet
from ednn.physics.structure import Structure

CELLS = {
    "rectangle": [[25.0, 0, 0], [0, 26.0, 0], [0, 0, 15.0]],
    "skewed": [[25.3, 1.0, 0], [-4.0, 26.5, 0], [0, 0, 15.0]],
    "ribbon": [[25.3, 1.0, 0], [0, 0, 0], [0, 0, 0]],
    "space": [[14.0, 1.0, 0.3], [2.0, 15.0, 0], [0, 0.2, 16.0]],
}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "PER_CELL", 7)
    monkeypatch.setattr(converting, "SORTED", 64)


def frame_in(cell: str) -> ase.Atoms:
    rng = np.random.default_rng(0)
    vectors = np.array(CELLS[cell])
    size = 40.0 * np.array([1, 1, cell == "space"])
    height = 0 if cell == "space" else 14.98  # across the border of the cell in part
    positions = rng.uniform(-10, size - 10) + rng.uniform(-20, 20, (500, 3)) * (size > 0)
    positions[:, 2] += height + rng.uniform(0, 0.1, 500)
    pbc = vectors.any(1)
    return ase.Atoms(rng.choice([5, 6, 7], 500), positions, cell=vectors, pbc=pbc)


@pytest.mark.parametrize("ending", ["extxyz", "traj"])
@pytest.mark.parametrize("cell", CELLS)
def test_all_atoms_are_there_once_and_found_by_box(cell: str, ending: str, tmp_path: Path) -> None:
    source = tmp_path / f"in.{ending}"
    ase.io.write(source, frame_in(cell))
    (expected,) = structures_of(read_frames(source), source, None)
    convert(source, tmp_path / "in.h5")
    with open_sorted(tmp_path / "in.h5") as file:
        everything = file.read([(0, file.count)])
        index = file.index[()]
        assert sorted(index) == [*range(500)]
        np.testing.assert_array_equal(everything.numbers, expected.numbers[index])
        np.testing.assert_array_equal(file.cell, expected.cell)
        moved = everything.positions - expected.positions[index]
        cells = moved @ np.linalg.pinv(file.cell)
        np.testing.assert_allclose(cells, np.rint(cells), atol=1e-6)
        np.testing.assert_allclose(cells @ file.cell, moved, atol=1e-9)
        assert file.elements == (5, 6, 7)
        cells_of = file.grid.cells(everything.positions)
        assert (np.diff(np.ravel_multi_index(tuple(cells_of.T), file.grid.shape)) >= 0).all()
        rng = np.random.default_rng(1)
        for _ in range(50):
            low = rng.uniform(*file.box) - 3
            high = low + rng.uniform(0, 9, len(low))
            inside = ((everything.positions >= low) & (everything.positions <= high)).all(1)
            before = file.rows_read
            found = file.between(low, high)
            assert set(np.flatnonzero(inside)) <= set(found.atoms)
            assert len(found.atoms) == file.rows_read - before < 400
            np.testing.assert_array_equal(found.positions, everything.positions[found.atoms])
        assert not len(file.between(file.box[1] + 1, file.box[1] + 9).atoms)


def test_parts_are_those_of_the_whole(tmp_path: Path) -> None:
    frame = frame_in("rectangle")
    for name in ("in.extxyz", "in.traj", "in.xyz.gz"):
        ase.io.write(tmp_path / name, frame, format="extxyz" if "xyz" in name else None)
        parts = [*read_parts(tmp_path / name, size=70)]
        assert [len(part) for part in parts] == 7 * [70] + [10]
        found = np.concatenate([part.positions for part in parts])
        np.testing.assert_allclose(found, frame.positions, atol=1e-8)
        assert all((part.cell == frame.cell).all() for part in parts)


def test_a_step_between_parts_is_not_flat(tmp_path: Path) -> None:
    frame = frame_in("rectangle")
    frame.positions[:, 2] = np.where(np.arange(500) < 64, 3.0, 7.0)  # each part is flat
    ase.io.write(tmp_path / "in.traj", frame)
    convert(tmp_path / "in.traj", tmp_path / "in.h5")
    with open_sorted(tmp_path / "in.h5") as file:
        assert file.cell.shape == (3, 3)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def without_index(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["index"]


def of_the_future(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.attrs["ednn_sorted_atoms"] = 99


def with_fewer_positions(path: Path) -> None:
    with h5py.File(path, "a") as file:
        rows = file["positions"][:-1]
        del file["positions"]
        file["positions"] = rows


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (cut_short, "is not a whole HDF5 file .*make it again with `ednn convert`"),
        (without_index, "has no dataset 'index'; it has cell, numbers, offsets, positions"),
        (of_the_future, "is no file of sorted atoms of the schema 1; make it again"),
        (
            with_fewer_positions,
            "has 117 numbers, and positions, index and offsets of other lengths",
        ),
    ],
)
def test_files_that_are_not_whole_are_refused(spoil: object, words: str, tmp_path: Path) -> None:
    assert callable(spoil)
    path = tmp_path / "in.h5"
    write_sorted(path, lambda: [sheet(0, (2, 1))], source="a test")
    assert is_sorted(path)
    spoil(path)
    with pytest.raises(InputError, match=words), open_sorted(path):
        pass


def two_structures(path: Path) -> None:
    ase.io.write(path, 2 * [frame_in("rectangle")], format=path.suffix[1:])


def an_end_too_early(path: Path) -> None:
    ase.io.write(path, frame_in("rectangle"), format="extxyz")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-3]))


def no_number(path: Path) -> None:
    frame = frame_in("rectangle")
    frame.positions[300, 0] = np.nan
    ase.io.write(path, frame, format="traj")


def another_format(path: Path) -> None:
    ase.io.write(path, frame_in("rectangle"), format="vasp")


def nothing(path: Path) -> None:
    path.write_text("")


@pytest.mark.parametrize(
    ("make", "name", "words"),
    [
        (two_structures, "in.extxyz", "holds more than one structure; write the one"),
        (two_structures, "in.traj", "holds more than one structure; write the one"),
        (an_end_too_early, "in.extxyz", "ends after 497 of 500 atoms"),
        (no_number, "in.traj", "atom [0-9]+ stands at"),
        (another_format, "POSCAR", "of the format vasp, which can't be read in parts"),
        (nothing, "in.extxyz", "in.extxyz"),
    ],
)
def test_what_cannot_be_converted_is_refused_and_leaves_nothing(
    make: object, name: str, words: str, tmp_path: Path
) -> None:
    assert callable(make)
    make(tmp_path / name)
    with pytest.raises(InputError, match=words):
        convert(tmp_path / name, tmp_path / "out.h5")
    assert os.listdir(tmp_path) == [name]


def test_atoms_may_come_in_any_order(tmp_path: Path) -> None:
    own = sheet(0, (3, 3))
    order = np.random.default_rng(0).permutation(own.count)
    parts = [
        Structure(own.numbers[some], own.positions[some], own.cell)
        for some in np.array_split(order, 7)
    ]
    write_sorted(tmp_path / "a.h5", lambda: parts, source="a test")
    write_sorted(tmp_path / "b.h5", lambda: [own], source="a test")
    with open_sorted(tmp_path / "a.h5") as one, open_sorted(tmp_path / "b.h5") as other:
        rows = [file.read([(0, own.count)]) for file in (one, other)]
        at = [np.argsort(order[one.index[()]]), np.argsort(other.index[()])]
        for found, sort in zip(rows, at, strict=True):
            np.testing.assert_array_equal(found.positions[sort], own.positions)
