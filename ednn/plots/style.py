"""What all pictures share: colours, fonts, axis limits and ticks, and how they are written."""

from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib
import matplotlib.image
import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from ednn.core.files import atomic

# Okabe and Ito, "Color universal design" (2008): distinguishable with any kind of colour vision.
COLOUR = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
}

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": True,
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.labelpad": 6,
    "axes.labelsize": 16,
    "axes.linewidth": 1.0,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlepad": 12,
    "axes.titlesize": 15,
    "axes.prop_cycle": cycler(
        color=[COLOUR[name] for name in ("blue", "vermilion", "green", "orange", "purple", "sky")]
    ),
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.figsize": (7.0, 5.25),
    "font.size": 14,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "legend.fontsize": 15,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "savefig.dpi": 200,
}

LONGEST = 44  # letters of a label that an axis of 4.5 inches has room for

styled = matplotlib.rc_context(STYLE)  # a decorator: the style applies during the call alone


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure to `path` as PNG; on failure the file is left as it was.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     save(Figure(figsize=(3, 2)), Path(folder, "empty.png"))
        ...     read(Path(folder, "empty.png")).shape  # 200 dots per inch
        (400, 600, 3)
    """
    with matplotlib.rc_context(STYLE), atomic(path) as temporary:
        figure.savefig(temporary, format="png")


def png(figure: Figure) -> bytes:
    r"""Return a figure as the bytes of a PNG file.

    Example:
        >>> png(Figure(figsize=(1, 1)))[:4]
        b'\x89PNG'
    """
    with matplotlib.rc_context(STYLE), BytesIO() as file:
        figure.savefig(file, format="png")
        return file.getvalue()


def read(path: Path) -> np.ndarray:
    """Read a picture back as (height, width, RGB), with values between 0 and 1.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     save(Figure(), Path(folder, "empty.png"))
        ...     float(read(Path(folder, "empty.png")).min())  # white
        1.0
    """
    return matplotlib.image.imread(path)[..., :3]


def label(quantity: str, unit: str, longest: int = LONGEST) -> str:
    r"""Return "quantity (unit)", or the quantity alone if it has no unit, in lines of an axis.

    Args:
        quantity: in one line or several.
        unit: empty for none.
        longest: letters of a line.

    Example:
        >>> label("energy", "eV"), label("magnetisation", "")
        ('energy (eV)', 'magnetisation')
        >>> label("true GFN1 energy minus reference energies", "meV per atom")
        'true GFN1 energy minus reference energies\n(meV per atom)'
    """
    whole = f"{quantity} ({unit})" if unit else quantity
    *_, last = quantity.split("\n")
    if unit and len(f"{last} ({unit})") > longest >= len(last):
        return f"{quantity}\n({unit})"
    return "\n".join(fill(line, longest) for line in whole.split("\n"))


def number(value: float) -> str:
    """Return three significant digits, with a power of ten where the plain number would be long.

    Example:
        >>> number(0.12345), number(1.5e-7)
        ('0.123', '1.5 × $10^{-7}$')
    """
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa} × $10^{{{int(exponent)}}}$" if exponent else mantissa


def ticks(count: int, integer: bool = False) -> MaxNLocator:
    """Return a locator of at most `count` intervals between round numbers.

    Args:
        count: largest number of intervals.
        integer: allows whole numbers only.

    Example:
        >>> ticks(5).tick_values(0, 10).tolist()
        [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    return MaxNLocator(nbins=count, steps=[1, 2, 5, 10], integer=integer, min_n_ticks=1)


def log_ticks(axis: Axis) -> None:
    """Give a logarithmic axis, whose limits are set, plain numbers also below a decade.

    Example:
        >>> axes = Figure().subplots()
        >>> _ = axes.set(yscale="log", ylim=(0.1, 100))
        >>> log_ticks(axes.yaxis)
        >>> [axes.yaxis.get_major_formatter()(value) for value in (0.1, 20)]
        ['0.1', '20']
    """
    low, high = axis.get_view_interval()
    axis.set_major_locator(ticks(5) if high < 4 * low else LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_locator(NullLocator())


def limits(*values: np.ndarray) -> tuple[float, float]:
    """Return axis limits around all values, of finite width even if all values are equal.

    Example:
        >>> low, high = limits(np.array([0.0, 1.0]), np.array([2.0]))
        >>> round(low, 3), round(high, 3)
        (-0.1, 2.1)
    """
    low = min(float(v.min()) for v in values)
    high = max(float(v.max()) for v in values)
    size = max(abs(low), abs(high)) or 1.0
    width = high - low
    pad = 0.05 * (width if width > 1e-9 * size else size)
    return low - pad, high + pad
