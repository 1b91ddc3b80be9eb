"""A change is felt as far as it reaches, with the strength that it has."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ednn import EDNN
from ednn.core.checkpoint import pretrained
from ednn.core.structure_model import StructureModel
from ednn.core.subnets import FCN
from ednn.data.structures.file import read
from ednn.data.structures.samples import StructureDataset
from ednn.studies.f_and_c.responses import of_changes, of_derivatives, of_forces
from tests.conftest import REPOSITORY

FAR = 4


class Products(nn.Module):
    """The product of the two sites at the ends of a tile's window, of a line."""

    def forward(self, tiles: Tensor) -> Tensor:
        return tiles[:, 0, :1] * tiles[:, 0, -1:]


def fields(count: int, *sides: int) -> Tensor:
    return torch.randn(count, 1, *sides, generator=torch.Generator().manual_seed(0)).double()


def test_both_ways_find_the_same_interaction() -> None:
    model = EDNN(Products(), focus=1, context=1, dims=1).double()  # of sites 2 apart
    lines = fields(400, 12)
    by_derivatives = of_derivatives(model, lines, FAR)
    by_changes = of_changes(lambda x: model(x).detach().numpy(), lines, FAR, outputs=1)
    # Δ_i Δ_j F = δ_i δ_j, and Δ_i F = δ_i (x_{i-2} + x_{i+2}), with <δ²> = 2 <x²>
    expected = [0, 1, 0, 0]
    np.testing.assert_allclose(by_derivatives, expected, atol=0.15)
    np.testing.assert_allclose(by_changes, expected, atol=0.15)


@pytest.mark.parametrize("padding", ["periodic", "zeros"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_network_feels_as_far_as_two_contexts(padding: str, outputs: int) -> None:
    made: dict[str, Any] = {"outputs": outputs, "padding": padding, "channels": 2}
    model = EDNN(FCN, focus=2, context=1, **made).double()
    two_channels = fields(8, 12, 10).expand(-1, 2, -1, -1).contiguous()
    found = of_derivatives(model, two_channels, FAR)
    assert (found[:2] > 1e-4).all()
    assert (found[2:] < 1e-12).all()


def test_single_values_change_to_each_other_alone() -> None:
    seen = set()

    def bonds(x: Tensor) -> np.ndarray:
        seen.update(x.unique().tolist())
        energy: np.ndarray = (x * x.roll(1, 2)).sum(2).numpy()
        return energy

    spins = fields(50, 10).sign()
    found = of_changes(bonds, spins, FAR, outputs=1)
    assert seen == {-1.0, 1.0}
    # |ΔΔE| = 4 of either neighbour, and ΔE is 0 or ±4 as likely: <(ΔE)²> = 8
    np.testing.assert_allclose(found, [2**0.5, 0, 0, 0], atol=0.15)


def test_a_move_of_an_atom_is_felt_less_and_less() -> None:
    data = StructureDataset(read(REPOSITORY / "data/dft/gfn1_120.h5"))
    sheets = [data.inputs(torch.tensor([i])) for i in range(6)]
    model = pretrained("graphene-hbn-gfn1").double()
    assert isinstance(model, StructureModel)
    distances, found = of_forces(model, sheets)
    near = found[distances < 2]
    assert distances[0] > 1  # Å: no two atoms are nearer
    assert (near > 0.2).any()
    assert (found[distances > 6] < 0.1).all()
