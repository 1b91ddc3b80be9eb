"""What a narrow terminal shows, and what a log keeps."""

import os
import pty
import re
import sys
import termios

import pytest

from ednn.core.terminal import fold
from tests.conftest import REPOSITORY

NARROW = 60  # columns


def in_terminal(*words: str, columns: int = NARROW) -> str:
    """Return what a command of Python's writes to a terminal, to the end of its output."""
    child, terminal = pty.fork()
    if child == 0:
        try:
            termios.tcsetwinsize(1, (24, columns))
            known = {"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
            os.execve(sys.executable, [sys.executable, *words], known)
        finally:
            os._exit(1)
    said = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the command has ended
            break
        said += part
    os.waitpid(child, 0)
    return said.decode()


def widest(said: str) -> str:
    """Return the longest line of what a terminal shows, commands to copy aside."""
    lines = re.sub(r"\x1b\[\w", "", said).replace("\r", "\n").split("\n")
    text = [line for line in lines if not re.match(r" *(python|ednn|eval|\$)\b", line)]
    return max(text, key=len)


@pytest.mark.parametrize("words", [(), ("train", "--help"), ("learn", "--help"), ("info", "-h")])
def test_help_fits(words: tuple[str, ...]) -> None:
    said = in_terminal("-m", "ednn", *words)
    assert len(said) > 100
    assert len(widest(said)) <= NARROW, widest(said)


@pytest.mark.parametrize("words", [("evalute",), ("train", "sead=4"), ("info", "none.h5")])
def test_errors_fit(words: tuple[str, ...]) -> None:
    said = in_terminal("-m", "ednn", *words)
    assert said.startswith("error: ")
    assert len(widest(said)) <= NARROW, widest(said)


def test_a_bar_fits_with_as_many_values_as_there_is_room_for() -> None:
    code = (
        "from ednn.core.terminal import Progress\n"
        "with Progress(desc='Training', total=20, unit='step', mininterval=0) as bar:\n"
        "    bar.set_postfix_str('epoch=3/500, loss=0.123, val. loss=0.456')\n"
        "    for _ in range(20): bar.update()\n"
    )
    wide, narrow = (in_terminal("-c", code, columns=columns) for columns in (120, 72))
    assert "epoch=3/500, loss=0.123, val. loss=0.456]" in wide
    last = narrow.rstrip().split("\r")[-1]
    assert last.endswith("<00:00, epoch=3/500, loss=0.123]")  # without the rate
    assert len(widest(narrow)) <= 72


def test_lines_that_fit_and_commands_stay_as_they_are() -> None:
    text = "short\n  ednn train experiment=ising trainer.max_epochs=10 run=mine"
    assert fold(text, 30) == text


def test_a_column_too_far_to_the_right_goes_on_at_the_left() -> None:
    line = "  a/rather/long/name  of the folder"
    assert fold(line, 27) == "  a/rather/long/name  of\n      the folder"
