"""The errors of many outputs in one picture."""

from pathlib import Path

import numpy as np
import pandas

from ednn import plots
from tests.plots.conftest import nothing_is_cut_off

RNG = np.random.default_rng(0)


def test_every_output_has_its_median_and_mean_error(tmp_path: Path) -> None:
    target = RNG.normal(size=(30, 200))
    prediction = target + RNG.normal(size=(30, 200)) * np.arange(200)
    figure = plots.error_by_output(prediction, target, "σ of each")
    plots.save(figure, tmp_path / "error.png")
    assert nothing_is_cut_off(figure)
    (axes,) = figure.axes
    mean, median = (np.asarray(line.get_ydata()) for line in axes.lines)
    size = np.abs(prediction - target)
    np.testing.assert_allclose(mean, size.mean(0))
    np.testing.assert_allclose(median, np.median(size, axis=0))
    assert axes.get_ylim()[1] > max(mean.max(), median.max())
    assert axes.get_ylabel() == "absolute error (σ of each)"


def test_outputs_without_error_are_drawn(tmp_path: Path) -> None:
    figure = plots.error_by_output(np.ones((1, 9)), np.ones((1, 9)), "")
    plots.save(figure, tmp_path / "error.png")
    assert figure.axes[0].get_ylim() == (0, 1)


def test_the_loss_picture_has_the_mean_of_many_outputs() -> None:
    names = [f"val/y_{i}/median_absolute_error" for i in range(20)]
    history = pandas.DataFrame({"epoch": [0, 1], "val/loss": [2.0, 1.0]})
    values = pandas.DataFrame({name: [4.0 * i, 2.0 * i] for i, name in enumerate(names)})
    errors = plots.loss_curve(pandas.concat([history, values], axis=1), "eV", "").axes[1]
    (line,) = errors.lines
    assert line.get_label() == "mean over 20 outputs"
    np.testing.assert_allclose(np.asarray(line.get_ydata()), [4 * 9.5, 2 * 9.5])
