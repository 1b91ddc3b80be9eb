"""Tiles that share the first layers of a subnetwork, against each tile on its own."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ednn.core.model import EDNN
from ednn.core.subnets import DNN


class Alone(nn.Module):
    """Hides that tiles could share something."""

    def __init__(self, subnet: nn.Module) -> None:
        super().__init__()
        self.subnet = subnet

    def forward(self, tiles: Tensor) -> Tensor:
        return self.subnet(tiles)


def pair(f: int | list[int], c: int | list[int], dims: int) -> tuple[EDNN, EDNN]:
    """Return a model whose tiles share the stem, and one of the same weights in which none does."""
    torch.manual_seed(0)
    shared = EDNN(DNN, f, c, dims)
    alone = EDNN(Alone(deepcopy(shared.subnet)), f, c, dims)
    return shared.double(), alone.double()


@pytest.mark.parametrize(
    ("f", "c", "dims", "sides"),
    [
        (8, 8, 1, (32,)),
        (8, 8, 2, (16, 32)),
        ([8, 16], [12, 4], 2, (32, 32)),
        (16, 8, 2, (16, 48)),  # a row of tiles
        (8, 4, 3, (8, 16, 16)),
        (6, 4, 2, (12, 18)),  # no whole rows of the stem
        (8, 2, 2, (16, 16)),
        (8, 8, 2, (8, 8)),  # one tile
        (8, 0, 2, (16, 16)),  # nothing to share
    ],
)
def test_tiles_that_share_a_stem_have_the_values_and_gradients_of_tiles_alone(
    f: int | list[int], c: int | list[int], dims: int, sides: tuple[int, ...]
) -> None:
    results = []
    for model in pair(f, c, dims):
        field = torch.randn(3, 1, *sides, generator=torch.Generator().manual_seed(1)).double()
        values = model.contributions(field.requires_grad_())
        torch.sin(torch.arange(values.numel()) * values.flatten()).sum().backward()
        results.append([values, field.grad, *(weight.grad for weight in model.parameters())])
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-12)


def test_a_shared_stem_saves_arithmetic() -> None:
    counts = []
    for model in pair(32, 16, 2):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.zeros(1, 1, 128, 128).double())
        counts.append(counter.get_total_flops())
    assert counts[0] < 0.85 * counts[1]
