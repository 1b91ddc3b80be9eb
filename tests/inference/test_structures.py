"""Structures in blocks: energies, contributions and forces are those of the whole."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from ednn.core.shifts import even_shifts
from ednn.core.subnets import DNN
from ednn.core.subnets.fcn import FCN
from ednn.inference import structure_job as module
from ednn.inference.nearby import SortedAtoms
from ednn.inference.places import batch
from ednn.inference.structure_job import StructureJob
from ednn.physics.sheets import sheet
from ednn.physics.structure import Structure
from tests.core.test_atomistic import model


def forces_and_shares(work: StructureJob) -> tuple[torch.Tensor, torch.Tensor]:
    """Put the pieces of the first structure together."""
    forces = np.zeros((work.structures[0].count, work.model.info.dims))
    shares = np.zeros(work.model.field_model.tiling.grid(work.lattice(0)))
    for piece in work.pieces:
        arrays = work.evaluate(piece)
        shares[piece.block or ()] = arrays["contributions"][0, ..., 0]
        np.add.at(forces, arrays["atoms"], arrays["forces"])
    return torch.from_numpy(forces), torch.from_numpy(shares)


RESIDUAL = partial(FCN, widths=[8] * 4, stride=2, residual=True)


@pytest.mark.parametrize("repeat", [(1, 1), (3, 2)])
@pytest.mark.parametrize("subnet", [FCN, DNN, RESIDUAL], ids=["fcn", "dnn", "residual"])
@pytest.mark.parametrize("per_element", [False, True])
def test_blocks_give_what_the_whole_gives(
    monkeypatch: pytest.MonkeyPatch,
    subnet: Callable[..., nn.Module],
    repeat: tuple[int, int],
    per_element: bool,
) -> None:
    monkeypatch.setattr(module, "DENSE", 0)  # every structure in blocks
    net, structure = model(subnet, per_element=per_element), sheet(4, repeat)
    work = StructureJob(net, [structure], 1200 * module.BY_GRADIENT, forces=True)
    assert len(work.pieces) > 1
    forces, shares = forces_and_shares(work)
    structures = batch(structure, net)
    expected = net.contributions(structures)[0, ..., 0].detach()
    torch.testing.assert_close(shares, expected, rtol=1e-12, atol=1e-9)
    torch.testing.assert_close(
        forces, net.energy_and_forces(structures)[1][0], rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("subnet", [FCN, DNN])
@pytest.mark.parametrize("blocks", [False, True])
def test_shifts_give_the_mean_over_shifted_structures(
    subnet: type[nn.Module], blocks: bool
) -> None:
    net, structure = model(subnet), sheet(4, (2, 1))
    sites = (1200 if blocks else 10**5) * module.BY_GRADIENT
    work = StructureJob(net, [structure], sites, forces=True, shifts=3)
    assert (len(work.pieces) > 1) == blocks
    forces, shares = forces_and_shares(work)
    under = []
    for shift in even_shifts(net, 3).numpy():
        positions = (structure.positions + shift) % structure.sides
        under.append(batch(replace(structure, positions=positions), net))
    expected = torch.stack([net.contributions(s)[0, ..., 0] for s in under]).mean(0).detach()
    torch.testing.assert_close(shares, expected, rtol=1e-12, atol=1e-8)
    expected = torch.stack([net.energy_and_forces(s)[1][0] for s in under]).mean(0)
    torch.testing.assert_close(forces, expected, rtol=1e-9, atol=1e-8)


def test_small_structures_are_evaluated_as_a_whole() -> None:
    net, structure = model(), sheet(4)
    work = StructureJob(net, [structure], 10**6, forces=True)
    assert [piece.block for piece in work.pieces] == [None]
    forces, shares = forces_and_shares(work)
    energy, expected = net.energy_and_forces(batch(structure, net))
    torch.testing.assert_close(shares.sum(), energy[0, 0].detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(forces, expected[0], rtol=1e-12, atol=1e-12)


def test_atoms_on_the_border_of_two_blocks_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DENSE", 0)
    net = model()
    cell = sheet(0).sides
    tile = cell / 4  # FOCUS of 8 pixels on 32
    corners = np.array([[i, j] for i in range(4) for j in range(4)])
    eps = np.spacing(10.0)
    positions = np.concatenate([corners * tile, (corners * tile - eps) % cell])
    structure = Structure(np.full(len(positions), 6), positions, np.diag(cell))
    work = StructureJob(net, [structure], 800, forces=False)
    assert len(work.pieces) == 4
    total = sum(work.evaluate(piece)["contributions"].sum() for piece in work.pieces)
    expected = net(batch(structure, net)).item()
    assert total == pytest.approx(expected, abs=1e-6)  # a reference is 150 eV


def test_a_sheet_finds_the_atoms_near_a_rectangle() -> None:
    rng = np.random.default_rng(0)
    structure = Structure(np.full(50, 6), rng.random((50, 2)) * [3.0, 5.0], np.diag([3.0, 5.0]))
    corner, far, reach = np.array([1.0, 4.0]), np.array([2.5, 5.0]), np.array([4.0, 1.5])
    near = SortedAtoms(structure).near(corner, far, reach)
    expected = set()
    for i in range(-4, 5):
        for j in range(-4, 5):
            moved = structure.positions + structure.sides * [i, j]
            inside = ((moved >= corner - reach) & (moved < far + reach)).all(1)
            expected |= {(int(atom), i, j) for atom in np.flatnonzero(inside)}
    found = list(zip(near.atoms.tolist(), *near.images.T.tolist(), strict=True))
    assert len(found) == len(set(found))
    assert set(found) == expected
    np.testing.assert_allclose(
        near.positions + corner, structure.positions[near.atoms] + near.images * structure.sides
    )


@pytest.mark.parametrize(
    "vectors", [[[25.3, 1.0], [-4.0, 26.5]], [[25.3, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]
)
@pytest.mark.parametrize("shifts", [1, 3])
def test_blocks_of_any_cell_are_as_the_whole(vectors: list[list[float]], shifts: int) -> None:
    net, cell = model(), np.array(vectors)
    plain = sheet(2, (2, 2))
    structure = Structure(plain.numbers, plain.positions + 40.0, cell)
    work = StructureJob(net, [structure], 64 * 2000, forces=True, shifts=shifts)
    assert len(work.pieces) > 3
    forces, shares = forces_and_shares(work)
    at_once = forces_and_shares(StructureJob(net, [structure], 10**9, forces=True, shifts=shifts))
    torch.testing.assert_close(forces, at_once[0], rtol=0, atol=1e-8)
    torch.testing.assert_close(shares, at_once[1], rtol=0, atol=1e-8)
    if shifts == 1:
        energy, expected = net.energy_and_forces(batch(structure, net))
        assert shares.sum().item() == pytest.approx(energy.item(), abs=1e-7)
        torch.testing.assert_close(forces, expected[0], rtol=0, atol=1e-8)
