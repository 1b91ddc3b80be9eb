"""Stress: the slope of the energy under strain, in two and three dimensions."""

from functools import partial

import pytest
import torch
from torch import Tensor

from ednn.core.atomistic import AtomisticEDNN
from ednn.core.ensemble import ensemble
from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.structure_batch import StructureBatch
from ednn.core.subnets import DNN, FCN
from tests.core.test_atomistic import batched, model
from tests.core.test_partition import skewed

STEP = 1e-5


def solid() -> tuple[AtomisticEDNN, StructureBatch]:
    """Two triclinic crystals of two elements, one of them with an atom less, and a model in 3D."""
    generator = torch.Generator().manual_seed(0)
    subnet = partial(FCN, widths=[8, 8], stride=2)
    field_model = EDNN(subnet, focus=2, context=2, dims=3, channels=2)
    net = AtomisticEDNN(field_model, [29, 79], [0.7] * 3, gamma=0.8, per_element=True).double()
    cell = torch.tensor([[4.1, 0.2, 0.0], [-0.3, 3.9, 0.1], [0.5, 0.0, 4.3]], dtype=torch.float64)
    cell = torch.stack([cell, 1.1 * cell])
    fractional = torch.rand(2, 4, 3, dtype=torch.float64, generator=generator)
    numbers = torch.tensor([[29, 79, 29, 79], [79, 29, 29, 0]])
    return net, StructureBatch(numbers, fractional @ cell, cell)


def sheets() -> tuple[AtomisticEDNN, StructureBatch]:
    return model(), skewed(batched(1, 3))


def strained(structures: StructureBatch, strain: Tensor) -> StructureBatch:
    stretch = torch.eye(len(strain), dtype=strain.dtype) + strain
    return structures._replace(
        positions=structures.positions @ stretch, cell=structures.cell @ stretch
    )


@pytest.mark.parametrize("case", [sheets, solid])
def test_stress_is_the_slope_of_the_energy(case: type) -> None:
    net, structures = case()
    energy, forces, stress = net.energy_forces_and_stress(structures)
    dims, volume = structures.cell.shape[-1], torch.linalg.det(structures.cell).abs()
    torch.testing.assert_close(energy, net(structures))
    torch.testing.assert_close(forces, net.energy_and_forces(structures)[1])
    slopes = torch.zeros_like(stress)
    for i in range(dims):
        for j in range(dims):
            strain = torch.zeros(dims, dims, dtype=torch.float64)
            strain[i, j] += STEP / 2
            strain[j, i] += STEP / 2
            ends = [net(strained(structures, sign * strain))[:, 0] for sign in (1, -1)]
            slopes[:, i, j] = (ends[0] - ends[1]) / (2 * STEP) / volume
    assert stress.abs().max() > 1e-3
    torch.testing.assert_close(stress, slopes, rtol=0, atol=1e-6 * float(stress.abs().max()))


def test_cells_of_whole_tiles_have_the_energy_that_they_have_without_stress() -> None:
    net, structures = model(), batched(1, 2)
    energy, forces, _ = net.energy_forces_and_stress(structures)
    torch.testing.assert_close(energy, net(structures), rtol=1e-12, atol=0)
    torch.testing.assert_close(forces, net.energy_and_forces(structures)[1], rtol=0, atol=1e-9)


def test_a_loss_of_the_stress_has_a_gradient() -> None:
    net, structures = solid()
    *_, stress = net.with_slopes(structures, ["stress"], create_graph=True)
    stress.square().sum().backward()
    assert all(weight.grad.abs().max() > 0 for weight in list(net.parameters())[:-1])  # type: ignore[union-attr]


def test_an_ensemble_has_the_mean_stress_and_the_spread_of_energies() -> None:
    nets, structures = [solid()[0] for _ in range(2)], solid()[1]
    slopes = ["forces", "stress"]
    found = [net.with_slopes(structures, slopes) for net in nets]
    joined = ensemble(nets)
    for kind, (one, other) in enumerate(zip(*found, strict=True)):
        mean = joined.with_slopes(structures, slopes)[kind]
        torch.testing.assert_close(mean, (one + other) / 2)
    totals, _, stress = joined.with_features("with_slopes", structures, slopes)
    assert totals.shape == (2, 3)
    torch.testing.assert_close(stress, joined.with_slopes(structures, slopes)[2])


def test_a_structure_without_volume_has_no_stress() -> None:
    net, structures = sheets()
    cell = structures.cell.clone()
    cell[1, 0] = 0
    with pytest.raises(InputError, match=r"Structure 1 .* no volume .* energy and forces alone"):
        net.energy_forces_and_stress(structures._replace(cell=cell))


def test_a_subnetwork_without_values_of_sites_has_no_stress() -> None:
    with pytest.raises(InputError, match=r"can't predict stress: only model=fcn"):
        model(DNN).energy_forces_and_stress(batched(1))
