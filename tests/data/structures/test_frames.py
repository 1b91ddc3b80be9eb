"""Files that ASE reads: all of their frames, in the cells that people have."""

import gzip
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
import pytest
from ase.build import bulk, fcc111

from ednn.core.errors import InputError
from ednn.data.structures.as_structure import flat_structure, spatial_structure
from ednn.data.structures.frames import dims_of, read_frames, structures_of
from ednn.physics.structure import Structure
from tests.data.structures.sheets import as_frames, some

PATH = Path("own.extxyz")


@pytest.fixture(scope="module")
def frame() -> ase.Atoms:
    return as_frames(some(range(1)))[0]


def permuted(frame: ase.Atoms) -> None:
    frame.set_cell(frame.cell.array[[2, 0, 1]])
    frame.pbc = [False, True, True]  # as the vector along z comes first


def rounded(frame: ase.Atoms) -> None:
    frame.cell[1, 0], frame.cell[0, 1] = 1e-5, -1e-5


def without_height(frame: ase.Atoms) -> None:
    frame.cell[2] = 0


def on_the_border_along_z(frame: ase.Atoms) -> None:
    frame.positions[:, 2] = 0.01
    frame.positions[::2, 2] = 15 - 0.01


def beyond_the_border_along_z(frame: ase.Atoms) -> None:
    frame.positions[::2, 2] += 30


@pytest.mark.parametrize(
    "change",
    [permuted, rounded, without_height, on_the_border_along_z, beyond_the_border_along_z],
)
def test_the_same_crystal_in_other_words(frame: ase.Atoms, change: Any) -> None:
    same = frame.copy()
    change(same)
    expected, found = flat_structure(0, frame, PATH), flat_structure(0, same, PATH)
    np.testing.assert_allclose(found.cell, expected.cell, rtol=1e-12)
    np.testing.assert_array_equal(found.positions, expected.positions)


def test_a_vector_that_points_backwards_puts_the_cell_there(frame: ase.Atoms) -> None:
    turned = frame.copy()
    turned.set_cell(frame.cell.array * [[-1], [1], [-1]])
    turned.positions[:, 0] -= frame.cell[0, 0]
    found = flat_structure(0, turned, PATH)
    np.testing.assert_allclose(found.positions, frame.positions[:, :2], atol=1e-9)


def test_rounding_at_the_edge_is_wrapped(frame: ase.Atoms) -> None:
    x, y, _ = frame.cell.lengths()
    corners = [[-1e-4, 1], [x, 3], [x * 1.0000001, 5], [3, y], [5, 1.0000001 * y], [7, -1e-20]]
    atoms = ase.Atoms("C6", np.pad(corners, ((0, 0), (0, 1))), cell=frame.cell, pbc=True)
    found = flat_structure(0, atoms, PATH)
    apart = np.abs(found.positions - corners)
    np.testing.assert_allclose(np.minimum(apart, np.abs(found.sides - apart)), 0, atol=1e-5)


def open_along_z(frame: ase.Atoms) -> None:
    on_the_border_along_z(frame)
    frame.pbc = [True, True, False]


def without_cell(frame: ase.Atoms) -> None:
    frame.cell[:] = 0


def in_one_line(frame: ase.Atoms) -> None:
    frame.set_cell([[12.5, 0, 0], [25, 0, 0], [0, 0, 15]])


def upright(frame: ase.Atoms) -> None:
    frame.set_cell([[12.5, 0, 4], [0, 13, 0], [0, 0, 15]])


def upended(frame: ase.Atoms) -> None:
    frame.rotate(-90, "x", rotate_cell=True)


def dummy(frame: ase.Atoms) -> None:
    frame.symbols[3] = "X"


def of_no_element(frame: ase.Atoms) -> None:
    frame.numbers[3] = 6 + 256  # carbon, where a byte is read


def without_height_of_an_atom(frame: ase.Atoms) -> None:
    frame.positions[3, 2] = np.nan


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (open_along_z, "structure 0 is 15 Å thick"),
        (upended, r"turn it by atoms.rotate\(90, 'x', rotate_cell=True\)"),
        (without_cell, "structure 0 has no cell along the periodic direction 0; .*Lattice="),
        (in_one_line, "lattice vectors .* lie in one line"),
        (upright, "two lattice vectors in the plane of x and y"),
        (dummy, "atom 3 has the atomic number 0, .*dummy atoms"),
        (of_no_element, "atom 3 has the atomic number 262"),
        (without_height_of_an_atom, "structure 0: z holds nan in atom 3"),
    ],
)
def test_what_is_no_flat_crystal_is_refused(frame: ase.Atoms, change: Any, words: str) -> None:
    other = frame.copy()
    change(other)
    with pytest.raises(InputError, match=words):
        flat_structure(0, other, PATH)


