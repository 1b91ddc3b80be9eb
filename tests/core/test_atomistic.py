"""Energies and forces of structures: extensive, exact derivatives, shares that add up."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import nn

from ednn.core.atomistic import AtomisticEDNN
from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.structure_batch import StructureBatch
from ednn.core.subnets import DNN
from ednn.core.subnets.fcn import FCN
from ednn.physics.sheets import crystal, sheet

SPECIES = [5, 6, 7]
GRID, FOCUS = 32, 8


def batched(*seeds: int, repeat: tuple[int, int] = (1, 1)) -> StructureBatch:
    """Random sheets, padded to the largest."""
    sheets = [sheet(seed, repeat) for seed in seeds]
    size = max(len(s.numbers) for s in sheets)
    numbers = torch.zeros(len(sheets), size, dtype=torch.int64)
    positions = torch.zeros(len(sheets), size, 2, dtype=torch.float64)
    for i, s in enumerate(sheets):
        numbers[i, : len(s.numbers)] = torch.from_numpy(s.numbers)
        positions[i, : len(s.numbers)] = torch.from_numpy(s.positions)
    return StructureBatch(numbers, positions, torch.tensor(np.array([s.cell for s in sheets])))


def supercell(structures: StructureBatch, nx: int, ny: int) -> StructureBatch:
    """Repeat structures nx × ny times."""
    shifts = torch.cartesian_prod(torch.arange(nx), torch.arange(ny)).to(torch.float64)
    moved = structures.positions[:, None] + (shifts @ structures.cell)[:, :, None]
    numbers = structures.numbers[:, None].expand(-1, nx * ny, -1)
    return StructureBatch(
        numbers.flatten(1), moved.flatten(1, 2), structures.cell * torch.tensor([nx, ny])[:, None]
    )


def model(
    subnet: Callable[..., nn.Module] = FCN, context: int = 6, per_element: bool = False
) -> AtomisticEDNN:
    torch.manual_seed(0)
    pixel = (batched(0).cell[0].diag() / GRID).tolist()
    field_model = EDNN(subnet, FOCUS, context, channels=len(SPECIES) if per_element else 1)
    net = AtomisticEDNN(field_model, SPECIES, pixel, 0.4, per_element).double()
    net.references.copy_(torch.tensor([[-60.0], [-150.0], [-200.0]]))
    net.field_model.scale.fill_(30.0 / FOCUS**2)
    field = net.field(batched(*range(20, 26)))
    net.field_model.scaling.fit(field)
    return net


either_kind_of_channels = pytest.mark.parametrize("per_element", [False, True])


@either_kind_of_channels
@pytest.mark.parametrize("subnet", [FCN, DNN])
def test_a_supercell_has_as_many_times_the_energy(
    subnet: type[nn.Module], per_element: bool
) -> None:
    net, structures = model(subnet, per_element=per_element), batched(1, 2)
    once, more = net(structures), net(supercell(structures, 2, 3))
    torch.testing.assert_close(more, 6 * once, rtol=1e-12, atol=0)


def assert_forces_are_slopes(
    net: AtomisticEDNN, structures: StructureBatch, places: Sequence[tuple[int, int]]
) -> None:
    """Compare the forces on some atoms along some axes with finite differences of the energy."""
    _, forces = net.energy_and_forces(structures)
    step = 1e-5
    for atom, axis in places:
        ends = []
        for sign in (1, -1):
            positions = structures.positions.clone()
            positions[0, atom, axis] += sign * step
            ends.append(net(structures._replace(positions=positions)))
        slope = (ends[0] - ends[1]) / (2 * step)
        torch.testing.assert_close(-slope[0, 0], forces[0, atom, axis], rtol=1e-6, atol=1e-6)


@either_kind_of_channels
def test_forces_are_the_slope_of_the_energy(per_element: bool) -> None:
    net, structures = model(per_element=per_element), batched(3)
    assert_forces_are_slopes(net, structures, [(0, 0), (17, 1), (40, 0)])


def test_net_force_is_that_of_the_pixels_alone() -> None:
    """A translation by a pixel changes nothing, so that the net force vanishes over a pixel."""
    net, structures = model(), batched(4)
    pixel = structures.cell[0, 0, 0] / GRID
    energies, net_forces = [], []
    for part in range(8):
        shift = torch.tensor([part / 8 * pixel, 0])
        energy, forces = net.energy_and_forces(
            structures._replace(positions=structures.positions + shift)
        )
        energies.append(energy)
        net_forces.append(forces[0, :, 0].sum())
    whole = structures._replace(positions=structures.positions + torch.tensor([pixel, 0]))
    torch.testing.assert_close(net(whole), energies[0], rtol=1e-13, atol=0)
    largest = torch.stack(net_forces).abs().max()
    assert torch.stack(net_forces).mean().abs() < 1e-4 * largest
    assert largest < 0.1 * forces.norm(dim=-1).sum()


@either_kind_of_channels
def test_shares_of_the_tiles_add_up(per_element: bool) -> None:
    net, structures = model(per_element=per_element), batched(5, 6)
    shares = net.contributions(structures)
    assert shares.shape == (2, GRID // FOCUS, GRID // FOCUS, 1)
    torch.testing.assert_close(shares.sum((1, 2)), net(structures), rtol=1e-13, atol=0)


def test_an_atom_counts_for_the_tile_it_lies_in() -> None:
    net = model()
    net.field_model.scale.zero_()
    cell = batched(0).cell
    structures = StructureBatch(
        torch.tensor([[6]]), cell.diagonal(dim1=1, dim2=2)[:, None] * 0.99, cell
    )
    shares = net.contributions(structures)[0, :, :, 0]
    assert shares[-1, -1] == -150
    assert shares.count_nonzero() == 1


@either_kind_of_channels
def test_padding_atoms_add_nothing(per_element: bool) -> None:
    net, together = model(per_element=per_element), batched(7, 8, 4)
    assert (together.numbers == 0).any()
    alone = torch.cat([net(batched(seed)) for seed in (7, 8, 4)])
    torch.testing.assert_close(net(together), alone, rtol=1e-13, atol=0)
    _, forces = net.energy_and_forces(together)
    assert not forces[together.numbers == 0].any()


def test_structures_of_several_sizes_in_one_batch() -> None:
    net, small, large = model(), batched(1, 2), supercell(batched(3), 2, 1)
    numbers = torch.zeros(3, large.numbers.shape[1], dtype=torch.int64)
    positions = torch.zeros(3, large.numbers.shape[1], 2, dtype=torch.float64)
    for row, structures, i in ((0, small, 0), (1, large, 0), (2, small, 1)):
        size = structures.numbers.shape[1]
        numbers[row, :size], positions[row, :size] = structures.numbers[i], structures.positions[i]
    cell = torch.stack([small.cell[0], large.cell[0], small.cell[1]])
    expected = torch.cat([net(small), net(large)])[[0, 2, 1]]
    torch.testing.assert_close(net(StructureBatch(numbers, positions, cell)), expected)


@either_kind_of_channels
def test_references_leave_what_the_composition_does_not_tell(per_element: bool) -> None:
    net, structures = model(per_element=per_element), batched(*range(30))
    counts = net.counts(structures)
    true = torch.tensor([[-70.0], [-154.0], [-230.0]], dtype=torch.float64)
    rest = torch.randn(30, 1, dtype=torch.float64)
    sites = (structures.numbers > 0).sum(1)
    net.fit_normalisation(structures.part, counts @ true + rest, sites)
    left = rest - counts @ (net.references - true)
    torch.testing.assert_close(counts.T @ left, torch.zeros(3, 1).double(), rtol=0, atol=1e-6)
    spread = (left / GRID**2).std(0, correction=0)
    torch.testing.assert_close(net.field_model.scale, spread)
    scaling, field = net.field_model.scaling, net.field(structures)
    torch.testing.assert_close(scaling.mean, field.mean((0, 2, 3)))
    torch.testing.assert_close(scaling.spread, field.movedim(1, 0).flatten(1).std(1))


def test_the_channels_of_the_elements_make_up_the_one_of_all() -> None:
    structures = batched(1, 2, 3)
    apart, together = model(per_element=True).field(structures), model().field(structures)
    assert apart.shape == (3, len(SPECIES), GRID, GRID)
    heights = torch.tensor(SPECIES, dtype=torch.float64)[:, None, None]
    torch.testing.assert_close((heights * apart).sum(1, keepdim=True), together, rtol=1e-12, atol=0)


def test_an_element_that_structures_lack_is_an_empty_channel() -> None:
    net = model(per_element=True)
    carbon = StructureBatch(torch.tensor([[6]]), torch.ones(1, 1, 2), batched(0).cell)
    assert net.field(carbon).amax((2, 3)).gt(0).tolist() == [[False, True, False]]
    net.fit_normalisation(carbon.part, torch.tensor([[-150.0]]), torch.tensor([1]))
    energy, forces = net.energy_and_forces(carbon)
    assert energy.isfinite().all()
    assert forces.isfinite().all()


def test_a_picture_shows_the_atoms_of_all_elements() -> None:
    net, structures = model(per_element=True), batched(1)
    (view,) = net.views(structures)
    torch.testing.assert_close(view.values, net.field(structures)[0].sum(0))


def test_another_theory_shifts_the_references_alone() -> None:
    net, structures = model(), batched(*range(12))
    weights = {k: v.clone() for k, v in net.field_model.state_dict().items()}
    shift = torch.tensor([[-3.0], [2.0], [7.0]], dtype=torch.float64)
    other = (net(structures) + net.counts(structures) @ shift).detach()
    expected = net.references + shift
    net.fit_references(iter([(structures.part(slice(0, 7)), other[:7]),
                               (structures.part(slice(7, 12)), other[7:])]))  # fmt: skip
    torch.testing.assert_close(net.references, expected, rtol=1e-9, atol=1e-7)
    assert all(torch.equal(weights[k], v) for k, v in net.field_model.state_dict().items())


def test_references_that_labels_do_not_determine_keep_their_differences() -> None:
    net, perfect = model(), crystal(boron_first=True)
    net.references.copy_(torch.tensor([[-40.0], [-57.0], [-87.0]]))
    columns = perfect.numbers, perfect.positions, perfect.cell
    one = StructureBatch(*(torch.from_numpy(column)[None] for column in columns))
    net.fit_references(iter([(one, net(one).detach() + 60 * 3.0)]))
    expected = torch.tensor([[-37.0], [-57.0], [-84.0]], dtype=torch.float64)
    torch.testing.assert_close(net.references, expected, rtol=0, atol=1e-9)


def test_an_unknown_element_and_a_cell_of_part_tiles_are_refused() -> None:
    net, structures = model(), batched(1)
    net.check(structures)
    iron = structures.numbers.clone()
    iron[0, 3] = 26
    with pytest.raises(InputError, match=r"an atom of Fe.*trained on B, C, N"):
        net.check(structures._replace(numbers=iron))
    part = structures._replace(cell=torch.tensor([[[15.0, 0.0], [0.0, 13.0]]]).double())
    net.check(part)
    with pytest.raises(InputError, match=r"\(15 0\), \(0 13\) Å.*whole tiles.*15.625 × 12.9904"):
        model(DNN).check(part)


def test_what_is_no_batch_of_structures_is_refused() -> None:
    net, one = model(), batched(1)
    with pytest.raises(InputError, match="takes a StructureBatch and was given a Tensor"):
        net(torch.ones(1, 1, 8, 8))
    with pytest.raises(InputError, match=r"expected numbers \(B, A\), positions \(B, A, D\)"):
        net(StructureBatch(*(column[0] for column in one)))
    with pytest.raises(InputError, match="takes fields and was given a StructureBatch"):
        net.field_model(one)
