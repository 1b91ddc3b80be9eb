"""A fully convolutional subnetwork: tile by tile and over the whole field are one function."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from itertools import product
from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.fields import TileByTile
from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.subnets import SiteWise
from ednn.core.subnets.fcn import FCN
from ednn.core.tiling import PADDINGS, Tiling
from tests.core.chunks import Chunks


class Small(FCN):
    """An FCN of few channels."""

    def __init__(
        self,
        focus: tuple[int, ...],
        context: tuple[int, ...],
        channels: int,
        outputs: int,
        stride: int = 1,
        residual: bool = False,
    ) -> None:
        widths = (5, 5, 5) if residual else (5, 4, 6)
        super().__init__(focus, context, channels, outputs, widths, stride, residual)


KINDS = [Small, partial(Small, residual=True)]
residual_or_not = pytest.mark.parametrize("subnet", KINDS, ids=["plain", "residual"])


def both(net: EDNN) -> tuple[EDNN, EDNN]:
    """A model and its twin with the same weights, which evaluates tile by tile."""
    twin = deepcopy(net)
    twin.subnet = TileByTile(net.subnet)
    return net, twin


def gradients(net: EDNN, field: Tensor) -> list[Tensor]:
    """Gradients by the weights and the field of a loss that weighs every contribution apart."""
    field = field.clone().requires_grad_()
    values = net.contributions(field)
    weights = torch.linspace(-1, 2, values.numel(), dtype=values.dtype).reshape(values.shape)
    loss = (values * weights + values**2).sum()
    return list(torch.autograd.grad(loss, [field, *net.subnet.parameters()]))


def assert_close(got: Tensor, want: Tensor, relative: float) -> None:
    scale = want.abs().max().item()
    torch.testing.assert_close(got, want, rtol=relative, atol=relative * scale)


# lattice, f, c
SHAPES = [
    ((12,), 3, 2),
    ((6,), 2, 13),  # the context is wider than the lattice, as far as three layers reach
    ((8, 12), 4, 0),
    ((6, 8), (3, 2), (0, 3)),
    ((8, 4), (1, 4), (5, 1)),
    ((4, 6), 2, (7, 2)),
    ((2, 4, 6), 2, 1),
    ((3, 2, 2), (3, 1, 2), (0, 2, 4)),
]


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("lattice", "f", "c"), SHAPES)
@pytest.mark.parametrize(("channels", "outputs", "tiles"), [(2, 3, 1), (1, 1, 4), (2, 3, 10**6)])
@residual_or_not
def test_field_and_tiles_agree(
    subnet: Callable[..., FCN],
    lattice: tuple[int, ...],
    f: int | tuple[int, ...],
    c: int | tuple[int, ...],
    channels: int,
    outputs: int,
    padding: str,
    tiles: int,
) -> None:
    net, twin = both(
        EDNN(
            subnet, f, c, len(lattice), channels, outputs, padding, chunks=Chunks(count=tiles)
        ).double()
    )
    assert isinstance(net.subnet, SiteWise)
    assert not isinstance(twin.subnet, SiteWise)
    field = torch.randn(3, channels, *lattice, dtype=torch.float64)
    assert_close(net.contributions(field), twin.contributions(field), 1e-12)
    assert_close(net(field), twin(field), 1e-12)
    for got, want in zip(gradients(net, field), gradients(twin, field), strict=True):
        assert_close(got, want, 1e-12)


@pytest.mark.parametrize(
    ("lattice", "f", "c", "stride"),
    [((12,), 4, 3, 2), ((8, 12), 4, 0, 4), ((6, 8), (2, 4), (5, 3), 2), ((9, 18), 9, 7, 3)],
)
@pytest.mark.parametrize("tiles", [1, 10**6])
@residual_or_not
def test_field_and_tiles_agree_with_blocks(
    subnet: Callable[..., FCN],
    lattice: tuple[int, ...],
    f: int | tuple[int, ...],
    c: int | tuple[int, ...],
    stride: int,
    tiles: int,
) -> None:
    net, twin = both(
        EDNN(
            partial(subnet, stride=stride), f, c, len(lattice), 2, 3, chunks=Chunks(count=tiles)
        ).double()
    )
    field = torch.randn(3, 2, *lattice, dtype=torch.float64)
    assert_close(net.contributions(field), twin.contributions(field), 1e-12)
    for got, want in zip(gradients(net, field), gradients(twin, field), strict=True):
        assert_close(got, want, 1e-12)


@pytest.mark.parametrize(("f", "c"), [(16, 8), (32, 16)])
@pytest.mark.parametrize("residual", [False, True])
def test_field_and_tiles_agree_in_single_precision(residual: bool, f: int, c: int) -> None:
    net, twin = both(EDNN(partial(FCN, widths=[32] * 5, residual=residual), f, c))
    field = torch.rand(2, 1, 64, 64)
    assert_close(net.contributions(field), twin.contributions(field), 1e-5)
    assert_close(net(field), twin(field), 1e-5)


def test_shift_and_scale_are_those_of_a_site() -> None:
    net, twin = both(EDNN(Small, 2, 2, outputs=2).double())
    for model in (net, twin):
        model.shift.copy_(torch.tensor([5.0, -1.0]))
        model.scale.copy_(torch.tensor([2.0, 0.5]))
    field = torch.randn(2, 1, 4, 6, dtype=torch.float64)
    assert_close(net(field), twin(field), 1e-12)


@pytest.mark.parametrize("tiles", [1, 3, 10, 10**6])
def test_blocks_hold_no_more_than_fits(tiles: int) -> None:
    net = EDNN(Small, 2, 1, padding="zeros", chunks=Chunks(count=tiles))
    seen: list[int] = []
    subnet: Any = net.subnet
    subnet.layers.register_forward_pre_hook(
        lambda _module, args: seen.append(args[0].shape[2:].numel() * len(args[0]))
    )
    with torch.no_grad():
        net.contributions(torch.randn(3, 1, 8, 12))
    assert max(seen) <= tiles * prod(net.tiling.window)
    assert (len(seen) == 1) == (tiles == 10**6)


@pytest.mark.parametrize(("tiles", "fields"), [(5, None), (7, [1, 1, 1]), (10**6, [3])])
def test_whole_periodic_fields_go_without_their_context(
    monkeypatch: pytest.MonkeyPatch, tiles: int, fields: list[int] | None
) -> None:
    net = EDNN(Small, 2, 1, chunks=Chunks(count=tiles))
    seen: list[int] = []
    subnet: Any = net.subnet
    of_sites = subnet.periodic_sites

    def spying(field: Tensor, tiling: Tiling) -> Tensor:
        seen.append(len(field))
        return of_sites(field, tiling)

    monkeypatch.setattr(subnet, "periodic_sites", spying)
    with torch.no_grad():
        net.contributions(torch.randn(3, 1, 8, 12))  # of 6 tiles' work each
    assert seen == (fields or [])


@pytest.mark.parametrize(
    ("context", "layers", "stride"),
    [
        ((8,), 5, 1),
        ((13,), 3, 1),
        ((2, 3), 3, 1),
        ((0, 4), 5, 1),
        ((1, 0, 2), 2, 1),
        ((7,), 3, 2),
        ((31,), 4, 3),
        ((14, 9), 4, 4),
    ],
)
@pytest.mark.parametrize("residual", [False, True])
def test_a_block_sees_its_context_without_gaps_and_nothing_beyond(
    context: tuple[int, ...], layers: int, stride: int, residual: bool
) -> None:
    focus, widths = [stride] * len(context), [4] * layers
    net = FCN(focus, context, widths=widths, stride=stride, residual=residual).double()
    sides = [2 * c + 3 * stride for c in context]  # a block more than the context, all round
    field = torch.zeros(1, 1, *sides, dtype=torch.float64, requires_grad=True)
    centre = net.sites(field)[(0, 0, *[1] * len(context))]
    (slope,) = torch.autograd.grad(centre, field)
    for place in product(*map(range, sides)):
        inside = all(stride <= p < side - stride for p, side in zip(place, sides, strict=True))
        assert (slope[(0, 0, *place)] != 0) == inside


def test_a_plain_network_starts_as_it_always_did() -> None:
    """Seeds give what they gave before there were residual blocks."""
    torch.manual_seed(0)
    first, *_, last = FCN((2, 2), (3, 3), widths=(4, 5)).layers[:3].parameters()
    assert first[0, 0, 0].tolist() == pytest.approx([-0.74473006, -0.36612776, 0.96310151])
    assert last[:3].tolist() == pytest.approx([0.26092035, -0.05094755, 0.38480055])


@residual_or_not
def test_it_compiles_into_one_graph(subnet: Callable[..., FCN]) -> None:
    net = subnet((4, 4), (3, 3), 1, 1, stride=2)
    tiling = Tiling(2, (4, 4), (3, 3))
    field = torch.randn(2, 1, 8, 12)
    for way, given in ((net.sites, (tiling.pad(field),)), (net.periodic_sites, (field, tiling))):
        compiled = torch.compile(way, fullgraph=True, backend="eager")
        assert torch.equal(compiled(*given), way(*given))


@pytest.mark.parametrize(("f", "c"), [(2, 3), ((4, 2), (1, 2)), (4, 0)])
@residual_or_not
def test_a_tile_sees_its_window_exactly(
    subnet: Callable[..., FCN], f: int | tuple[int, ...], c: int | tuple[int, ...]
) -> None:
    net = EDNN(subnet, f, c).double()
    lattice = [3 * side for side in net.tiling.window]
    lattice = [side * focus for side, focus in zip(lattice, net.tiling.focus, strict=True)]
    field = torch.randn(1, 1, *lattice, dtype=torch.float64)
    tile = [side // focus // 2 for side, focus in zip(lattice, net.tiling.focus, strict=True)]
    first = [n * s - k for n, s, k in zip(tile, net.tiling.focus, net.tiling.context, strict=True)]
    last = [start + width - 1 for start, width in zip(first, net.tiling.window, strict=True)]

    def change(x: int, y: int) -> Tensor:
        other = field.clone()
        other[0, 0, x, y] += 1
        return (net.contributions(other) - net.contributions(field))[(0, *tile, 0)]

    for inside in product(*zip(first, last, strict=True)):  # the corners
        assert change(*inside).abs() > 1e-12
    for x, y in [(first[0] - 1, first[1]), (last[0] + 1, last[1])]:
        assert change(x, y) == 0
    for x, y in [(first[0], first[1] - 1), (last[0], last[1] + 1)]:
        assert change(x, y) == 0


@pytest.mark.parametrize("lattice", [(12,), (4, 8), (2, 4, 4)])
@residual_or_not
def test_a_replicated_field_has_a_multiple_of_the_value(
    subnet: Callable[..., FCN], lattice: tuple[int, ...]
) -> None:
    net = EDNN(subnet, 2, 3, len(lattice)).double()
    net.shift.fill_(0.7)
    field = torch.randn(2, 1, *lattice, dtype=torch.float64)
    larger = field.repeat(1, 1, *[2] * len(lattice))
    assert_close(net(larger), 2 ** len(lattice) * net(field), 1e-13)


def test_no_fields_give_no_predictions() -> None:
    assert EDNN(Small, 2, 1, outputs=3)(torch.zeros(0, 1, 8, 8)).shape == (0, 3)


@pytest.mark.parametrize(("copies", "grouped"), [(40, False), (400, True)])
def test_equal_tiles_are_grouped_only_where_that_beats_the_whole_field(
    copies: int, grouped: bool
) -> None:
    net = EDNN(Small, 1, 1, alphabet=[-1.0, 1.0]).double()
    spins = 2.0 * torch.randint(2, (1, 1, 4, 4), generator=torch.Generator().manual_seed(0)) - 1
    field = torch.cat([spins, torch.zeros(copies - 1, 1, 4, 4) + 1]).double()
    seen: list[int] = []
    net.subnet.register_forward_pre_hook(lambda _module, args: seen.append(len(args[0])))
    _, twin = both(net)
    values = net.contributions(field)
    assert bool(seen) == grouped
    assert_close(values, twin.contributions(field), 1e-12)


def test_a_ready_network_of_another_context_is_refused() -> None:
    with pytest.raises(InputError, match=r"FCN.*\(2, 1, 1, 1\).*\(2, 1, 3, 3\)"):
        EDNN(FCN((3, 3), (2, 2)), 3, 1)
    subnet = FCN((3, 3), (1, 1))
    assert EDNN(subnet, 3, 1).subnet is subnet
