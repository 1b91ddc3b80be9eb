"""Random images are smooth, periodic and functions of their seed; stencils reach as far as l."""

import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.physics.images import random_image
from ednn.physics.laplacian import STENCILS, laplacian, laplacian_sum

REACH = {"5-point": 1, "4th-order": 2, "central-twice": 2}
ORDER = {"5-point": 2, "4th-order": 4, "central-twice": 2}


def test_an_image_is_a_function_of_its_seed() -> None:
    np.testing.assert_array_equal(random_image(3, side=60), random_image(3, side=60))
    np.testing.assert_array_equal(random_image([3, 1], side=60), random_image([3, 1], side=60))
    assert np.abs(random_image(3, side=60) - random_image(4, side=60)).max() > 1


@pytest.mark.parametrize("seed", range(8))
def test_the_default_image_is_flat_near_the_border(seed: int) -> None:
    image = random_image(seed)
    assert image.shape == (250, 250)
    border = np.concatenate([image[:8].ravel(), image[-8:].ravel(), image[:, :8].ravel()])
    np.testing.assert_allclose(border, 20, atol=0.2)
    assert image.min() == 0
    assert image.max() == pytest.approx(20)


@pytest.mark.parametrize("side", [50, 61, 100, 250])
def test_the_wrapped_edge_is_as_smooth_as_the_inside(side: int) -> None:
    """For powers without creases no step across the border exceeds what is found inside."""
    images = np.stack([random_image(seed, side, powers=(2.0,)) for seed in range(20)])
    for axis in (-2, -1):
        curvature = np.abs(np.roll(images, 1, axis) + np.roll(images, -1, axis) - 2 * images)
        inside = curvature[:, 5:-5, 5:-5].max()
        assert curvature.take([0, -1], axis).max() <= inside


def test_smaller_images_have_the_same_pixel_size() -> None:
    """The length |∇X| / |∇²X|, in pixels, does not depend on the side."""

    def scale(side: int) -> float:
        images = np.stack([random_image(seed, side, powers=(2.0,)) for seed in range(60)])
        slope = np.sqrt(np.mean(np.square(np.gradient(images, axis=(-2, -1)))))
        return slope / np.sqrt(np.mean(np.square(laplacian(images))))

    assert scale(60) == pytest.approx(scale(250), rel=0.1)


def test_the_resolution_is_a_choice() -> None:
    """The same box with half the pixels is the same image, but for the rounding of outlines."""
    coarse, fine = (random_image(1, n, pixels_per_extent=n, powers=(2.0,)) for n in (125, 250))
    assert np.corrcoef(coarse.ravel(), fine[::2, ::2].ravel())[0, 1] > 0.98


def test_a_side_with_too_few_cells_is_refused() -> None:
    with pytest.raises(InputError, match="use at least 50"):
        random_image(0, side=40)


@pytest.mark.parametrize("stencil", STENCILS)
def test_the_reach_of_a_stencil_is_its_l(stencil: str) -> None:
    """A pixel changes the contributions |∇²X| up to l pixels away and none beyond."""
    image = random_image(0, side=60)
    perturbed = image.copy()
    perturbed[1, 58] += 0.1  # near the border, so that the change wraps
    change = np.abs(laplacian(perturbed, stencil)) - np.abs(laplacian(image, stencil))
    row, column = np.nonzero(np.abs(change) > 1e-12)
    distance = [np.minimum(d % 60, -d % 60) for d in (row - 1, column - 58)]
    assert np.max(distance) == REACH[stencil]


@pytest.mark.parametrize("stencil", STENCILS)
def test_a_plane_wave_has_its_laplacian_to_the_order_of_the_stencil(stencil: str) -> None:
    """∇² cos(k·x) = -k² cos(k·x), with an error that falls as h^order."""
    errors = []
    for n in (64, 128):
        x = 2 * np.pi * np.arange(n) / n
        wave = np.cos(x[:, None] + 2 * x[None, :])
        exact = -5 * wave
        errors.append(np.abs(laplacian(wave, stencil) * (n / (2 * np.pi)) ** 2 - exact).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(ORDER[stencil], abs=0.1)


@pytest.mark.parametrize("stencil", STENCILS)
def test_the_sum_is_extensive_and_translation_invariant(stencil: str) -> None:
    images = np.stack([random_image(seed, side=60) for seed in range(3)]).astype(np.float32)
    total = laplacian_sum(images, stencil)
    assert total.shape == (3,)
    assert total.dtype == np.float64
    np.testing.assert_allclose(laplacian_sum(np.tile(images, (2, 3)), stencil), 6 * total)
    np.testing.assert_allclose(laplacian_sum(np.roll(images, 7, axis=-1), stencil), total)


def test_an_unknown_stencil_is_refused() -> None:
    with pytest.raises(InputError, match="4th-order"):
        laplacian_sum(np.zeros((8, 8)), "9-point")
