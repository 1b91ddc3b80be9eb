"""The two subnetworks are those of the paper; a subnetwork that doesn't fit is refused."""

from math import prod

import pytest
import torch
from torch import nn

from ednn.errors import InputError
from ednn.model import EDNN
from ednn.subnets import ANN, DNN, probe

WINDOWS = [(5,), (3, 3), (4, 7), (1, 1), (9, 6), (3, 4, 5)]
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def weights(subnet: nn.Module) -> int:
    return sum(parameter.numel() for parameter in subnet.parameters())


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("subnet", [ANN, DNN])
def test_shapes(subnet, window, channels):
    net = subnet(window, channels=channels, outputs=2)
    assert net(torch.randn(4, channels, *window)).shape == (4, 2)


@pytest.mark.parametrize("window", WINDOWS)
def test_ann_hidden_size(window):
    _, first, _, last = ANN(window, channels=2, outputs=3)
    assert (first.in_features, first.out_features) == (2 * prod(window), 32 * prod(window))
    assert (last.in_features, last.out_features) == (32 * prod(window), 3)


def test_dnn_is_that_of_the_paper():
    net = DNN((128, 128))
    convolutions = [layer for layer in net if isinstance(layer, CONVOLUTIONS)]
    assert [layer.out_channels for layer in convolutions] == [64] * 2 + [16] * 6 + [64] + [32] * 4
    assert [layer.kernel_size[0] for layer in convolutions] == [3] * 2 + [4] * 6 + [3] * 5
    assert [layer.stride[0] for layer in convolutions] == [2] * 2 + [1] * 6 + [2] + [1] * 4
    first, last = (layer for layer in net if isinstance(layer, nn.Linear))
    assert (first.in_features, first.out_features) == (32 * 16 * 16, 1024)
    assert (last.in_features, last.out_features) == (1024, 1)
    assert net[-1] is last  # linear output: energies may be negative
    assert weights(net) == pytest.approx(8.5e6, rel=0.01)


def test_non_reducing_layers_keep_the_resolution():
    net, sides = DNN((13, 21)), []
    for layer in net:
        if isinstance(layer, CONVOLUTIONS):
            layer.register_forward_hook(lambda _m, _i, out: sides.append(tuple(out.shape[2:])))
    net(torch.zeros(1, 1, 13, 21))
    assert sides == [(7, 11)] + [(4, 6)] * 7 + [(2, 3)] * 5


@pytest.mark.parametrize("subnet", [ANN, DNN])
def test_output_is_linear_so_energies_can_be_negative(subnet):
    net, tiles = subnet((8, 8)), torch.randn(16, 1, 8, 8)
    output = net(tiles)
    with torch.no_grad():
        net[-1].weight.neg_()
        net[-1].bias.neg_()
    assert torch.equal(net(tiles), -output)


def test_probe_finds_the_widest_layer():
    assert probe(ANN((3, 3)), torch.zeros(2, 1, 3, 3), 1) == 32 * 9
    assert probe(DNN((16, 16)), torch.zeros(2, 1, 16, 16), 1) == 64 * 10 * 10  # padded
    assert probe(nn.Sequential(nn.Flatten(), nn.Linear(9, 1)), torch.zeros(2, 1, 3, 3), 1) == 9


@pytest.mark.parametrize(
    ("subnet", "names"),
    [
        (nn.Linear(7, 1), ["Linear", "(2, 1, 3, 3)"]),
        (nn.Flatten(), ["Flatten", "(2, 9)", "(2, 1)"]),
        (nn.Sequential(nn.Flatten(0), nn.Linear(18, 1)), ["Sequential", "(1,)", "(2, 1)"]),
        (nn.Conv3d(2, 1, 1), ["Conv3d"]),
    ],
)
def test_a_subnetwork_that_does_not_fit(subnet, names):
    with pytest.raises(InputError) as error:
        EDNN(subnet, 1, 1)
    assert all(name in str(error.value) for name in names)
