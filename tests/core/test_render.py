"""The renderer against direct sums and exact identities, in float64.

Each structure has two channels: Gaussians of the height Z, and of another height.
"""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from ednn.core.errors import InputError
from ednn.core.render import GAMMA, REACH, render, render_part

CELLS = {
    "the paper's": (12.5, 12.990381),
    "shorter than the reach of a well": (2.5, 4.330127),
    "shorter than a well": (0.35, 0.55),
}


def atoms(cell: Sequence[float], count: int = 5, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    weights = torch.tensor(rng.integers(5, 8, (1, count, 2)))
    fractions = rng.random((1, count, 2))
    fractions[0, :3] = [[0.0, 0.0], [0.5, 1 - 1e-12], [1.0, 0.25]]  # on the edge of the cell
    cells = torch.tensor([cell], dtype=torch.float64)
    return weights, torch.tensor(fractions) * cells[:, None], cells


def direct_sum(
    weights: np.ndarray, positions: np.ndarray, cell: Sequence[float], grid: tuple[int, int]
) -> np.ndarray:
    """One channel of Eq. 3 as it is written, over every image within 10 γ of the cell."""
    x = np.arange(grid[0])[:, None] * cell[0] / grid[0]
    y = np.arange(grid[1])[None, :] * cell[1] / grid[1]
    image = np.zeros(grid)
    reach = [math.ceil(10 * GAMMA / length) + 1 for length in cell]
    for w, (xa, ya) in zip(weights, positions, strict=True):
        for i in range(-reach[0], reach[0] + 1):
            for j in range(-reach[1], reach[1] + 1):
                square = (x - xa + i * cell[0]) ** 2 + (y - ya + j * cell[1]) ** 2
                image += w * np.exp(-square / (2 * GAMMA**2))
    return image


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_equals_the_direct_double_sum(cell: tuple[float, ...]) -> None:
    weights, positions, cells = atoms(cell)
    image = render(weights, positions, cells, (24, 30))
    assert image.shape == (1, 2, 24, 30)
    for channel, values in enumerate(image[0]):
        heights = weights[0, :, channel].numpy()
        expected = direct_sum(heights, positions[0].numpy(), cell, (24, 30))
        np.testing.assert_allclose(values.numpy(), expected, rtol=0, atol=1e-10)


def test_a_ragged_batch_with_different_cells_equals_its_members() -> None:
    members = [atoms(cell, count) for cell, count in zip(CELLS.values(), (7, 4, 5), strict=True)]
    weights = torch.zeros(3, 7, 2, dtype=torch.int64)
    positions = torch.full((3, 7, 2), 1.0, dtype=torch.float64)  # padding atoms sit in the cell
    for b, (w, r, _) in enumerate(members):
        weights[b, : w.shape[1]], positions[b, : w.shape[1]] = w[0], r[0]
    batch = render(weights, positions, torch.cat([cell for _, _, cell in members]), (20, 16))
    for image, (w, r, cell) in zip(batch, members, strict=True):
        torch.testing.assert_close(image, render(w, r, cell, (20, 16))[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_gradient_equals_finite_differences(cell: tuple[float, ...]) -> None:
    weights, positions, cells = atoms(cell, count=4)
    positions.requires_grad_()
    assert torch.autograd.gradcheck(lambda r: render(weights, r, cells, (9, 8)), positions)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_moving_every_atom_by_pixels_rolls_the_image(cell: tuple[float, ...]) -> None:
    weights, positions, cells = atoms(cell)
    grid = (30, 24)
    pixel = cells / torch.tensor(grid)
    for steps in ((1, 0), (0, 1), (-7, 50)):
        moved = render(weights, positions + torch.tensor(steps) * pixel, cells, grid)
        rolled = render(weights, positions, cells, grid).roll(steps, dims=(-2, -1))
        torch.testing.assert_close(moved, rolled, rtol=0, atol=1e-11)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_the_image_integrates_to_the_wells(cell: tuple[float, ...]) -> None:
    """Where the grid resolves γ the sum over pixels is the integral, 2πγ² Σw, to rounding."""
    weights, positions, cells = atoms(cell)
    grid = (256, 256)
    image = render(weights, positions, cells, grid)
    integral = image.sum((2, 3)) * math.prod(cell) / math.prod(grid)
    expected = 2 * math.pi * GAMMA**2 * weights.sum(1).double()
    torch.testing.assert_close(integral, expected, rtol=1e-13, atol=0)


def test_a_supercell_tiles_the_image() -> None:
    weights, positions, cells = atoms((2.5, 4.330127))
    copies = [positions + torch.tensor(n) * cells for n in ((0, 0), (1, 0), (0, 1), (1, 1))]
    image = render(weights.repeat(1, 4, 1), torch.cat(copies, 1), 2 * cells, (32, 48))
    once = render(weights, positions, cells, (16, 24))
    torch.testing.assert_close(image, once.repeat(1, 1, 2, 2), rtol=0, atol=1e-11)


def test_float32_is_as_good_as_float32() -> None:
    weights, positions, cells = atoms(CELLS["the paper's"], count=60)
    with torch.autocast("cpu", torch.bfloat16):  # mixed-precision training leaves the data alone
        image = render(weights, positions.float(), cells, (64, 64))
    assert image.dtype == torch.float32
    exact = render(weights, positions, cells, (64, 64))
    torch.testing.assert_close(image.double(), exact, rtol=0, atol=1e-4)


def test_shapes_that_disagree_are_refused() -> None:
    weights, positions, cells = atoms((2.5, 4.0))
    with pytest.raises(InputError, match=r"pass \(B, A, C\), \(B, A, 2\) and \(B, 2\)"):
        render(weights[0], positions, cells, (8, 8))


@pytest.mark.parametrize("gamma", [0.1, 0.4])
@pytest.mark.parametrize("shape", [(7, 50), (64, 33), (1, 1)])
def test_a_part_shows_what_the_whole_shows(shape: tuple[int, int], gamma: float) -> None:
    """Atoms as far as they reach, their images being atoms of their own."""
    weights, positions, cells = atoms((12.5, 13.0), count=60)
    grid, corner = (100, 130), (37, 90)
    step = (cells / torch.tensor(grid))[0]  # (2,)
    whole = render(weights, positions, cells, grid, gamma).repeat(1, 1, 2, 2)[0]
    images = torch.cartesian_prod(torch.arange(-1, 3), torch.arange(-1, 3)) * cells  # (16, 2)
    moved = (positions[0] + images[:, None]).flatten(0, 1) - step * torch.tensor(corner)
    border, far = REACH * gamma, step * torch.tensor(shape)
    near = ((moved > -border) & (moved < far + border)).all(1)
    w = weights.repeat(1, 16, 1)[0][near]
    part = render_part(w, moved[near], step.tolist(), shape, gamma)
    expected = whole[:, corner[0] : corner[0] + shape[0], corner[1] : corner[1] + shape[1]]
    torch.testing.assert_close(part, expected, rtol=0, atol=1e-12)


def test_a_part_has_the_slopes_of_the_whole() -> None:
    weights, positions, cells = atoms((12.5, 13.0), count=60)
    inside = 4 + positions[0] % 5
    slope = torch.rand(2, 100, 130, dtype=torch.float64)
    slopes = []
    for draw in (
        lambda r: render(weights, r[None], cells, (100, 130))[0],
        lambda r: render_part(weights[0], r, (0.125, 0.1), (100, 130)),
    ):
        r = inside.clone().requires_grad_()
        slopes.append(torch.autograd.grad((draw(r) * slope).sum(), r)[0])
    torch.testing.assert_close(slopes[1], slopes[0], rtol=0, atol=1e-11)


def test_a_part_without_atoms_is_empty() -> None:
    nothing = torch.zeros(0, 3, dtype=torch.int64), torch.zeros(0, 2)
    assert torch.equal(render_part(*nothing, (0.1, 0.1), (20, 30)), torch.zeros(3, 20, 30))
