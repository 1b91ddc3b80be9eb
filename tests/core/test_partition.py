"""Any cell: weights that add up to one, atoms in the box of a cell, images found; energies."""

import numpy as np
import pytest
import torch
from torch import Tensor

from ednn.core.atomistic import AtomisticEDNN
from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.partition import gram_schmidt, images, weight, wrapped
from ednn.core.structure_batch import StructureBatch
from ednn.core.subnets import DNN
from tests.core.test_atomistic import SPECIES, assert_forces_are_slopes, batched, model

SKEWED = {
    1: [[4.0]],
    2: [[9.0, 0.5], [-4.0, 8.0]],
    3: [[6.0, 0.5, 0.2], [-2.0, 7.0, 0.1], [1.0, 2.0, 5.0]],
}
SMALL = {2: [[2.46, 0.0], [-1.23, 2.13]]}


def as_cell(rows: list[list[float]]) -> Tensor:
    return torch.tensor([rows], dtype=torch.float64)


@pytest.mark.parametrize("rows", [*SKEWED.values(), *SMALL.values()])
def test_lattice_translates_of_the_weight_add_up_to_one(rows: list[list[float]]) -> None:
    cell, dims = as_cell(rows), len(rows)
    points = 40 * torch.rand(50, dims, dtype=torch.float64) - 20
    reach = 40 if dims < 3 else 9
    points = points if dims < 3 else points / 10
    numbers = torch.cartesian_prod(*[torch.arange(-reach, reach + 1.0)] * dims).view(-1, dims)
    moved = points[:, None] + numbers.double() @ cell[0]  # (50, n, dims)
    each = [moved[..., axis].reshape(-1, 1) for axis in range(dims)]
    found = weight(cell.expand(len(each[0]), -1, -1), each).view(len(points), -1)
    torch.testing.assert_close(found.sum(1), torch.ones(50, dtype=torch.float64))
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("rows", SKEWED.values())
def test_wrapped_atoms_lie_in_the_box_and_have_moved_by_lattice_vectors(
    rows: list[list[float]],
) -> None:
    cell, dims = as_cell(rows), len(rows)
    positions = 60 * torch.rand(1, 30, dims, dtype=torch.float64) - 30
    found = wrapped(StructureBatch(torch.full((1, 30), 6), positions, cell))
    box = gram_schmidt(cell)
    along = box.along(found.positions) / box.lengths
    assert ((along > -1e-9) & (along < 1 + 1e-9)).all()
    moved = (found.positions - positions) @ torch.linalg.inv(cell)
    torch.testing.assert_close(moved, moved.round(), rtol=0, atol=1e-9)
    volume = torch.linalg.det(cell).abs()
    torch.testing.assert_close(box.lengths.prod(1), volume)


def test_images_are_all_and_each_once() -> None:
    cell = as_cell(SMALL[2])
    positions = torch.rand(1, 3, 2, dtype=torch.float64) @ cell
    atoms = StructureBatch(torch.tensor([[6, 7, 0]]), positions, cell)  # the third is padding
    low, high = torch.tensor([[-3.0, 1.0]]), torch.tensor([[4.0, 6.5]])
    numbers, places = images(atoms, low, high).of(atoms)
    expected = []
    for i, j in np.ndindex(41, 41):
        moved = positions[0, :2] + torch.tensor([i - 20.0, j - 20.0]).double() @ cell[0]
        expected.append(moved[((moved >= low) & (moved <= high)).all(1)])
    found, every = places[numbers > 0], torch.cat(expected)
    assert len(found) == len(every)
    assert torch.cdist(found, every).amin(1).max() < 1e-9
    assert torch.cdist(found, every).amin(0).max() < 1e-9


class NeverWhole(AtomisticEDNN):
    """Takes the partition of unity for every cell."""

    def fits(self, structures: StructureBatch) -> Tensor:
        return torch.zeros(len(structures.numbers), dtype=torch.bool)


@pytest.mark.parametrize("per_element", [False, True])
def test_whole_tiles_have_the_same_energy_either_way(per_element: bool) -> None:
    exact, other = model(per_element=per_element), model(per_element=per_element)
    other.__class__ = NeverWhole
    structures = batched(1, 2)
    torch.testing.assert_close(other(structures), exact(structures), rtol=1e-12, atol=0)
    forces = exact.energy_and_forces(structures)[1]
    torch.testing.assert_close(other.energy_and_forces(structures)[1], forces, atol=1e-9, rtol=0)


def skewed(structures: StructureBatch) -> StructureBatch:
    """Strain and shear structures, so that no cell is whole tiles."""
    shear = torch.tensor([[1.013, 0.02], [0.05, 0.99]], dtype=torch.float64)
    return structures._replace(positions=structures.positions @ shear, cell=structures.cell @ shear)


