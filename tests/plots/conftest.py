"""What the tests of several pictures ask."""

from matplotlib.figure import Figure


def nothing_is_cut_off(figure: Figure) -> bool:
    """Whether no label of a drawn figure reaches over its edge."""
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
