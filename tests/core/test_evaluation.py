"""Chunks and distinct tiles: the same contributions and gradients as one batch of all tiles."""

import numpy as np
import pytest
import torch
from torch import Tensor

from ednn.core.evaluation import ChunkPolicy
from ednn.core.model import EDNN
from ednn.core.subnets import ANN
from ednn.core.tiling import PADDINGS
from tests.core.chunks import Chunks
from tests.core.test_model import SPINS, Smooth, calls, draw_spins


def gradients(net: EDNN, values: Tensor) -> tuple[Tensor, ...]:
    """Gradients of a loss that weighs every value differently."""
    weights = torch.linspace(-1, 2, values.numel(), dtype=values.dtype).reshape(values.shape)
    return torch.autograd.grad((values * weights + values**2).sum(), list(net.parameters()))


def reference(net: EDNN, field: Tensor) -> Tensor:
    """All tiles through the subnetwork in one batch: (B, *grid, outputs)."""
    tiles = net.tiling.tiles(field)
    raw = net.subnet(tiles.flatten(0, net.tiling.dims))
    return net.tiling.sites * raw.unflatten(0, tiles.shape[: 1 + net.tiling.dims])


def assert_agrees(net: EDNN, field: Tensor) -> list[int]:
    """Compare values and gradients with the reference; return the calls of the subnetwork."""
    with calls(net) as seen:
        values = net.contributions(field)
    expected = reference(net, field)
    torch.testing.assert_close(values, expected, rtol=1e-12, atol=1e-12)
    for got, want in zip(gradients(net, values), gradients(net, expected), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-11)
    return seen


def test_a_chunk_grows_with_the_weights() -> None:
    policy, cpu = ChunkPolicy(), torch.device("cpu")
    widest, weights = 64**3, 8_500_000  # of the paper's DNN at f = 64, c = 32
    training = policy.tiles(widest, weights, False, cpu)
    with torch.no_grad():
        prediction = policy.tiles(widest, weights, False, cpu)
    assert policy.tile_values < prediction * widest < weights < 2 * training * widest
    assert prediction < training


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("limit", [1, 5, 40, 10**9])
@pytest.mark.parametrize(
    ("lattice", "f", "c", "channels"),
    [((12,), 2, 1, 1), ((6, 8), 2, 1, 2), ((6, 4), (3, 1), (0, 2), 1), ((2, 4, 6), 2, 1, 1)],
)
def test_chunks_agree_with_one_batch(
    lattice: tuple[int, ...],
    f: int | tuple[int, ...],
    c: int | tuple[int, ...],
    channels: int,
    limit: int,
    padding: str,
) -> None:
    dims, chunks = len(lattice), Chunks(count=limit)
    net = EDNN(Smooth, f, c, dims, channels, 2, padding, chunks=chunks).double()
    field = torch.randn(3, channels, *lattice, dtype=torch.float64)
    seen = assert_agrees(net, field)
    assert sum(seen) == 3 * int(np.prod(net.tiling.grid(lattice)))
    assert max(seen) <= limit


# lattice, f, c, channels: 2^(values per tile) codes are fewer than the tiles (a table of all of
# them) or more (the distinct ones are gathered)
TABLE = [((20,), 1, 1, 1), ((6, 8), 1, (0, 1), 1), ((8, 8), (2, 1), 0, 2), ((2, 4, 4), 1, 0, 2)]
GATHERED = [((20,), 2, 5, 1), ((8, 8), 1, 1, 2), ((8, 8), (2, 4), (2, 1), 1), ((4, 4, 4), 1, 1, 1)]


@pytest.mark.parametrize("limit", [7, 10**9])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(
    ("lattice", "f", "c", "channels", "path"),
    [(*case, "table") for case in TABLE] + [(*case, "gathered") for case in GATHERED],
)
def test_distinct_tiles_agree_with_one_batch(
    lattice: tuple[int, ...],
    f: int | tuple[int, ...],
    c: int | tuple[int, ...],
    channels: int,
    path: str,
    padding: str,
    limit: int,
) -> None:
    chunks = Chunks(count=limit, distinct_share=1.0)
    net = EDNN(Smooth, f, c, len(lattice), channels, 2, padding, SPINS, chunks).double()
    field = draw_spins(2, channels, *lattice).double().repeat(8, *[1] * (1 + len(lattice)))
    seen = assert_agrees(net, field)
    tiles = net.tiling.tiles(field).flatten(0, net.tiling.dims)
    values = 3 if padding == "zeros" else 2
    codes = values ** tiles[0].numel()
    distinct = len(tiles.unique(dim=0))
    if padding != "zeros":  # which adds a third value, and so many more codes
        assert (codes <= len(tiles)) == (path == "table")
    assert sum(seen) == (codes if codes <= len(tiles) else distinct)
    assert max(seen) <= limit


def test_tiles_that_nearly_all_differ_are_not_grouped() -> None:
    net = EDNN(Smooth, 4, 1, alphabet=SPINS).double()
    assert assert_agrees(net, draw_spins(8, 1, 8, 8).double()) == [32]


@pytest.mark.parametrize("value", [0.0, 0.5, -1.000001])
def test_a_value_outside_the_alphabet_is_evaluated_as_it_is(value: float) -> None:
    net = EDNN(Smooth, 1, 0, alphabet=SPINS).double()
    field = draw_spins(4, 1, 8, 8).double()
    assert assert_agrees(net, field) == [2]
    field[2, 0, 3, 4] = value
    assert assert_agrees(net, field) == [256]
    changed = net.contributions(field)[2, 3, 4]
    assert torch.allclose(changed, net.subnet(torch.full((1, 1, 1, 1), value).double())[0])


def test_windows_too_large_to_number_are_evaluated_as_they_are() -> None:
    net = EDNN(Smooth, 8, 1, alphabet=SPINS).double()
    assert assert_agrees(net, draw_spins(4, 1, 8, 8).double()) == [4]


def test_gradients_with_respect_to_a_discrete_field() -> None:
    net = EDNN(Smooth, 1, 1, alphabet=SPINS).double()
    field = draw_spins(20, 1, 8, 8).double().requires_grad_()
    (got,) = torch.autograd.grad(net(field).sum(), field)
    (want,) = torch.autograd.grad(reference(net, field).sum(), field)
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


def test_an_alphabet_of_values_that_binary_numbers_round() -> None:
    net = EDNN(Smooth, 1, 1, alphabet=[0.1, 0.2, 0.7])
    field = torch.tensor([0.1, 0.2, 0.7])[torch.randint(3, (4, 1, 4, 4))].repeat(30, 1, 2, 2)
    with calls(net) as seen:
        values = net.contributions(field)
    torch.testing.assert_close(values, reference(net, field).double(), rtol=1e-5, atol=1e-5)
    assert sum(seen) <= 64  # 16 tiles of each of the 4 patterns


def test_single_precision_is_good_to_float_tolerance() -> None:
    net = EDNN(ANN, 1, 1, alphabet=SPINS)
    field = draw_spins(200, 1, 8, 8)
    expected = reference(net, field).double()
    torch.testing.assert_close(net.contributions(field), expected, rtol=1e-5, atol=1e-5)
    got, want = net(field), expected.sum((1, 2))
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_no_fields_give_no_predictions() -> None:
    net = EDNN(ANN, 2, 1, outputs=3, alphabet=SPINS)
    assert net(torch.zeros(0, 1, 8, 8)).shape == (0, 3)
