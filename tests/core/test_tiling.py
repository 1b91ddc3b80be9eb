"""Tiles against a slow loop over indices, and what the arithmetic promises."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ednn.core.errors import InputError
from ednn.core.tiling import PADDINGS, Tiling

# lattice, f, c, channels
SHAPES = [
    ((6,), 2, 1, 1),
    ((6,), 3, 0, 2),
    ((3,), 1, 8, 1),  # c > L
    ((4, 4), 1, 1, 1),
    ((4, 6), 2, 1, 3),
    ((6, 4), (3, 2), (1, 2), 1),
    ((4, 3), (4, 1), (0, 5), 2),  # one tile along an axis; c > L along the other
    ((2, 2), 1, 7, 1),
    ((1, 3), 1, 2, 1),  # a side of one site
    ((2, 4, 3), (1, 2, 3), (1, 0, 2), 2),
    ((2, 2, 2), 2, 3, 1),
]


def numbered(lattice: tuple[int, ...], channels: int = 1, batch: int = 2) -> Tensor:
    """A field whose values are all different and never 0."""
    shape = (batch, channels, *lattice)
    return torch.arange(1.0, 1 + int(np.prod(shape))).reshape(shape)


def source(place: int, side: int, padding: str) -> int | None:
    """The site that stands at a place beyond the edge, found by walking; None for a zero."""
    while not 0 <= place < side:
        if padding == "zeros":
            return None
        if padding == "periodic":
            place += side if place < 0 else -side
        elif padding == "replicate" or side == 1:
            place = 0 if place < 0 else side - 1
        else:  # reflect at the end that was crossed
            place = -place if place < 0 else 2 * (side - 1) - place
    return place


def slow_tiles(field: Tensor, tiling: Tiling) -> Tensor:
    """Every value of every tile, looked up one by one: (B, *grid, C, *window)."""
    grid = tiling.grid(field.shape[2:])
    tiles = torch.zeros(len(field), *grid, field.shape[1], *tiling.window)
    for tile in product(*map(range, grid)):
        for place in product(*map(range, tiling.window)):
            axes = zip(tile, place, tiling.focus, tiling.context, field.shape[2:], strict=True)
            site = [source(t * f + p - c, side, tiling.padding) for t, p, f, c, side in axes]
            if None not in site:
                tiles[:, *tile, :, *place] = field[(..., *site)]  # type: ignore[index]
    return tiles


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("lattice", "f", "c", "channels"), SHAPES)
def test_tiles_equal_a_slow_index_loop(
    lattice: tuple[int, ...],
    f: int | tuple[int, ...],
    c: int | tuple[int, ...],
    channels: int,
    padding: str,
) -> None:
    tiling = Tiling(len(lattice), f, c, padding)
    field = numbered(lattice, channels)
    assert torch.equal(tiling.tiles(field), slow_tiles(field, tiling))


@pytest.mark.parametrize("padding", PADDINGS)
def test_padding_is_that_of_numpy(padding: str) -> None:
    mode: dict[str, Any] = {
        "periodic": "wrap",
        "zeros": "constant",
        "reflect": "reflect",
        "replicate": "edge",
    }
    field = numbered((3, 5))
    widths = ((0, 0), (0, 0), (4, 4), (11, 11))
    expected = np.pad(field.numpy(), widths, mode=mode[padding])
    assert np.array_equal(Tiling(2, 1, (4, 11), padding).pad(field).numpy(), expected)


def test_known_tile() -> None:
    field = torch.arange(16.0).reshape(1, 1, 4, 4)
    corner = Tiling(2, 2, 1).tiles(field)[0, 0, 0, 0]
    expected = [[15, 12, 13, 14], [3, 0, 1, 2], [7, 4, 5, 6], [11, 8, 9, 10]]
    assert corner.tolist() == expected


@pytest.mark.parametrize(
    ("lattice", "f"), [((6,), 2), ((4, 6), 2), ((4, 6), (4, 3)), ((2, 4, 6), (2, 1, 3))]
)
def test_tiles_without_context_partition_the_field(
    lattice: tuple[int, ...], f: int | tuple[int, ...]
) -> None:
    field = numbered(lattice, channels=2)
    tiles = Tiling(len(lattice), f, 0).tiles(field)
    assert torch.equal(tiles.flatten().sort().values, field.flatten())


@pytest.mark.parametrize(("lattice", "f", "c", "channels"), SHAPES)
def test_windows_are_views(
    lattice: tuple[int, ...], f: int | tuple[int, ...], c: int | tuple[int, ...], channels: int
) -> None:
    tiling = Tiling(len(lattice), f, c)
    padded = tiling.pad(numbered(lattice, channels))
    windows = tiling.windows(padded)
    assert windows.untyped_storage().data_ptr() == padded.untyped_storage().data_ptr()
    assert windows.shape == (2, *tiling.grid(lattice), channels, *tiling.window)


def test_gradients_count_how_often_a_site_is_seen() -> None:
    field = numbered((4, 4)).requires_grad_()
    Tiling(2, 1, 1).tiles(field).sum().backward()
    assert field.grad is not None
    assert torch.equal(field.grad, torch.full_like(field, 9.0))


def test_window_and_sites() -> None:
    tiling = Tiling(2, (2, 3), (1, 0))
    assert tiling.window == (4, 3)
    assert tiling.sites == 6
    assert tiling.grid((8, 9)) == (4, 3)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((4, 1, 1), ["dims=4"]),
        ((2, 0, 1), ["f=0"]),
        ((2, -3, 1), ["f=-3"]),
        ((2, 1, -1), ["c=-1"]),
        ((2, (2, 0), 1), ["f=0"]),
        ((2, 1.5, 1), ["f=1.5"]),
        ((2, 1, "two"), ["'t', 'w', 'o'"]),
        ((2, (1, 1, 1), 1), ["[1, 1, 1]", "2 axes"]),
        ((2, 1, 1, "mirror"), ["'mirror'", "reflect"]),
    ],
)
def test_impossible_tiles(arguments: tuple[Any, ...], names: list[str]) -> None:
    with pytest.raises(InputError) as error:
        Tiling(*arguments)
    assert all(name in str(error.value) for name in names)


@pytest.mark.parametrize(
    ("lattice", "names"),
    [
        ((8, 10), ["side of 10", "f=4", "8 or 12"]),
        ((2, 8), ["side of 2", "f=4", "4 or 8"]),
        ((0, 8), ["side of 0"]),
        ((8,), ["1 axes"]),
        ((8, 8, 8), ["8 × 8 × 8", "3 axes"]),
    ],
)
def test_lattices_that_tiles_do_not_fit(lattice: tuple[int, ...], names: list[str]) -> None:
    with pytest.raises(InputError) as error:
        Tiling(2, 4, 1).grid(lattice)
    assert all(name in str(error.value) for name in names)
