import matplotlib
import numpy as np
import pandas
import pytest
from matplotlib.figure import Figure

from ednn import plots
from ednn.errors import InputError

PNG_END = b"IEND\xaeB`\x82"


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


def nothing_is_cut_off(figure: Figure) -> bool:
    """Whether no label of a drawn figure reaches over its edge."""
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height


def test_loss_curve_shows_the_mean_of_each_epoch_with_units() -> None:
    (axes,) = plots.loss_curve(history(3), "J").axes
    training, validation = axes.lines
    assert axes.get_ylabel() == "loss (J²)"
    assert axes.get_xlabel() == "epoch"
    assert axes.get_yscale() == "log"
    np.testing.assert_array_equal(training.get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(training.get_ydata(), [20, 10, 5])
    np.testing.assert_allclose(validation.get_ydata(), [25, 12.5, 6.25])
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["training", "validation"]


def test_loss_curve_takes_the_unit_of_the_loss_and_shows_the_error_where_it_is_known() -> None:
    table = history(3)
    table["val/median_absolute_error"] = table["val/loss"] / 100
    loss, error = plots.loss_curve(table, "J", loss_unit="J").axes
    assert loss.get_ylabel() == "loss (J)"
    assert error.get_ylabel() == "median absolute\nerror (J)"
    np.testing.assert_allclose(error.lines[0].get_ydata(), [0.25, 0.125, 0.0625])


@pytest.mark.parametrize("losses", [[1.0], [0.0, 0.0], [np.nan, np.inf], [1e-3, 0.0, np.nan, 2.0]])
def test_loss_curve_draws_what_a_logarithm_can_show(losses: list[float], tmp_path) -> None:
    table = pandas.DataFrame({"epoch": range(len(losses)), "train/loss": losses})
    figure = plots.loss_curve(table, "")
    plots.save(figure, tmp_path / "loss.png")
    assert figure.axes[0].get_ylabel() == "loss"
    drawn = [y for line in figure.axes[0].lines for y in line.get_ydata()]
    assert drawn == [y for y in losses if np.isfinite(y) and y > 0]


def test_parity_shows_true_across_predicted_up_and_the_errors_in_words() -> None:
    target = np.array([-128.0, 0.0, 4.0, 128.0])
    prediction = target + np.array([1.0, -2.0, 3.0, 6.0])
    (axes,) = plots.parity(prediction, target, "J", "energy").axes
    np.testing.assert_allclose(axes.collections[0].get_offsets(), np.c_[target, prediction])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true energy (J)", "predicted energy (J)")
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_title(loc="left").split("\n") == [
        "median absolute error  2.5 J",
        "mean absolute error  3 J",
    ]


@pytest.mark.parametrize("sites", [4, np.array([4, 4, 4])])
def test_values_and_units_are_per_site(sites: int | np.ndarray) -> None:
    target, prediction = np.array([[4.0], [8.0], [12.0]]), np.array([[8.0], [8.0], [20.0]])
    (axes,) = plots.parity(prediction, target, "eV", "energy", sites, "atom").axes
    np.testing.assert_allclose(axes.collections[0].get_offsets(), [[1, 2], [2, 2], [3, 5]])
    assert axes.get_xlabel() == "true energy (eV per atom)"
    assert "mean absolute error  1 eV per atom" in axes.get_title(loc="left")


def test_error_is_predicted_minus_true_and_the_histogram_counts_every_example() -> None:
    target = np.arange(100.0)
    difference = np.sin(target)
    axes, side = plots.error(target + difference, target, "J", "energy").axes
    np.testing.assert_allclose(axes.collections[0].get_offsets(), np.c_[target, difference])
    assert axes.get_xlabel() == "true energy (J)"
    assert axes.get_ylabel() == "error: predicted − true (J)"
    median = plots.number(np.median(np.abs(difference)))
    assert f"median absolute error  {median} J" in axes.get_title(loc="left")
    corners = side.patches[0].get_path().vertices  # the outline of the histogram: (count, error)
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
def test_degenerate_data_draws_without_warnings(draw, prediction, target, tmp_path) -> None:
    figure = draw(np.array(prediction), np.array(target), "J", "energy")
    plots.save(figure, tmp_path / "picture.png")
    for axes in figure.axes:
        assert axes.get_xlim()[0] < axes.get_xlim()[1]
        assert axes.get_ylim()[0] < axes.get_ylim()[1]
    assert nothing_is_cut_off(figure)


@pytest.mark.parametrize("draw", [plots.parity, plots.error])
def test_bad_arrays_are_refused(draw) -> None:
    with pytest.raises(InputError, match=r"\(3, 1\) but target \(3,\)"):
        draw(np.zeros((3, 1)), np.zeros(3), "J", "energy")
    with pytest.raises(InputError, match="1 of 2 values"):
        draw(np.array([np.nan, 1.0]), np.zeros(2), "J", "energy")
    with pytest.raises(InputError, match="at least one"):
        draw(np.zeros(0), np.zeros(0), "J", "energy")


def test_the_picture_is_saved_whole_and_alone_and_the_style_stays_inside(tmp_path) -> None:
    before = dict(matplotlib.rcParams)
    path = tmp_path / "new" / "parity.png"
    plots.save(plots.parity(np.arange(9.0), np.arange(9.0), "J", "energy"), path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert content.endswith(PNG_END)
    assert list(path.parent.iterdir()) == [path]
    assert dict(matplotlib.rcParams) == before


def test_a_failed_save_leaves_the_old_picture(tmp_path) -> None:
    path = tmp_path / "parity.png"
    path.write_bytes(b"old")
    figure = Figure()
    figure.text(0.5, 0.5, r"$\frac$")  # cannot be drawn
    with pytest.raises(ValueError, match="frac"):
        plots.save(figure, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.00148, "0.00148"), (20.31, "20.3"), (1.234e-6, "1.23 × $10^{-6}$")],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert plots.number(value) == text