def test_isolated_atoms_are_counted(frame: ase.Atoms) -> None:
    boxed = ase.Atoms("B", cell=[20, 20, 20], pbc=True, info={"config_type": "IsolatedAtom"})
    with pytest.raises(InputError, match=r"2 isolated atom\(s\), the first as structure 1 \(C\)"):
        structures_of([frame, ase.Atoms("C"), frame, boxed], PATH, dims=2)
    lone = ase.Atoms("C", cell=[9, 9, 9], pbc=True)
    assert isinstance(structures_of([lone], PATH, dims=2)[0], Structure)


@pytest.fixture
def text(tmp_path: Path) -> str:
    """Three structures as extxyz."""
    path = tmp_path / "three.extxyz"
    ase.io.write(path, as_frames(some(range(3))), format="extxyz")
    return path.read_text()


def test_all_frames_are_read_whatever_the_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "at@1.extxyz").write_text(text + "\n\n")  # not the structure of number 1
    (tmp_path / "packed.extxyz.gz").write_bytes(gzip.compress(text.encode()))
    ase.io.write(tmp_path / "own.traj", as_frames(some(range(3))))
    ase.io.write(tmp_path / "own.cif", as_frames(some(range(3))))
    ase.io.write(tmp_path / "XDATCAR", as_frames(some(range(1))) * 3, format="vasp-xdatcar")
    for name in ("at@1.extxyz", "packed.extxyz.gz", "own.traj", "own.cif", "XDATCAR"):
        assert len(read_frames(tmp_path / name)) == 3, name


def test_a_blank_line_drops_nothing_silently(text: str, tmp_path: Path) -> None:
    lines = text.split("\n")
    second = 2 + int(lines[0])
    for number, place in ((1, second), (0, 0)):
        path = tmp_path / f"blank_{number}.extxyz"
        path.write_text("\n".join([*lines[:place], "", *lines[place:]]))
        with pytest.raises(InputError, match=rf"blank line behind its first {number} structure"):
            read_frames(path)


def test_an_index_is_not_taken(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no choice such as @-1 of the structures of .*three"):
        read_frames(tmp_path / "three.extxyz@-1")
    with pytest.raises(InputError, match=r"There is no file .*four\.extxyz@-1; check the path"):
        read_frames(tmp_path / "four.extxyz@-1")


def test_one_structure_in_space_puts_all_there(frame: ase.Atoms) -> None:
    assert dims_of([frame, frame]) == 2
    assert dims_of([frame, bulk("Cu")]) == 3
    for dims in (None, 3):
        found = structures_of([frame, bulk("Cu")], PATH, dims)
        assert [s.positions.shape[1] for s in found] == [3, 3]
    with pytest.raises(InputError, match=r"structure 1 has the cell .* in the plane of x and y"):
        structures_of([frame, bulk("Cu")], PATH, dims=2)
    with pytest.raises(InputError, match=r"data\.dims=4 is not possible; give 2 or 3"):
        structures_of([frame], PATH, dims=4)


def test_a_box_in_other_words() -> None:
    box = bulk("Cu", cubic=True).repeat((1, 2, 3))
    expected = spatial_structure(0, box, PATH)
    assert expected.is_rectangular
    other = box.copy()
    other.set_cell(box.cell.array[[2, 0, 1]] * [[1], [-1], [1]])
    found = spatial_structure(0, other, PATH)
    np.testing.assert_array_equal(found.cell, expected.cell)
    moved = (found.positions - expected.positions) / expected.sides
    np.testing.assert_allclose(moved, moved.round(), atol=1e-12)


def test_slabs_and_clusters_stay_where_they_are() -> None:
    slab = fcc111("Au", (2, 2, 3), vacuum=5)
    found = spatial_structure(0, slab, PATH)
    assert found.is_open
    np.testing.assert_array_equal(found.cell[:2], slab.cell.array[:2])
    np.testing.assert_array_equal(found.cell[2], 0)
    np.testing.assert_array_equal(found.positions, slab.positions)
    slab.pbc = False
    np.testing.assert_array_equal(spatial_structure(0, slab, PATH).cell, 0)
    outside = bulk("Cu").repeat(2)
    outside.positions += 40
    inside = spatial_structure(0, outside, PATH)
    fractional = inside.positions @ np.linalg.inv(inside.cell)
    assert ((fractional > -1e-9) & (fractional < 1)).all()


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ([[3, 0, 0], [0, 3, 0], [3, 3, 0]], "which don't span space; expected three that do"),
        (
            [[3, 0, 0], [0, 3, 0], [0, 0, 0]],
            "has no cell along the periodic direction 2",
        ),
    ],
)
def test_lattice_vectors_have_to_span_space(cell: list[list[float]], words: str) -> None:
    atoms = ase.Atoms("Cu2", [[0, 0, 0], [1, 1, 2]], cell=cell, pbc=True)
    with pytest.raises(InputError, match=words):
        spatial_structure(0, atoms, PATH)
