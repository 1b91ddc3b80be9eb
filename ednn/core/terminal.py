"""Progress and text: how they fit a terminal, and a file of a log."""

import re
import shutil
import sys
import textwrap
import warnings
from typing import Any, TextIO

from tqdm import tqdm
from tqdm.utils import ObjectWrapper

SELDOM = 10.0  # seconds between two lines of a log
WIDEST = 10**6  # columns of a file
WITHOUT_RATE = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
COMMAND = re.compile(r"\s*(\$ |ednn |python |eval |autoload |eval )")  # is copied, as one line


class Progress(tqdm):
    """A bar in one line of a terminal; in a log, a line of its own every ten seconds.

    A terminal writes over the bar's last state, behind a carriage return; a log would keep them all
    in one line.

    Args:
        *args: of `tqdm.tqdm`.
        **options: of `tqdm.tqdm`.

    Example:
        >>> import io
        >>> log = io.StringIO()
        >>> for _ in Progress(range(3), desc="Reading", file=log):
        ...     pass
        >>> [line.partition("|")[0] for line in log.getvalue().splitlines()]
        ['Reading:   0%', 'Reading: 100%']
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        file = options.pop("file", None) or sys.stderr
        own: dict[str, Any] = {"file": file, "mininterval": 0.5, "dynamic_ncols": True}
        if not file.isatty():
            own = {"file": _Lines(file), "mininterval": SELDOM}
        super().__init__(*args, **{**own, **options})

    @staticmethod
    def format_meter(**options: Any) -> str:  # type: ignore[override]
        """Return the bar with what the line has room for: no rate, then fewer values behind it."""
        while True:
            meter = tqdm.format_meter(**options)
            if not options["postfix"] or meter.endswith("]"):
                return meter
            if options["total"] and options["bar_format"] is None:
                options["bar_format"] = WITHOUT_RATE
            else:
                options["postfix"] = options["postfix"].rpartition(", ")[0]


def plain_warnings() -> None:
    """Print each warning as a sentence, without the line of code that raised it.

    Example:
        >>> plain_warnings()
        >>> warnings.formatwarning("too warm", UserWarning, "oven.py", 7).strip()
        'warning: too warm'
    """
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"


class _Lines(ObjectWrapper):
    """A file in which every state of a bar has a line."""

    def write(self, text: str) -> None:
        if line := text.strip():
            self._wrapped.write(f"{line}\n")


def columns(stream: TextIO) -> int:
    """Return how many columns a line has: those of a terminal; of a file, more than are needed.

    Example:
        >>> import io
        >>> columns(io.StringIO())
        1000000
    """
    return shutil.get_terminal_size().columns if stream.isatty() else WIDEST


def fold(text: str, room: int) -> str:
    r"""Break lines that are too long between words, below where a line's second column begins.

    That column follows two spaces or is a comment, which goes on as one. Commands stay as they are.

    Args:
        text: one line or several.
        room: columns of a line.

    Example:
        >>> print(fold("  train  learn on small systems\n  seed: 0 # of data and weights", 24))
          train  learn on small
                 systems
          seed: 0 # of data and
                  # weights
    """
    return "\n".join(_fold(line, room) for line in text.split("\n"))


def _fold(line: str, room: int) -> str:
    if len(line) <= room or COMMAND.match(line):
        return line
    found = re.match(r"( *\S.*?  +|.*? (?=# ))", line)
    column = found.end() if found else len(line) - len(line.lstrip())
    mark = "# " if line[column:].startswith("# ") else ""
    if column > room // 2:  # too little would be left
        column = len(line) - len(line.lstrip()) + 4
    hanging = " " * column + mark
    return textwrap.fill(
        line, room, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )


def say(text: str) -> None:
    """Print text as it fits the terminal, at once.

    Example:
        >>> say("Data: outputs/data.h5")
        Data: outputs/data.h5
    """
    print(fold(text, columns(sys.stdout)), flush=True)
