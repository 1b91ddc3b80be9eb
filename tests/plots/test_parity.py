from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ednn import plots
from ednn.core.errors import InputError
from tests.plots.conftest import nothing_is_cut_off


def test_parity_shows_true_across_predicted_up_and_the_errors_in_words() -> None:
    target = np.array([-128.0, 0.0, 4.0, 128.0])
    prediction = target + np.array([1.0, -2.0, 3.0, 6.0])
    (axes,) = plots.parity(prediction, target, "J", "energy").axes
    np.testing.assert_allclose(
        np.asarray(axes.collections[0].get_offsets()), np.c_[target, prediction]
    )
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true energy (J)", "predicted energy (J)")
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_title(loc="left").split("\n") == [
        "median absolute error  2.5 J",
        "mean absolute error  3 J",
    ]


def test_error_is_predicted_minus_true_and_the_histogram_counts_every_example() -> None:
    target = np.arange(100.0)
    difference = np.sin(target)
    axes, side = plots.error(target + difference, target, "J", "energy").axes
    np.testing.assert_allclose(
        np.asarray(axes.collections[0].get_offsets()), np.c_[target, difference]
    )
    assert axes.get_xlabel() == "true energy (J)"
    assert axes.get_ylabel() == "error: predicted − true (J)"
    median = plots.number(np.median(np.abs(difference)))
    assert f"median absolute error  {median} J" in axes.get_title(loc="left")
    corners = np.asarray(
        side.patches[0].get_path().vertices
    )  # the outline of the histogram: (count, error)
    bound = np.abs(difference).max()
    assert np.ptp(corners[:, 1]) == pytest.approx(2 * bound)
    x, y = corners[:, 0], corners[:, 1]
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert area == pytest.approx(100 * 2 * bound / 101)  # 100 examples in bins of this width


@pytest.mark.parametrize("draw", [plots.parity, plots.error])
@pytest.mark.parametrize(
    ("prediction", "target"),
    [
        ([1.5], [1.2]),  # one point
        ([0.0], [0.0]),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),  # no error
        ([4.1, 3.9], [4.0, 4.0]),  # a constant target
        ([-9e3, -9e3], [-9e3, -9e3]),
        ([1e-9, 0.0, 1e5], [0.0, 0.0, 0.0]),  # errors of any size
    ],
)
def test_degenerate_data_draws_without_warnings(
    draw: Callable[..., Any], prediction: list[float], target: list[float], tmp_path: Path
) -> None:
    figure = draw(np.array(prediction), np.array(target), "J", "energy")
    plots.save(figure, tmp_path / "picture.png")
    for axes in figure.axes:
        assert axes.get_xlim()[0] < axes.get_xlim()[1]
        assert axes.get_ylim()[0] < axes.get_ylim()[1]
    assert nothing_is_cut_off(figure)


@pytest.mark.parametrize("draw", [plots.parity, plots.error])
def test_bad_arrays_are_refused(draw: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match=r"\(3, 1\) but target \(3,\)"):
        draw(np.zeros((3, 1)), np.zeros(3), "J", "energy")
    with pytest.raises(InputError, match="1 of 2 values"):
        draw(np.array([np.nan, 1.0]), np.zeros(2), "J", "energy")
    with pytest.raises(InputError, match="at least one"):
        draw(np.zeros(0), np.zeros(0), "J", "energy")
