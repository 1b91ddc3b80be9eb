"""Extensive features: the inputs of the last layer, summed over every site exactly once."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ednn.core.branch import Branch
from ednn.core.errors import InputError
from ednn.core.features import last_layer
from ednn.core.model import EDNN
from ednn.core.multiscale import MultiScale
from ednn.core.subnets import ANN, DNN, FCN, SiteANN
from tests.core.chunks import Chunks
from tests.core.test_atomistic import batched, model, supercell

OUTPUTS = 2
KINDS: dict[str, Callable[..., EDNN]] = {
    "ann": partial(EDNN, ANN, 2, 1),
    "spins": partial(EDNN, ANN, 1, 1, alphabet=[-1.0, 1.0]),
    "dnn": partial(EDNN, DNN, 4, 2),
    "fcn": partial(EDNN, partial(FCN, widths=[6, 6], stride=2), 4, 3),
    "fcn, zeros": partial(EDNN, partial(FCN, widths=[6, 6]), 4, 3, padding="zeros"),
    "residual": partial(EDNN, partial(FCN, widths=[6, 6], residual=True), 2, 3),
    "no bias": partial(EDNN, SiteANN, 2, 1),
}


def made(kind: str) -> EDNN:
    torch.manual_seed(0)
    net = KINDS[kind](outputs=OUTPUTS).double().eval()
    net.shift.copy_(torch.tensor([0.5, -2.0]))
    net.scale.copy_(torch.tensor([3.0, 0.1]))
    return net


def fields(count: int = 3, sides: tuple[int, int] = (8, 12)) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return (2.0 * torch.randint(2, (count, 1, *sides), generator=generator) - 1).double()


def end(net: EDNN) -> Any:
    """The layer that the subnetwork ends in."""
    layers = (nn.Linear, nn.Conv2d)
    *_, layer = (module for module in net.subnet.modules() if isinstance(module, layers))
    return layer


def by_hand(net: EDNN, field: Tensor) -> Tensor:
    """Sum what the last layer is given over all sites, tile by tile."""
    seen: list[Tensor] = []
    with end(net).register_forward_pre_hook(lambda _, given: seen.append(given[0])):
        tiles = net.tiling.tiles(net.scaling(field))  # (B, *grid, C, *window)
        net.subnet(tiles.flatten(0, 2))
    (given,) = seen  # (tiles, width) or (tiles, width, *sites)
    mean = given.flatten(2).mean(2) if given.ndim > 2 else given
    total = net.tiling.sites * mean.unflatten(0, (len(field), -1)).sum(1)  # (B, width)
    if end(net).bias is None:
        return total
    return torch.cat([total, total.new_full((len(field), 1), field[0].numel())], 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunks", [None, 1])
def test_features_are_the_sum_of_what_the_last_layer_sees(kind: str, chunks: int | None) -> None:
    net, field = made(kind), fields()
    if chunks is not None:
        net._evaluation.policy = Chunks(chunks)
    with torch.no_grad():
        totals = net.with_features("forward", field)
        torch.testing.assert_close(totals[:, OUTPUTS:], by_hand(net, field), rtol=1e-11, atol=1e-11)
        torch.testing.assert_close(totals[:, :OUTPUTS], net(field), rtol=1e-12, atol=1e-10)
        layer = end(net)
        rows = layer.weight.flatten(1)
        if layer.bias is not None:
            rows = torch.cat([rows, layer.bias[:, None]], 1)
        linear = totals[:, OUTPUTS:] @ rows.T * net.scale + net.shift * field[0].numel()
        torch.testing.assert_close(linear, totals[:, :OUTPUTS], rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "zeros" not in kind])
def test_a_replica_has_exactly_the_multiple(kind: str) -> None:
    net, field = made(kind), fields()
    one = net.with_features("forward", field)
    six = net.with_features("forward", field.repeat(1, 1, 3, 2))
    torch.testing.assert_close(six, 6 * one, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("subnet", [FCN, DNN])
def test_structures_of_several_sizes_and_their_replicas(subnet: type[nn.Module]) -> None:
    net, sheets = model(subnet), batched(1, 2)
    with torch.no_grad():
        one = net.with_features("forward", sheets)
        energies = net(sheets)
        torch.testing.assert_close(one[:, :1], energies, rtol=1e-12, atol=1e-9)
        four = net.with_features("forward", supercell(sheets, 2, 2))
        torch.testing.assert_close(four, 4 * one, rtol=1e-9, atol=1e-8)
        shares = net.with_features("shares", sheets)
    torch.testing.assert_close(shares.features, one[:, 1:], rtol=1e-11, atol=1e-9)
    energy, forces = net.with_features("with_slopes", sheets, ["forces"])
    expected = net.energy_and_forces(sheets)
    torch.testing.assert_close(energy.detach(), one, rtol=1e-12, atol=1e-9)
    torch.testing.assert_close(forces, expected[1], rtol=1e-10, atol=1e-10)


def test_the_model_stays_as_it_was() -> None:
    net = made("ann")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.with_features("forward", fields())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert net.contributions(fields()).shape[-1] == OUTPUTS


class Squeezing(nn.Sequential):
    def forward(self, tiles: Tensor) -> Tensor:
        return super().forward(tiles)[:, 0][:, None]


FLAT = [nn.Flatten(), nn.Linear(9, 5), nn.Tanh()]


@pytest.mark.parametrize(
    "net",
    [
        nn.Sequential(*FLAT, nn.Linear(5, 1), nn.Softplus()),
        nn.Sequential(*FLAT, nn.Linear(5, 1), nn.ReLU()),
        nn.Sequential(*FLAT, nn.Linear(5, 1), nn.Linear(1, 1), nn.Tanh()),
        nn.Sequential(nn.AvgPool2d(3), nn.Flatten()),
        Squeezing(*FLAT, nn.Linear(5, 1)),
        nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten()),
    ],
    ids=["softplus", "relu", "tanh", "without weights", "one column taken", "a wide convolution"],
)
def test_another_end_is_told(net: nn.Module) -> None:
    torch.manual_seed(0)
    with pytest.raises(InputError, match="does not end in a linear layer"):
        last_layer(net, torch.randn(8, 1, 3, 3), outputs=1)


def test_a_linear_end_is_found_in_training_too() -> None:
    net = nn.Sequential(*FLAT, nn.Dropout(), nn.Linear(5, 1))
    tiles, state = torch.randn(8, 1, 3, 3), torch.get_rng_state()
    assert last_layer(net.train(), tiles, outputs=1) == "4"
    assert torch.equal(state, torch.get_rng_state())
    assert last_layer(nn.Linear(3, 1), tiles[:, 0, 0], outputs=1) == ""


def test_several_scales_say_that_they_have_none() -> None:
    net = MultiScale({"fine": partial(Branch, ANN, f=1, c=1)})
    with pytest.raises(InputError, match="MultiScale is not linear in the features of one"):
        net.with_features("forward", torch.ones(1, 1, 4, 4))
    with pytest.raises(InputError, match="doesn't know how uncertain it is"):
        net.uncertainty(torch.ones(1, 1, 4, 4))
