"""Structures in files of sorted atoms: read in parts, they are predicted as those in memory."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import ase
import ase.io
import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from ednn.core.atomistic import AtomisticEDNN
from ednn.core.loading import load_structure_model
from ednn.data.structures import sorting
from ednn.data.structures.as_structure import as_structure
from ednn.data.structures.sorted_file import open_sorted
from ednn.data.structures.sorting import write_sorted
from ednn.inference import structure_job
from ednn.inference.pieces import BY_GRADIENT
from ednn.inference.reading import read_stored, read_structures
from ednn.inference.stored_structure import StoredStructure
from ednn.inference.structure_job import StructureJob
from ednn.physics.alloys import alloy
from ednn.physics.orientation import turned
from ednn.physics.sheets import crystal, sheet
from ednn.physics.structure import Structure, in_cell
from tests.conftest import run, start
from tests.core.test_atomistic import model
from tests.core.test_space import model as spatial_model
from tests.inference.test_predict import torchrun, wait_for
from tests.inference.test_stress import stress_of
from tests.inference.test_structures import forces_and_shares

NETWORK = "ckpt_path=pretrained/graphene-hbn-gfn1"
MEMORY = "memory=0.83"  # GB, for many blocks
SKEWED = [[25.3, 1.0], [-4.0, 26.5]]
RIBBON = [[25.3, 1.0], [0.0, 0.0]]
SITES = 2000 * BY_GRADIENT  # of a block, of a structure of 10,000 and more
FEW = 10  # atoms of a cell of the grid


@pytest.fixture(autouse=True)
def fine_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "PER_CELL", FEW)
    monkeypatch.setattr(structure_job, "DENSE", 0)  # those in memory in blocks, too


def shuffled(structure: Structure) -> Structure:
    """Put the atoms in another order."""
    order = np.random.default_rng(0).permutation(structure.count)
    return replace(
        structure, numbers=structure.numbers[order], positions=structure.positions[order]
    )


def outside(structure: Structure) -> Structure:
    """Move atoms by lattice vectors, out of the cell."""
    cells = np.random.default_rng(1).integers(-2, 3, structure.positions.shape)
    return replace(structure, positions=structure.positions + cells @ structure.cell)


def with_a_hole() -> Structure:
    """A sheet of which most blocks are empty."""
    whole = sheet(2, (4, 3))
    left = (whole.positions < [9.0, 30.0]).all(1)
    return Structure(whole.numbers[left], whole.positions[left], whole.cell)


@contextmanager
def stored(structure: Structure, folder: Path, parts: int = 3) -> Iterator[StoredStructure]:
    rows = np.array_split(np.arange(structure.count), parts)
    some = [
        Structure(structure.numbers[own], structure.positions[own], structure.cell) for own in rows
    ]
    write_sorted(folder / "sorted.h5", lambda: some, source="a test")
    with open_sorted(folder / "sorted.h5") as file:
        yield StoredStructure(file)


CASES = {
    "whole tiles": lambda: outside(sheet(2, (4, 3))),
    "skewed": lambda: outside(replace(sheet(2, (2, 2)), cell=np.array(SKEWED))),
    "ribbon": lambda: outside(replace(sheet(2, (2, 2)), cell=np.array(RIBBON))),
    "flake": lambda: replace(sheet(2, (2, 2)), cell=np.zeros((2, 2))),
    "hole": with_a_hole,
    "one cell of the grid": lambda: Structure(np.array([6]), np.ones((1, 2)), sheet(2).cell),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shifts", [1, 2])
def test_a_structure_in_parts_is_predicted_as_in_memory(
    case: str, shifts: int, tmp_path: Path
) -> None:
    net, given = model(), shuffled(CASES[case]())
    expected = StructureJob(net, [in_cell(given, 0)], SITES, forces=True, shifts=shifts)
    assert len(expected.pieces) > 1 or given.count == 1
    with stored(given, tmp_path) as structure:
        work = StructureJob(net, [structure], SITES, forces=True, shifts=shifts)
        assert [piece.block for piece in work.pieces] == [p.block for p in expected.pieces]
        forces, shares = forces_and_shares(work)
        index = structure.file.index[()]
    forces_there, shares_there = forces_and_shares(expected)
    torch.testing.assert_close(shares, shares_there, rtol=0, atol=1e-9)
    torch.testing.assert_close(forces, forces_there[index], rtol=0, atol=1e-9)


@pytest.mark.parametrize("cell", [None, [[8.3, 0.4, 0.2], [-2.0, 9.1, 0.1], [1.0, 2.0, 7.7]]])
def test_crystals_in_space_are_predicted_as_in_memory(
    cell: list[list[float]] | None, tmp_path: Path
) -> None:
    net, given = spatial_model(per_element=True), alloy(3)
    given = outside(given if cell is None else replace(given, cell=np.array(cell)))
    sites = 6_000 * BY_GRADIENT
    expected = forces_and_shares(StructureJob(net, [in_cell(given, 0)], sites, forces=True))
    with stored(given, tmp_path) as structure:
        forces, shares = forces_and_shares(StructureJob(net, [structure], sites, forces=True))
        index = structure.file.index[()]
    torch.testing.assert_close(shares, expected[1], rtol=0, atol=1e-9)
    torch.testing.assert_close(forces, expected[0][index], rtol=0, atol=1e-9)


def test_stress_is_that_in_memory(tmp_path: Path) -> None:
    net, given = model(), replace(sheet(2, (2, 2)), cell=np.array(SKEWED))
    expected = stress_of(StructureJob(net, [given], SITES, forces=False, stress=True))
    with stored(given, tmp_path) as structure:
        job = StructureJob(net, [structure], SITES, forces=False, stress=True)
        np.testing.assert_allclose(stress_of(job), expected, rtol=0, atol=1e-9)


@pytest.fixture(scope="module")
def packaged() -> AtomisticEDNN:
    net = load_structure_model("pretrained/graphene-hbn-gfn1").double()
    assert isinstance(net, AtomisticEDNN)
    return net


def frame_of(structure: Structure) -> ase.Atoms:
    cell = np.pad(structure.cell, ((0, 1), (0, 1)))
    cell[2, 2] = 15
    positions = np.pad(structure.positions, ((0, 0), (0, 1)))
    return ase.Atoms(structure.numbers, positions, cell=cell, pbc=True)


@pytest.mark.parametrize("degrees", [17.0, 90.0, 180.0])
@pytest.mark.parametrize("sheared", [False, True])
def test_sheets_are_turned_as_in_memory(
    packaged: AtomisticEDNN,
    degrees: float,
    sheared: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = sheet(5, (2, 1))
    shear = np.array([[1.0, 0.004], [0.0, 1.0]]) if sheared else np.eye(2)
    given = turned(replace(own, positions=own.positions @ shear, cell=own.cell @ shear), degrees)
    ase.io.write(tmp_path / "in.traj", frame_of(given))
    _, structures = read_structures(packaged, tmp_path / "in.traj")
    expected, shares = forces_and_shares(StructureJob(packaged, structures, 2 * SITES, forces=True))
    with stored(as_structure(0, frame_of(given), tmp_path, dims=2), tmp_path) as plain:
        structure = read_stored(packaged, plain.file, extrapolate=False)
        assert structure.turned_by == pytest.approx(structures[0].turned_by, abs=1e-9)
        found, own_shares = forces_and_shares(
            StructureJob(packaged, [structure], 2 * SITES, forces=True)
        )
        index = structure.file.index[()]
    np.testing.assert_allclose(own_shares, shares, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found, expected[index], rtol=0, atol=1e-8)
    said = [line.partition(": ")[2] for line in capsys.readouterr().out.splitlines()]
    assert said == 2 * said[:1]  # nothing, if it isn't turned


def test_each_process_reads_its_own_part(tmp_path: Path) -> None:
    net = model()
    with stored(crystal((12, 12)), tmp_path) as structure:
        work = StructureJob(net, [structure], 20_000, forces=False)
        rows = []
        for rank in range(4):
            structure.file.rows_read = 0
            for piece in work.pieces[rank::4]:
                work.evaluate(piece)
            rows.append(structure.file.rows_read)
        piece = work.pieces[0]
        structure.file.rows_read = 0
        work.evaluate(piece)
        side = structure.file.grid.sides
        own = work.places[0]
        assert piece.block is not None
        tiles = np.array([span.stop - span.start for span in piece.block])
        reach = np.array(net.renderer.reach(own.tiling, own.pixel.tolist()))
        touched = (tiles * own.tile + 2 * reach + 2 * side).prod() * structure.count
        assert structure.file.rows_read < 1.2 * touched / structure.sides.prod()
    assert max(rows) < 1.2 * min(rows)
    assert max(rows) < 0.6 * structure.count  # a quarter, and context


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    own = crystal((6, 5))
    moved = np.random.default_rng(0).normal(0, 0.05, own.positions.shape)
    frame = frame_of(shuffled(Structure(own.numbers, own.positions + moved, own.cell)))
    ase.io.write(folder / "in.extxyz", frame, format="extxyz")
    done = run(folder, "convert.py", "input=in.extxyz", "output=in.h5")
    assert done.returncode == 0, done.stderr
    assert "Sorted atoms: in.h5" in done.stdout
    words = [NETWORK, "input=in.extxyz", "output=expected.csv", "forces=true", MEMORY]
    done = run(folder, "predict.py", *words)
    assert done.returncode == 0, done.stderr
    return folder


def assert_as_expected(folder: Path, tmp_path: Path) -> None:
    one, other = pd.read_csv(folder / "expected.csv"), pd.read_csv(tmp_path / "out.csv")
    assert [*one.columns] == [*other.columns]
    np.testing.assert_allclose(other, one, rtol=1e-6)
    with h5py.File(folder / "expected.h5") as file, h5py.File(tmp_path / "out.h5") as found:
        forces, index = file["forces/0"][()], found["index/0"][()]
        assert sorted(index) == [*range(len(forces))]
        np.testing.assert_allclose(found["forces/0"], forces[index], atol=1e-4)
        shares = file["contributions/0"]
        np.testing.assert_allclose(found["contributions/0"], shares, rtol=1e-4, atol=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.h5"]


WORDS = [NETWORK, "output=out.csv", "forces=true", MEMORY]


def test_a_killed_prediction_goes_on(folder: Path, tmp_path: Path) -> None:
    words = [*WORDS, f"input={folder / 'in.h5'}"]
    process = start(tmp_path, "predict.py", *words)
    with process:
        wait_for(tmp_path, 2, room=".out.csv.unfinished")
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out.csv").exists()
    done = run(tmp_path, "predict.py", *words)
    assert done.returncode == 0, done.stderr
    assert_as_expected(folder, tmp_path)


@pytest.mark.long
def test_two_processes_predict_it_together(folder: Path, tmp_path: Path) -> None:
    with torchrun(tmp_path, *WORDS, f"input={folder / 'in.h5'}") as process:
        _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert_as_expected(folder, tmp_path)


def test_what_doesnt_fit_is_refused(folder: Path, tmp_path: Path) -> None:
    given, spread = crystal((2, 2)), crystal((2, 2))
    twice = Structure(
        np.append(given.numbers, 6), np.vstack([given.positions, [[50.0, 0.01]]]), given.cell
    )
    spread = replace(spread, positions=2 * spread.positions, cell=2 * spread.cell)
    other = replace(given, numbers=given.numbers + 8)
    space = Structure(np.array([6, 6]), np.eye(3)[:2] * 1.4, np.eye(3) * 9)
    odd = {
        "atoms 0 and 240 are 0.01 Å apart": twice,
        "the nearest neighbours are": spread,
        "has an atom of Si": other,
        "holds a structure along 3 axes": space,
    }
    for words, own in odd.items():
        write_sorted(tmp_path / "odd.h5", partial(list[Structure], [own]), source="a test")
        done = run(tmp_path, "predict.py", NETWORK, "input=odd.h5", "output=out.csv")
        assert done.returncode == 1
        assert words in done.stderr
        assert sorted(os.listdir(tmp_path)) == ["odd.h5"]
    arguments = [f"input={folder / 'in.extxyz'}", "output=out.csv", "memory=0.80001"]
    done = run(tmp_path, "predict.py", NETWORK, *arguments)
    assert "or convert the file with `ednn convert` into one that is read" in done.stderr
    done = run(folder, "convert.py", "input=in.extxyz", "output=in.h5")
    assert "output=in.h5 would overwrite in.h5; give another name, or overwrite=true" in done.stderr
    done = run(tmp_path, "predict.py", NETWORK, f"input={folder / 'in.h5'}", "output=out.extxyz")
    assert "output=out.extxyz has no known ending; use .csv." in done.stderr
