"""Dropout: equal tiles never share a mask, and without it they are evaluated once."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ednn.core.errors import InputError
from ednn.core.evaluation import ChunkPolicy
from ednn.core.model import EDNN
from tests.core.test_model import SPINS, Smooth, calls, draw_spins
from tests.core.test_probe import Counting, Function, convolved, dropped, hidden

DROPOUTS = [
    lambda: hidden(nn.Dropout(0.5)),
    lambda: nn.Sequential(nn.Flatten(), nn.Linear(9, 1), nn.Dropout(0.05)),  # trials rarely differ
    lambda: hidden(nn.AlphaDropout(0.1)),
    lambda: convolved(nn.Dropout2d(0.1)),
    lambda: Function(dropped),
    lambda: hidden(nn.RReLU()),
]


@pytest.mark.parametrize("make", DROPOUTS)
def test_equal_tiles_share_no_dropout(make: Callable[..., Any]) -> None:
    net = EDNN(make(), 1, 1, alphabet=SPINS, chunks=ChunkPolicy(distinct_share=1.0)).double()
    field = torch.ones(4, 1, 16, 16)  # all tiles are equal
    with calls(net) as seen:
        values = net.contributions(field)
    assert sum(seen) == 4 * 16 * 16
    assert len(values.unique()) > 1


@pytest.mark.parametrize("make", DROPOUTS)
def test_equal_tiles_are_evaluated_once_without_dropout(make: Callable[..., Any]) -> None:
    net = EDNN(make(), 1, 1, alphabet=SPINS).double().eval()
    field = draw_spins(40, 1, 8, 8).double()
    with calls(net) as seen:
        values = net.contributions(field)
    assert sum(seen) == 2**9
    tiles = net.tiling.tiles(field).flatten(0, 2)
    expected = net.subnet(tiles).view(40, 8, 8, 1)
    torch.testing.assert_close(values, expected, rtol=1e-12, atol=1e-12)


def test_subnetworks_without_dropout_are_grouped_in_training() -> None:
    net = EDNN(Smooth, 1, 1, alphabet=SPINS)
    with calls(net) as seen:
        net(draw_spins(40, 1, 8, 8))
    assert net.training
    assert sum(seen) == 2**9


@pytest.mark.parametrize(
    "make",
    [
        lambda: Function(lambda net, values: values + 0.01 * torch.rand(values.shape)),
        lambda: Function(lambda net, values: F.dropout(values, 0.01)),  # always on
        Counting,
    ],
)
def test_subnetworks_that_do_not_repeat_are_refused(
    make: Callable[..., Any] | type[nn.Module],
) -> None:
    subnet = make()
    with pytest.raises(InputError, match=f"{type(subnet).__name__} draws random.*self.training"):
        EDNN(subnet, 1, 1)


def test_equal_tiles_share_no_dropout_that_alone_is_on() -> None:
    """As in Monte Carlo dropout: the network is in eval mode, its dropout is not."""
    net: Any = EDNN(hidden(nn.Dropout(0.5)), 1, 1, alphabet=SPINS).eval()
    net.subnet[3].train()
    assert len(net.contributions(torch.ones(40, 1, 8, 8)).unique()) > 1
