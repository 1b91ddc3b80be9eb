"""The picture of a dynamics."""

import numpy as np

from ednn.plots.dynamics_picture import dynamics_picture


def test_a_panel_for_each_quantity_with_its_unit() -> None:
    times = np.arange(5.0)
    figure = dynamics_picture(times, times**2, 300 + times, 1 + times)
    names = [axes.get_ylabel().replace("\n", " ") for axes in figure.axes]
    assert names == [
        "energy change (meV per atom)",
        "temperature (K)",
        "uncertainty (meV per atom)",
    ]
    for axes, values in zip(figure.axes, (times**2, 300 + times, 1 + times), strict=True):
        (line,) = axes.lines
        np.testing.assert_array_equal(np.asarray(line.get_xdata()), times)
        np.testing.assert_array_equal(np.asarray(line.get_ydata()), values)
    assert figure.axes[2].get_ylim()[0] == 0
    assert figure.axes[-1].get_xlabel() == "time (ps)"


def test_what_is_not_known_has_no_panel() -> None:
    assert len(dynamics_picture(np.arange(3.0), np.zeros(3), np.zeros(3)).axes) == 2
