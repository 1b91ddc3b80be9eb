"""Labels are words, and fit their picture."""

import re
from collections.abc import Callable

import numpy as np
import pandas
import pytest
import torch
from matplotlib.figure import Figure

from ednn import plots
from ednn.core.info import in_words
from ednn.core.tiling import Tiling
from ednn.core.view import TiledView
from ednn.physics.sheets import crystal
from tests.plots.conftest import nothing_is_cut_off

QUANTITY = f"{in_words('gfn1_energy')} minus reference energies"
VALUES = np.random.default_rng(0).standard_normal(200)


def parity() -> Figure:
    return plots.parity(VALUES, VALUES + 0.1, "meV per atom", QUANTITY)


def error() -> Figure:
    return plots.error(VALUES, VALUES + 0.1, "meV per atom", QUANTITY)


def reliability() -> Figure:
    return plots.reliability(np.exp(VALUES), np.exp(VALUES[::-1]), "meV per atom")


def branches() -> Figure:
    views = [
        TiledView("real", torch.rand(16, 16), Tiling(2, 1, 1), weight=0.5),
        TiledView("coarse", torch.rand(4, 4), Tiling(2, 1, 1), weight=0.5, coarse=4),
        TiledView("reciprocal", torch.rand(16, 16), Tiling(2, 1, 0), space="reciprocal"),
    ]
    return plots.branches(views)


def loss() -> Figure:
    table = pandas.DataFrame({"epoch": [0, 1], "train/loss": [3.0, 2.0], "val/loss": [4.0, 3.0]})
    table["val/median_absolute_error"] = [0.5, 0.4]
    return plots.loss_curve(table, "meV per atom", "meV per atom squared")


def learning() -> Figure:
    table = pandas.DataFrame({"labels": [100, 120], "mean_error": [9.0, 6.0]})
    return plots.learning_curve(table, "meV per atom")


def contributions() -> Figure:
    names = {5: "B", 7: "N"}
    return plots.contributions(crystal((1, 1), True), np.eye(4), names, "hBN, relaxed", "eV")


def heat_map() -> Figure:
    settings = pandas.DataFrame({"tile.f": ["1", "10", "2"] * 2, "tile.c": ["0"] * 3 + ["1"] * 3})
    kind = "mean_absolute_error_per_site"
    errors = pandas.DataFrame({f"test/{kind}": [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]})
    figure = plots.heat_map(settings, errors, {kind: "meV per atom"})
    assert figure is not None
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["1", "2", "10"]  # as numbers are ordered
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), [[6, 3], [4, 1], [5, 2]])
    return figure


@pytest.mark.parametrize(
    "draw",
    [parity, error, reliability, branches, loss, learning, contributions, heat_map],
    ids=lambda draw: draw.__name__,
)
def test_labels_are_words_that_fit(draw: Callable[[], Figure]) -> None:
    figure = draw()
    figure.draw_without_rendering()
    assert nothing_is_cut_off(figure)
    assert figure.get_size_inches()[0] <= 4.2 * 3  # whose letters can be read on a page
    labels = [text for axes in figure.axes for text in (axes.xaxis.label, axes.yaxis.label)]
    words = [re.sub(r"\$.*?\$", "", text.get_text()) for text in labels]  # without formulas
    assert "_" not in "".join(words)
    for axes in figure.axes:
        along = axes.yaxis.label.get_window_extent().height
        assert along <= 1.15 * axes.bbox.height or not axes.get_ylabel()


def test_where_focus_and_context_do_not_vary_there_is_no_heat_map() -> None:
    settings = pandas.DataFrame({"tile.f": ["1", "2"]})
    errors = pandas.DataFrame({"test/mean_absolute_error_per_site": [2.0, 1.0]})
    assert plots.heat_map(settings, errors, {}) is None
