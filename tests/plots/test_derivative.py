"""A field and its derivative in one to three dimensions, on axes of their own lengths."""

import numpy as np
import pytest

from ednn.plots import derivative


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_axes_have_the_lengths_of_the_box(dims: int) -> None:
    shape, spacing = (8, 6, 4)[:dims], (0.5, 0.25, 1.0)[:dims]
    field = np.random.default_rng(0).normal(size=shape)
    axes = derivative(field, field + 0.1, field, spacing, "energy").axes
    if dims == 1:
        assert np.asarray(axes[1].lines[0].get_xdata())[-1] == 0.5 * 7
        np.testing.assert_allclose(np.asarray(axes[2].lines[0].get_ydata()), 0.1)
        return
    assert axes[0].images[0].get_extent() == [0, 4.0, 0, 1.5]
    plane = field if dims == 2 else field[..., 2]
    np.testing.assert_array_equal(axes[1].images[0].get_array(), plane.T)


def test_sites_are_counted_where_their_distance_is_not_known() -> None:
    axes = derivative(np.ones(5), np.ones(5), np.zeros(5), (), "energy").axes
    assert axes[2].get_xlabel() == "position (sites)"
