"""Codes of tiles: equal exactly for equal tiles, whatever the geometry."""

from math import prod

import pytest
import torch

from ednn.core.distinct import group, tile_codes
from ednn.core.tiling import Tiling

SPINS = [-1.0, 1.0]

# lattice, f, c, channels, padding, alphabet
CASES = [
    ((12,), 2, 1, 1, "periodic", [-1.0, 1.0]),
    ((4, 6), 1, 1, 1, "periodic", [-1.0, 1.0]),
    ((6, 4), (3, 2), (0, 1), 2, "replicate", [-1.0, 1.0]),
    ((4, 4), 2, 1, 1, "zeros", [-1.0, 0.0, 1.0]),
    ((4, 4), 1, (1, 0), 1, "reflect", [0.25, 0.5, 2.0, 3.0]),
    ((2, 4, 2), (1, 2, 2), (1, 0, 0), 1, "periodic", [-1.0, 1.0]),
    ((4, 4), 2, 2, 1, "periodic", [-1.0, 1.0]),  # 36 digits: past 31 bits
]


def draw(alphabet: list[float], shape: tuple[int, ...]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.tensor(alphabet)[torch.randint(len(alphabet), shape, generator=generator)]


@pytest.mark.parametrize(("lattice", "f", "c", "channels", "padding", "alphabet"), CASES)
def test_codes_are_equal_exactly_for_equal_tiles(
    lattice: tuple[int, ...],
    f: int | tuple[int, ...],
    c: int | tuple[int, ...],
    channels: int,
    padding: str,
    alphabet: list[float],
) -> None:
    tiling = Tiling(len(lattice), f, c, padding)
    padded = tiling.pad(draw(alphabet, (3, channels, *lattice)))
    coded = tile_codes(padded, tiling, alphabet)
    assert coded is not None
    codes, bound = coded
    tiles = tiling.windows(padded).flatten(0, tiling.dims).flatten(1)  # (n, values)
    equal = (tiles[:, None] == tiles[None]).all(-1)
    codes = codes.flatten()
    assert torch.equal(codes[:, None] == codes[None], equal)
    assert bound == len(alphabet) ** (channels * prod(tiling.window))
    assert codes.min() >= 0
    assert codes.max() < bound


def test_every_code_of_a_small_range_occurs() -> None:
    spins = 2.0 * ((torch.arange(512)[:, None] >> torch.arange(9)) & 1) - 1  # (512, 9)
    coded = tile_codes(spins.reshape(512, 1, 3, 3), Tiling(2, 3, 0), SPINS)
    assert coded is not None
    codes, bound = coded
    assert bound == 512
    assert codes.flatten().sort().values.tolist() == list(range(512))


@pytest.mark.parametrize("value", [0.0, 0.999, float("nan")])
def test_no_codes_for_a_value_outside_the_alphabet(value: float) -> None:
    field = torch.ones(1, 1, 4, 4)
    field[0, 0, 2, 3] = value
    assert tile_codes(field, Tiling(2, 1, 0), SPINS) is None


def test_no_codes_past_63_bits() -> None:
    field = torch.ones(1, 1, 8, 8)
    assert tile_codes(field, Tiling(2, 8, 0), SPINS) is None
    coded = tile_codes(field[..., :7, :], Tiling(2, (7, 8), 0), SPINS)
    assert coded is not None
    codes, bound = coded
    assert bound == 2**56
    assert codes.item() == 2**56 - 1


@pytest.mark.parametrize("bound", [7, 10**6])
def test_group_finds_a_representative_of_every_tile(bound: int) -> None:
    codes = torch.tensor([3, 5, 3, 0, 5, 5, 3, 0, 6])
    slot, representative = group(codes, bound)
    assert torch.equal(codes[representative[slot]], codes)
    assert len(representative) == (7 if bound == 7 else 4)
