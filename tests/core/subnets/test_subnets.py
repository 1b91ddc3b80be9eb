"""The paper's two subnetworks, the rectified patches, and subnetworks that don't fit."""

from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.probe import probe
from ednn.core.subnets import ANN, DNN
from ednn.core.subnets.site_ann import SiteANN

WINDOWS = [(5,), (3, 3), (4, 7), (1, 1), (9, 6), (3, 4, 5)]
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def weights(subnet: nn.Module) -> int:
    return sum(parameter.numel() for parameter in subnet.parameters())


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("subnet", [ANN, DNN])
def test_shapes(subnet: type[nn.Module], window: tuple[int, ...], channels: int) -> None:
    net = subnet(window, channels=channels, outputs=2)
    assert net(torch.randn(4, channels, *window)).shape == (4, 2)


@pytest.mark.parametrize("window", WINDOWS)
def test_ann_hidden_size(window: tuple[int, ...]) -> None:
    _, first, _, last = ANN(window, channels=2, outputs=3)
    assert (first.in_features, first.out_features) == (2 * prod(window), 32 * prod(window))
    assert (last.in_features, last.out_features) == (32 * prod(window), 3)


def test_dnn_is_that_of_the_paper() -> None:
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


def test_non_reducing_layers_keep_the_resolution() -> None:
    net, sides = DNN((13, 21)), []
    for layer in net:
        if isinstance(layer, CONVOLUTIONS):
            layer.register_forward_hook(lambda _m, _i, out: sides.append(tuple(out.shape[2:])))
    net(torch.zeros(1, 1, 13, 21))
    assert sides == [(7, 11)] + [(4, 6)] * 7 + [(2, 3)] * 5


@pytest.mark.parametrize("subnet", [ANN, DNN])
def test_output_is_linear_so_energies_can_be_negative(subnet: type[nn.Module]) -> None:
    net: Any = subnet((8, 8))
    tiles = torch.randn(16, 1, 8, 8)
    output = net(tiles)
    with torch.no_grad():
        net[-1].weight.neg_()
        net[-1].bias.neg_()
    assert torch.equal(net(tiles), -output)


def test_probe_finds_the_widest_layer() -> None:
    assert probe(ANN((3, 3)), torch.zeros(2, 1, 3, 3), 1).widest == 32 * 9
    assert probe(DNN((16, 16)), torch.zeros(2, 1, 16, 16), 1).widest == 64 * 8 * 8
    assert (
        probe(nn.Sequential(nn.Flatten(), nn.Linear(9, 1)), torch.zeros(2, 1, 3, 3), 1).widest == 9
    )


@pytest.mark.parametrize(
    ("subnet", "names"),
    [
        (nn.Linear(7, 1), ["Linear", "(2, 1, 3, 3)"]),
        (nn.Flatten(), ["Flatten", "(2, 9)", "(2, 1)"]),
        (nn.Sequential(nn.Flatten(0), nn.Linear(18, 1)), ["Sequential", "(1,)", "(2, 1)"]),
        (nn.Conv3d(2, 1, 1), ["Conv3d"]),
    ],
)
def test_a_subnetwork_that_does_not_fit(subnet: nn.Module, names: list[str]) -> None:
    with pytest.raises(InputError) as error:
        EDNN(subnet, 1, 1)
    assert all(name in str(error.value) for name in names)


# --- one hidden layer per site --------------------------------------------------------------

# lattice, f, c
SITES = [((12,), 3, 2), ((8, 6), (4, 2), (2, 1)), ((6, 4), 2, 0), ((2, 4, 4), 2, 1)]


def site_model(
    lattice: tuple[int, ...], f: int | tuple[int, ...], c: int | tuple[int, ...], outputs: int = 1
) -> tuple[EDNN, Tensor]:
    """A whitened SiteANN in a model, and fields for it."""
    net = EDNN(SiteANN, f, c, len(lattice), channels=2, outputs=outputs).double()
    field = torch.randn(5, 2, *lattice, dtype=torch.float64)
    subnet: Any = net.subnet
    subnet.whiten(net.tiling.pad(field))
    return net, field


@pytest.mark.parametrize(("lattice", "f", "c"), SITES)
def test_site_ann_is_the_same_over_a_field_and_tile_by_tile(
    lattice: tuple[int, ...], f: int | tuple[int, ...], c: int | tuple[int, ...]
) -> None:
    net, field = site_model(lattice, f, c, outputs=3)
    tiles = net.tiling.tiles(field)  # (B, *grid, C, *window)
    one_by_one = net.subnet(tiles.flatten(0, len(lattice))).unflatten(
        0, tiles.shape[: -1 - len(lattice)]
    )
    expected = net.tiling.sites * one_by_one
    torch.testing.assert_close(net.contributions(field), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("lattice", "f", "c"), SITES)
def test_site_ann_sees_no_constant_and_is_homogeneous(
    lattice: tuple[int, ...], f: int | tuple[int, ...], c: int | tuple[int, ...]
) -> None:
    net, field = site_model(lattice, f, c)
    offset = torch.tensor([3.0, -20.0], dtype=torch.float64).view(2, *[1] * len(lattice))
    value = net(field)
    assert value.any() == (c != 0)  # a patch of one site has no differences
    torch.testing.assert_close(net(field + offset), value, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(net(2.5 * field), 2.5 * value, rtol=1e-12, atol=1e-12)


def test_whitened_patches_have_neither_correlation_nor_scale() -> None:
    field = torch.randn(20, 1, 30, 30, dtype=torch.float64)
    field = field + 10 * field.roll(1, 2) + 10 * field.roll(1, 3) + 20  # smoother, and off zero
    net = EDNN(SiteANN, 5, 1).double()
    subnet: Any = net.subnet
    subnet.whiten(net.tiling.pad(field))
    patches = EDNN(SiteANN, 1, 1).tiling.tiles(field).flatten(0, 2).flatten(1)  # (n, 9)
    white = patches @ subnet.whitening.matrix
    spread = torch.linalg.eigvalsh(white.T @ white / len(white))
    expected = torch.tensor([0.0] + [1.0] * 8, dtype=torch.float64)  # the mean has no weight
    torch.testing.assert_close(spread, expected, rtol=1e-8, atol=1e-8)


def test_flat_fields_can_be_whitened() -> None:
    net = SiteANN((2, 2))
    net.whiten(torch.full((3, 1, 9, 9), 20.0))
    assert torch.equal(net(torch.randn(4, 1, 7, 7)), torch.zeros(4, 1))
