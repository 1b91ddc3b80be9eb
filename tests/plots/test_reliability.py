import numpy as np

from ednn import plots
from tests.plots.conftest import nothing_is_cut_off


def test_bins_show_predicted_and_found_sizes_of_errors() -> None:
    deviation = np.repeat([1.0, 2.0, 8.0], 25)
    sign = np.tile([1.0, -1.0, 1.0, -1.0, -1.0], 15)
    order = np.random.default_rng(0).permutation(75)
    figure = plots.reliability(deviation[order], (2 * deviation * sign)[order], "eV")
    (axes,) = figure.axes
    points, line = axes.lines
    np.testing.assert_allclose(np.asarray(points.get_xdata()), [1, 2, 8])
    np.testing.assert_allclose(np.asarray(points.get_ydata()), [2, 4, 16])
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xscale() == "log"
    assert axes.get_title(loc="left") == "90 % intervals cover 0.0 % of 75 samples"
    assert line.get_linestyle() == "--"
    assert axes.get_xlabel() == "predicted standard deviation (eV)"
    nothing_is_cut_off(figure)


def test_a_perfect_model_and_a_single_sample() -> None:
    (axes,) = plots.reliability(np.zeros(30), np.zeros(30), "").axes
    assert axes.get_xscale() == "linear"
    assert axes.get_title(loc="left") == "90 % intervals cover 100.0 % of 30 samples"
    (axes,) = plots.reliability(np.ones(1), np.ones(1), "J").axes
    assert axes.get_title(loc="left") == "90 % intervals cover 100.0 % of 1 sample"
