"""Errors against c, errors against f, and how far a change is felt."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ednn.plots.style import COLOUR, label, styled, ticks
from ednn.studies.base import Numbers
from ednn.studies.f_and_c.recommend import felt_from
from ednn.studies.f_and_c.trainings import error_of, errors_by
from ednn.studies.f_and_c.words import means_by, name_of_error

RING: dict[str, Any] = {"markersize": 18, "markerfacecolor": "none", "markeredgewidth": 2}
LINEAR_BELOW = 0.01  # of a response: there the axis is linear, down to zero


@styled
def draw(numbers: Numbers) -> Figure:
    """Draw a panel of errors for c, one for f if several were tried, and one of the responses.

    Args:
        numbers: what the study measured.

    Example:
        draw(study.measure())
    """
    several = len({row["f"] for row in numbers["table"]}) > 1
    figure = Figure(figsize=(14, 12 if several else 6.5))
    panels = figure.subplot_mosaic([["c", "f"], ["felt", "felt"]] if several else [["c", "felt"]])
    _draw_errors(panels["c"], numbers, "c", numbers["table"][0]["f"])
    _in_lengths(panels["c"], numbers)
    if several:
        _draw_errors(panels["f"], numbers, "f", numbers["c"])
        _add_times(panels["f"], numbers)
        panels["f"].sharey(panels["c"])
        panels["c"].autoscale(axis="y")
    _draw_responses(panels["felt"], numbers)
    return figure


def _draw_errors(axes: Axes, numbers: Numbers, by: str, other: int) -> None:
    """Draw errors by c at one f, or by f at one c, with a ring around the recommended one."""
    means = means_by(by, numbers, other)
    held = "f" if by == "c" else "c"
    same = [row for row in numbers["table"] if row[held] == other]
    axes.plot(list(means), list(means.values()), "-", color=COLOUR["blue"])
    for value, each in errors_by(by, same, numbers["constants"]).items():
        axes.plot([value] * len(each), each, "o", color=COLOUR["blue"])
    constant = error_of(numbers["constants"], numbers["constants"])
    axes.axhline(constant, color="black", linestyle=":", label="a constant per site")
    if (chosen := numbers[by]) in means:
        words = f"recommended: {by} = {chosen}"
        axes.plot(chosen, means[chosen], "o", color=COLOUR["vermilion"], label=words, **RING)
    error = label(name_of_error(numbers), numbers["unit"])
    names = {"c": f"context c ({numbers['site']}s)", "f": f"focus f ({numbers['site']}s)"}
    axes.set(
        yscale="log",
        xticks=list(means),
        xlabel=names[by],
        ylabel=error.replace(" on validation", "\non validation"),  # long, with its unit
        title=f"trainings with {held} = {other}",
    )
    axes.legend()


def _add_times(axes: Axes, numbers: Numbers) -> None:
    """Write below each focus what a training took."""
    seconds = {row["f"]: row["seconds"] for row in numbers["table"] if row["c"] == numbers["c"]}
    axes.set_xticks(list(seconds), [f"{f}\n{time:.0f} s" for f, time in seconds.items()])
    axes.set_xlabel(f"{axes.get_xlabel()}, and the time of a training")


def _in_lengths(axes: Axes, numbers: Numbers) -> None:
    """Add an axis in Å, or in the unit of the spacing, above that of the sites."""
    if (one := numbers["length"]) is None:
        return
    above = axes.secondary_xaxis("top", functions=(lambda x: x * one, lambda x: x / one))
    above.set_xlabel(label("context c", numbers["length_unit"] or "unit of the spacing"))
    axes.set_title("")


def _draw_responses(axes: Axes, numbers: Numbers) -> None:
    """Draw how far a change is felt in the widest network, and in the labels if they are known."""
    felt, atoms = numbers["responses"], numbers["length_unit"] == "Å"
    looks = {"network": ("o-", COLOUR["blue"]), "labels": ("s--", COLOUR["green"])}
    names = {"network": f"network with c = {numbers['widest']}", "labels": "labels, exactly"}
    for name in (name for name in looks if name in felt):
        look, colour = looks[name]
        distances = felt["distances"][: len(felt[name])]
        axes.plot(distances, felt[name], look, color=colour, label=names[name], clip_on=False)
    least = felt_from(felt["network"])
    axes.axhline(least, color="black", linestyle=":", label=f"{100 * least:.0f} %: felt")
    if numbers["c"]:
        reach = 2 * numbers["c"] * (numbers["length"] if atoms else 1)
        axes.axvline(reach, color=COLOUR["vermilion"], label=f"2c for c = {numbers['c']}")
    x = "distance of two atoms (Å)" if atoms else f"distance of two {numbers['site']}s"
    y = "change of an atom's force /\nthat of the moved atom's"
    axes.set_yscale("symlog", linthresh=LINEAR_BELOW)
    axes.set(
        xlim=(0, None),
        ylim=(0, None),
        xlabel=x,
        ylabel=y if atoms else "effect of one on the other's effect /\nthe other's effect",
        title=f"how far a change is felt (linear below {LINEAR_BELOW})",
    )
    if not atoms:
        axes.xaxis.set_major_locator(ticks(12, integer=True))
    axes.legend(frameon=True, framealpha=1, edgecolor="none")  # above the lines