def test_other_vectors_of_the_same_lattice_and_supercells() -> None:
    """They differ by how the pixels lie, as under a translation."""
    net, structures = model(), skewed(batched(3))
    energy = net(structures)
    shifts = torch.linspace(0, 0.7, 5, dtype=torch.float64)
    moved = [net(structures._replace(positions=structures.positions + s)) for s in shifts]
    spread = torch.cat(moved).std()
    rows = structures.cell[0]
    for other in ([rows[1], rows[0]], [rows[0], rows[1] - rows[0]], [rows[0] + rows[1], rows[1]]):
        again = net(structures._replace(cell=torch.stack(other)[None]))
        assert (again - energy).abs() < 3 * spread + 1e-6
    numbers = structures.numbers.repeat(1, 2)
    both = torch.cat([structures.positions, structures.positions + rows[0]], 1)
    doubled = torch.stack([2 * rows[0], rows[1]])[None]
    twice = net(StructureBatch(numbers, both, doubled))
    assert (twice - 2 * energy).abs() < 3 * spread + 1e-6


def test_forces_are_the_slope_of_the_energy_in_any_cell() -> None:
    assert_forces_are_slopes(model(), skewed(batched(3)), [(0, 0), (17, 1), (40, 0)])


def test_a_batch_mixes_cells() -> None:
    net, plain = model(), batched(1, 2)
    other = skewed(plain)
    mixed = StructureBatch(*(torch.cat(pair) for pair in zip(plain, other, strict=True)))
    expected = torch.cat([net(mixed.part(slice(i, i + 1))) for i in range(4)])
    torch.testing.assert_close(net(mixed), expected, rtol=1e-12, atol=0)
    shares = net.contributions(other)
    torch.testing.assert_close(shares.flatten(1, -2).sum(1), net(other), rtol=1e-12, atol=0)


OPEN = torch.zeros(1, 2, 2, dtype=torch.float64)


def test_molecules_in_empty_space_add_up() -> None:
    net = model()
    triangle = torch.tensor([[[0.0, 0.0], [1.4, 0.2], [0.5, 1.3]]], dtype=torch.float64)
    one = StructureBatch(torch.tensor([[6, 5, 7]]), triangle, OPEN)
    tile = torch.tensor([8.0, 16.0]) * net.renderer.pixel  # the pixels lie alike around both
    far = triangle + 4 * tile
    two = StructureBatch(one.numbers.repeat(1, 2), torch.cat([triangle, far], 1), OPEN)
    energy = net(one)
    assert (energy - net.known(one)).abs() > 1e-3  # not of the atoms alone
    torch.testing.assert_close(net(two), 2 * energy, rtol=1e-12, atol=0)
    torch.testing.assert_close(net(one._replace(positions=far)), energy, rtol=1e-12, atol=0)


def test_a_ribbon_is_the_limit_of_a_wide_cell() -> None:
    """A ribbon along x in a cell of whole tiles with much space, less the energy of the space."""
    net, tile = model(), 8 * model().renderer.pixel
    width = 4 * tile[0]
    atoms = torch.tensor([[[0.3, 1.0], [1.8, 1.2], [3.0, 0.4]]], dtype=torch.float64)
    numbers = torch.tensor([[6, 6, 7]])
    ribbon = torch.zeros(1, 2, 2, dtype=torch.float64)
    ribbon[0, 0, 0] = width
    wide = ribbon.clone()
    wide[0, 1, 1] = 12 * tile[1]
    nothing = StructureBatch(torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1, 2), wide)
    of_space = net(nothing._replace(positions=nothing.positions.double()))
    expected = net(StructureBatch(numbers, atoms, wide)) - of_space
    torch.testing.assert_close(
        net(StructureBatch(numbers, atoms, ribbon)), expected, rtol=1e-11, atol=0
    )


def test_what_is_no_cell_for_a_model_is_refused() -> None:
    thin = skewed(batched(0))._replace(cell=as_cell([[0.1, 0.0], [0.0, 9.0]]))
    with pytest.raises(InputError, match=r"Structure 4 has a cell only 0\.1 Å thick"):
        model().check(thin, first=4)
    flat = thin._replace(cell=as_cell([[4.0, 0.0], [8.0, 0.0]]))
    with pytest.raises(InputError, match="Structure 0 has a cell only 0 Å thick"):
        model().check(flat)
    field_model = EDNN(DNN, 8, 4)
    net = AtomisticEDNN(field_model, SPECIES, [12.5 / 32, 12.99 / 32], 0.4)
    with pytest.raises(InputError, match="takes rectangular cells of whole tiles alone, such as"):
        net.check(skewed(batched(0)))
    with pytest.raises(InputError, match="a value for every site; take model=fcn"):
        net(skewed(batched(0)))


def test_single_precision_is_near() -> None:
    net, structures = model(), skewed(batched(1))
    expected = net(structures)
    single = StructureBatch(
        structures.numbers, structures.positions.float(), structures.cell.float()
    )
    net.field_model.float()
    torch.testing.assert_close(net(single), expected, rtol=0, atol=0.05)
    assert torch.isfinite(net.energy_and_forces(single)[1]).all()
