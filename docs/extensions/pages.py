"""What pages don't say by hand: `<!-- KIND: NAME -->` becomes the text that KIND makes of NAME.

`contents` is the table of contents of a page's own list of links, `command` and `group` come from
configs, `modules` from docstrings. On pages read elsewhere the comments can't be seen.
"""

import re
from pathlib import Path
from typing import Any

from configs import command, group
from docstrings import docstring, modules

from ednn.runs.configs import CONF

KINDS = {"command": command, "group": group, "modules": modules}


def contents(page: str) -> str:
    """Return the hidden table of contents of the links that begin a page's list items."""
    linked = re.findall(r"^- \[[^\]]*\]\(([^)#]+)\.md\)", page, flags=re.MULTILINE)
    return "\n".join(["```{toctree}", ":hidden:", "", *linked, "```"])


def fill(app: Any, docname: str, source: list[str]) -> None:
    """Replace the comments of a page; it is read anew when a config changes."""
    page = source[0]
    if re.search(r"^<!-- (command|group): ", page, flags=re.MULTILINE):
        for path in CONF.rglob("*.yaml"):
            app.env.note_dependency(str(path))
    page = re.sub(r"^<!-- contents -->$", lambda _: contents(page), page, flags=re.MULTILINE)
    source[0] = re.sub(
        r"^<!-- (command|group|modules): (\S+) -->$",
        lambda hit: KINDS[hit[1]](hit[2]),
        page,
        flags=re.MULTILINE,
    )


def front(app: Any, failure: Exception | None) -> None:
    """Let the address of the site alone lead to its start page."""
    if failure is None:
        refresh = f'<meta http-equiv="refresh" content="0; url={app.config.root_doc}.html">'
        Path(app.outdir, "index.html").write_text(f"<!DOCTYPE html><title>ednn</title>{refresh}\n")


def setup(app: Any) -> None:
    """Connect to the reading of pages and docstrings."""
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", docstring, priority=900)  # after napoleon
    app.connect("build-finished", front)
