from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from ednn import plots
from ednn.core.errors import InputError
from ednn.core.render import render
from ednn.core.tiling import Tiling
from ednn.core.view import TiledView
from ednn.physics.sheets import sheet
from tests.plots.conftest import nothing_is_cut_off


def test_marked_tiles_stand_on_their_pixels_and_contexts_reach_over_the_edge(
    tmp_path: Path,
) -> None:
    structure = sheet(5)
    numbers, positions, cell = (
        torch.from_numpy(array)[None]
        for array in (structure.numbers, structure.positions, structure.sides)
    )
    values = render(numbers[..., None], positions, cell, (64, 32))[0, 0]
    view = TiledView("V", values, Tiling(2, (16, 8), (8, 2)), cell=tuple(structure.sides.tolist()))
    figure = plots.tiles(view, [(0, 3)])
    field = values.numpy()
    plots.save(figure, tmp_path / "tiles.png")
    axes, bar = figure.axes
    frames = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    focus, context = (frame.get_bbox().get_points() for frame in frames)
    pixel = structure.sides / [64, 32]

    np.testing.assert_allclose(focus / pixel, np.array([[0, 24], [16, 32]]) - 0.5)
    np.testing.assert_allclose(context / pixel, np.array([[-8, 22], [24, 34]]) - 0.5)
    assert [patch.get_linestyle() for patch in axes.patches] == ["-", "--"]
    # The border shows what the padding lends, the inside the field, x across and y up.
    border, inside = axes.images
    np.testing.assert_array_equal(inside.get_array(), field.T)
    np.testing.assert_array_equal(border.get_array(), np.pad(field, ((8, 8), (2, 2)), "wrap").T)
    np.testing.assert_allclose(inside.get_extent()[::2] / pixel, -0.5)
    assert axes.get_xlim()[0] <= context[0, 0]
    assert axes.get_ylim()[1] >= context[1, 1]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x (Å)", "y (Å)")
    assert bar.get_ylabel() == "V"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "focus f = 16 × 8 pixels (3.12 × 3.25 Å)",
        "context c = 8 × 2 pixels (1.56 × 0.812 Å)",
    ]
    assert nothing_is_cut_off(figure)


@pytest.mark.parametrize("padded", [False, True])
def test_of_a_volume_the_plane_halfway_up_is_drawn(padded: bool) -> None:
    tiling, values = Tiling(3, 4, (2, 2, 1)), torch.rand(16, 8, 12)
    around = tiling.pad(values) if padded else None
    view = TiledView("V", values, tiling, cell=(4.0, 2.0, 3.0), padded=around)
    figure = plots.tiles(view, [(3, 1)])
    axes = figure.axes[0]
    assert axes.get_title() == "Plane at z = 1.5 Å"
    assert nothing_is_cut_off(figure)
    border, inside = axes.images
    plane = values[:, :, 6].double().numpy()
    np.testing.assert_array_equal(inside.get_array(), plane.T)
    np.testing.assert_array_equal(border.get_array(), np.pad(plane, 2, "wrap").T)


def test_tiles_outside_the_grid_and_fields_that_do_not_fit_are_refused() -> None:
    field, cell = torch.zeros(8, 8), (1.0, 1.0)
    fitting = TiledView("V", field, Tiling(2, 4, 1), cell)
    for tile in [(2, 0), (0, -1)]:
        with pytest.raises(InputError, match=r"outside the grid of 2 × 2 .* to \(1, 1\)"):
            plots.tiles(fitting, [tile])
    with pytest.raises(InputError, match="multiple of the focus f=3"):
        plots.tiles(TiledView("V", field, Tiling(2, 3, 1), cell), [])
