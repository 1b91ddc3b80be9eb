from pathlib import Path

import numpy as np
import pandas
import pytest

from ednn import plots


def history(epochs: int) -> pandas.DataFrame:
    """Rows as a CSVLogger writes them: two training steps, then the validation, holes between."""
    rows: list[dict[str, float]] = [{"step": 0, "lr": 1e-3}]  # the learning rate has no epoch
    for epoch in range(epochs):
        rows += [
            {"epoch": epoch, "step": 2 * epoch, "train/loss": 10.0 / 2**epoch},
            {"epoch": epoch, "step": 2 * epoch + 1, "train/loss": 30.0 / 2**epoch},
            {"epoch": epoch, "step": 2 * epoch + 1, "val/loss": 25.0 / 2**epoch},
        ]
    return pandas.DataFrame(rows)


def test_loss_curve_shows_the_mean_of_each_epoch_with_units() -> None:
    (axes,) = plots.loss_curve(history(3), "J", "J²").axes
    training, validation = axes.lines
    assert axes.get_ylabel() == "loss (J²)"
    assert axes.get_xlabel() == "epoch"
    assert axes.get_yscale() == "log"
    np.testing.assert_array_equal(np.asarray(training.get_xdata()), [1, 2, 3])
    np.testing.assert_allclose(np.asarray(training.get_ydata()), [20, 10, 5])
    np.testing.assert_allclose(np.asarray(validation.get_ydata()), [25, 12.5, 6.25])
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["training", "validation"]


def test_loss_curve_shows_the_error_where_it_is_known() -> None:
    table = history(3)
    table["val/median_absolute_error"] = table["val/loss"] / 100
    loss, error = plots.loss_curve(table, "J", "J²").axes
    assert loss.get_ylabel() == "loss (J²)"
    assert error.get_ylabel() == "median absolute\nerror (J)"
    np.testing.assert_allclose(np.asarray(error.lines[0].get_ydata()), [0.25, 0.125, 0.0625])


def test_loss_curve_shows_the_errors_of_several_outputs() -> None:
    table = history(3)
    for name, factor in (("energy", 2), ("gap", 3)):
        table[f"val/{name}/median_absolute_error"] = factor * table["val/loss"]
        table[f"test/{name}/median_absolute_error"] = 1.0
    errors = plots.loss_curve(table, "J", "J²").axes[1]
    legend = errors.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["energy", "gap"]
    np.testing.assert_allclose(np.asarray(errors.lines[1].get_ydata()), [75, 37.5, 18.75])


@pytest.mark.parametrize("losses", [[1.0], [0.0, 0.0], [np.nan, np.inf], [1e-3, 0.0, np.nan, 2.0]])
def test_loss_curve_draws_what_a_logarithm_can_show(losses: list[float], tmp_path: Path) -> None:
    table = pandas.DataFrame({"epoch": range(len(losses)), "train/loss": losses})
    figure = plots.loss_curve(table, "", "")
    plots.save(figure, tmp_path / "loss.png")
    assert figure.axes[0].get_ylabel() == "loss"
    drawn = [y for line in figure.axes[0].lines for y in np.asarray(line.get_ydata())]
    assert drawn == [y for y in losses if np.isfinite(y) and y > 0]
