from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from ednn import plots

PNG_END = b"IEND\xaeB`\x82"


def test_the_picture_is_saved_whole_and_alone_and_the_style_stays_inside(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    path = tmp_path / "new" / "parity.png"
    plots.save(plots.parity(np.arange(9.0), np.arange(9.0), "J", "energy"), path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert content.endswith(PNG_END)
    assert list(path.parent.iterdir()) == [path]
    assert dict(matplotlib.rcParams) == before


def test_a_failed_save_leaves_the_old_picture(tmp_path: Path) -> None:
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
