"""The blocks of code of every page, as a reader finds them."""

import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ednn.commands.main import COMMANDS, WORKS
from tests.conftest import REPOSITORY

PAGES = sorted(
    path.relative_to(REPOSITORY)
    for pattern in ("*.md", "docs/**/*.md", "*/README.md", "ednn/core/pretrained/*.md")
    for path in REPOSITORY.glob(pattern)
)
BLOCK = re.compile(
    r"(?P<before>(?:.+\n)*)\n?"  # the paragraph before it may name the file that it stands in
    r"(?P<indent> *)```(?P<kind>\S+)[^\n]*\n(?P<code>(?:.*\n)*?)(?P=indent)```"
)
FILE = re.compile(r"`((?:ednn|conf|tests)/[\w/]+\.(?:py|yaml))`")
BY_PATH = COMMANDS.keys() - {work.__name__ for work in WORKS}  # without settings
COMMAND = re.compile(r"(?:python |torchrun .*?)(\w+)\.py |ednn (\w+) ")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        kind: what it is in, `sh`, `python`, …
        code: without indentation.
        file: the file that the page has it written to; empty for none.
    """

    kind: str
    code: str
    file: str = ""

    @cached_property
    def lines(self) -> list[str]:
        """Return the commands of a shell, without comments, each in one line."""
        joined = self.code.replace("\\\n", " ")
        return [
            line.strip()
            for line in re.sub(r"(^| +)#.*", "", joined, flags=re.M).split("\n")
            if line.strip()
        ]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, those that the building of the site runs left out."""
    found = []
    for hit in BLOCK.finditer((REPOSITORY / page).read_text()):
        code = re.sub(rf"^{hit['indent']}", "", hit["code"], flags=re.MULTILINE)
        named = re.findall(r"`((?:ednn|conf|tests)/[\w/]+\.(?:py|yaml))`", hit["before"])
        found.append(
            Block(
                hit["kind"], code, named[0] if named and hit["kind"] in ("python", "yaml") else ""
            )
        )
    return [block for block in found if block.kind != "{code-cell}"]


def command(line: str) -> tuple[str, list[str]] | None:
    """Return which command by settings a line types, and its words; None for any other."""
    hit = COMMAND.search(line)
    if hit is None or (hit.start() > 0 and "=" not in line[: hit.start()]) or hit[2] in BY_PATH:
        return None
    return hit[1] or hit[2], shlex.split(line[hit.end() :])
