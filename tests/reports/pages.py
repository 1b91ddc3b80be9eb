"""A report as a browser reads it."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ednn.commands.main import main

VOID = {"br", "img", "meta"}
LINKS = {"src", "href", "srcset", "action", "data", "poster"}


class Page(HTMLParser):
    """The parts of a page, which has to be well-formed.

    Attributes:
        addresses: all that its elements refer to.
        images: their alternative texts.
        tables: by class, the text of their cells, row by row.
        numbers: of the `data` elements, row by row as `tables`.
        codes: what stands in `pre`.
        text: all of it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.images: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.numbers: dict[str, list[list[float]]] = {}
        self.codes: list[str] = []
        self.parts: list[str] = []
        self.style, self.table = "", ""
        self.feed(path.read_text())
        self.close()
        assert not self.open
        self.text = " ".join(" ".join(self.parts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.addresses += [value for name, value in found.items() if name in LINKS]
        if tag == "img":
            self.images.append(found.get("alt", ""))
        if tag == "table":
            self.table = found.get("class", "")
        if tag == "tr":
            self.tables.setdefault(self.table, []).append([])
            self.numbers.setdefault(self.table, []).append([])
        if tag in ("th", "td"):
            self.tables[self.table][-1].append("")
        if tag == "data" and {"td", "th"} & {*self.open}:
            self.numbers[self.table][-1].append(float(found["value"]))
        if tag == "pre":
            self.codes.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            self.style += data
            return
        self.parts.append(data)
        if {"td", "th"} & {*self.open}:
            self.tables[self.table][-1][-1] += data
        if "pre" in self.open:
            self.codes[-1] += data

    def rows(self, table: str) -> Iterator[tuple[str, list[float]]]:
        """Yield the head and the numbers of every row below the heads of a table's columns."""
        for cells, numbers in zip(self.tables[table], self.numbers[table], strict=True):
            if numbers:
                yield cells[0], numbers


def read(path: Path) -> Page:
    """Read a page that refers to nothing outside of it, and whose images have texts."""
    page = Page(path)
    assert "url(" not in page.style
    assert "@import" not in page.style
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in page.addresses)
    assert all(page.images)
    assert "<script" not in path.read_text()
    return page


def reported(monkeypatch: pytest.MonkeyPatch, *folders: Path, name: str = "report.html") -> Page:
    """Run `ednn report` on folders and read the page that it wrote into the first."""
    monkeypatch.setattr("sys.argv", ["ednn", "report", *map(str, folders)])
    main()
    return read(folders[0] / name)
