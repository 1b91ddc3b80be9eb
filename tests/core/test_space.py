"""Structures in space: extensive, the same in every cell of a lattice, exact derivatives."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from ednn.core.atomistic import AtomisticEDNN
from ednn.core.model import EDNN
from ednn.core.structure_batch import StructureBatch
from ednn.core.subnets.fcn import FCN
from ednn.physics.alloys import alloy
from tests.core.test_atomistic import assert_forces_are_slopes

SPECIES = [29, 79]
PIXEL, TILE = 0.6, 1.2  # Å


def model(per_element: bool = False) -> AtomisticEDNN:
    torch.manual_seed(0)
    subnet = partial(FCN, widths=[6, 6, 6], stride=2, residual=True)
    field_model = EDNN(subnet, 2, 5, dims=3, channels=2 if per_element else 1)
    net = AtomisticEDNN(field_model, SPECIES, [PIXEL] * 3, 0.5, per_element).double()
    net.references.copy_(torch.tensor([[-3.0], [-4.0]]))
    net.field_model.scaling.fit(net.field(batched(3)))
    return net


def batched(*seeds: int) -> StructureBatch:
    """Random alloys, padded to the largest."""
    alloys = [alloy(seed) for seed in seeds]
    size = max(len(a.numbers) for a in alloys)
    pads = [(0, size - len(a.numbers)) for a in alloys]
    return StructureBatch(
        as_tensor([np.pad(a.numbers, pad) for a, pad in zip(alloys, pads, strict=True)]),
        as_tensor([np.pad(a.positions, (p, (0, 0))) for a, p in zip(alloys, pads, strict=True)]),
        as_tensor([a.cell for a in alloys]),
    )


def as_tensor(arrays: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.array(arrays))


def skewed(structures: StructureBatch) -> StructureBatch:
    """Strain and shear structures, so that no cell is whole tiles."""
    rows = [[1.013, 0.02, 0.01], [0.05, 0.99, 0.0], [0.0, -0.03, 1.01]]
    shear = torch.tensor(rows, dtype=torch.float64)
    return structures._replace(positions=structures.positions @ shear, cell=structures.cell @ shear)


either_kind_of_channels = pytest.mark.parametrize("per_element", [False, True])


@either_kind_of_channels
def test_a_supercell_of_whole_tiles_has_a_multiple_of_the_energy(per_element: bool) -> None:
    net, structures = model(per_element), batched(3, 5)
    cells = torch.cartesian_prod(*(torch.arange(n).double() for n in (2, 1, 3)))  # (6, 3)
    moved = structures.positions[:, None] + (cells @ structures.cell)[:, :, None]
    numbers = structures.numbers[:, None].expand(-1, len(cells), -1)
    larger = structures.cell * torch.tensor([2, 1, 3])[:, None]
    again = net(StructureBatch(numbers.flatten(1), moved.flatten(1, 2), larger))
    torch.testing.assert_close(again, 6 * net(structures), rtol=1e-9, atol=0)


def test_the_primitive_cell_of_a_crystal_is_a_quarter_of_the_cubic_one() -> None:
    net, a = model(), 4 * TILE  # the primitive vectors are whole tiles along each axis
    cubic = torch.eye(3, dtype=torch.float64)[None] * a
    primitive = torch.tensor([[[0, 1, 1], [1, 0, 1], [1, 1, 0]]]).double() * a / 2
    corner = torch.full((1, 1, 3), 0.3, dtype=torch.float64)
    four = torch.cat([corner, corner + primitive], 1)
    expected = net(StructureBatch(torch.full((1, 4), 29), four, cubic)) / 4
    one = StructureBatch(torch.tensor([[29]]), corner, primitive)
    assert not net.fits(one).any()
    torch.testing.assert_close(net(one), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("change", [lambda s: s, skewed], ids=["whole-tiles", "any-cell"])
@either_kind_of_channels
def test_forces_are_the_slope_of_the_energy(change: object, per_element: bool) -> None:
    assert callable(change)
    structures = change(batched(3))
    assert_forces_are_slopes(model(per_element), structures, [(0, 0), (17, 1), (20, 2)])


def test_a_batch_mixes_cells() -> None:
    net, plain = model(), batched(3, 5)
    pairs = zip(plain, skewed(plain), strict=True)
    mixed = StructureBatch(*(torch.cat(pair) for pair in pairs))
    expected = torch.cat([net(mixed.part(slice(i, i + 1))) for i in range(4)])
    torch.testing.assert_close(net(mixed), expected, rtol=1e-12, atol=0)


def test_a_small_crystal_does_not_fill_the_window_of_a_cluster() -> None:
    net, crystal = model(), skewed(batched(3))
    far = torch.where(torch.arange(crystal.numbers.shape[1])[:, None] % 2 == 0, 0.0, 15.0)
    cluster = StructureBatch(crystal.numbers, crystal.positions + far, 0 * crystal.cell)
    both = StructureBatch(*(torch.cat(pair) for pair in zip(crystal, cluster, strict=True)))
    groups = [rows.tolist() for rows in net.any_cell.by_window(both)]
    assert groups == [[0], [1]]
    alone = torch.cat([net(crystal), net(cluster)])
    torch.testing.assert_close(net(both), alone, rtol=1e-12, atol=1e-12)
    fields = net.any_cell.fields(skewed(batched(3, 5)))
    together = net.any_cell.field(*net.any_cell.covered(skewed(batched(3, 5))))
    torch.testing.assert_close(fields, together)


def test_clusters_in_empty_space_add_up() -> None:
    net = model()
    atoms = torch.tensor([[[0.0, 0, 0], [2.4, 0.2, 0.1], [0.5, 2.3, 0.7], [1.2, 0.9, 2.0]]])
    positions, cell = atoms.double(), torch.zeros(1, 3, 3, dtype=torch.float64)
    one = StructureBatch(torch.tensor([[29, 79, 79, 29]]), positions, cell)
    far = positions + torch.tensor([6.0, 16.0, 0.0]).double() * TILE
    two = StructureBatch(one.numbers.repeat(1, 2), torch.cat([positions, far], 1), cell)
    energy = net(one)
    assert (energy - net.known(one)).abs() > 1e-3  # not of the atoms alone
    torch.testing.assert_close(net(two), 2 * energy, rtol=1e-11, atol=0)


def test_a_slab_is_the_limit_of_a_high_cell() -> None:
    """A slab in a cell of whole tiles with much space, less the energy of the space."""
    net = model()
    atoms = torch.tensor([[[0.3, 1.0, 1.1], [2.2, 2.2, 0.4], [0.8, 2.5, 2.4]]]).double()
    numbers = torch.tensor([[29, 79, 29]])
    slab = torch.zeros(1, 3, 3, dtype=torch.float64)
    slab[0, 0, 0], slab[0, 1, 1] = 3 * TILE, 4 * TILE
    high = slab.clone()
    high[0, 2, 2] = 20 * TILE
    of_space = net(StructureBatch(torch.zeros_like(numbers[:, :1]), atoms[:, :1], high))
    expected = net(StructureBatch(numbers, atoms, high)) - of_space
    torch.testing.assert_close(
        net(StructureBatch(numbers, atoms, slab)), expected, rtol=1e-11, atol=0
    )
