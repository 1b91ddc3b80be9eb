"""What pages don't say by hand: `<!-- KIND: NAME -->` becomes the text that KIND makes of NAME.

`contents` is the table of contents of a page's own list of links, `command` and `group` come from
the configs and docstrings of a command and a config group, `modules` from those of a package.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import yaml
from hydra.utils import get_object

from ednn.commands.groups import PURPOSE, own_groups
from ednn.commands.main import COMMANDS
from ednn.runs.configs import CONF

RECIPES = ("experiment", "study")  # their keys are explained where they belong


def contents(page: str) -> str:
    """Return the hidden table of contents of the links that begin a page's list items."""
    linked = re.findall(r"^- \[[^\]]*\]\(([^)#]+)\.md\)", page, flags=re.MULTILINE)
    return "\n".join(["```{toctree}", ":hidden:", "", *linked, "```"])


def command(name: str) -> str:
    """Return what a command does, its examples, config groups and settings."""
    does, _, examples = str(getdoc(COMMANDS[name])).partition("\n\n")
    parts = [does, f"```sh\n{examples}\n```"]
    if groups := own_groups(name):
        rows = [
            (f"[`{group}`](configs.md#{group.replace('/', '')})", f"`{chosen}`", PURPOSE[group])
            for group, chosen in groups.items()
        ]
        parts.append(table(("group", "default", "chooses"), rows))
    return "\n\n".join([*parts, settings(CONF / f"{name}.yaml")])


def group(name: str) -> str:
    """Return every config of a group: its comment, its class, its values."""
    parts = []
    for path in sorted((CONF / name).glob("*.yaml")):
        text = path.read_text()
        parts.append(f"### {name}={path.stem}")
        if name in RECIPES:
            parts.append(f"```yaml\n{text}```")
            continue
        title = re.match(r"(?:#(?! @package).*\n)*", text)
        parts.append(" ".join(re.findall(r"^# (.*)", title[0] if title else "", flags=re.M)))
        parts.append(settings(path))
    return "\n\n".join([f"{PURPOSE.get(name, '')}", *parts])


def settings(path: Path) -> str:
    """Return the table of a config's values, with what is said of each there or in its class."""
    text = path.read_text()
    node = yaml.compose(text)
    loaded = yaml.safe_load(text) or {}
    base = [entry for entry in loaded.get("defaults", []) if isinstance(entry, str)]
    base = [f"`{entry}`" for entry in base if entry != "_self_"]
    about = f"What {' and '.join(base)} has, and:\n\n" if base else ""
    rows = list(_rows(node, text)) if node is not None else []
    return about + table(("value", "default", "meaning"), rows)


def _rows(node: yaml.MappingNode, text: str, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield key, value and comment of every value below a node."""
    said = _arguments(next((v.value for k, v in node.value if k.value == "_target_"), ""))
    for key, value in node.value:
        if not prefix and key.value in ("defaults", "hydra"):
            continue
        name = f"`{prefix}{key.value}`"
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            if comment := _comment(text, key.end_mark.index + 1):
                yield name, "", comment
            yield from _rows(value, text, f"{prefix}{key.value}.")
            continue
        end = value.end_mark.index
        default = text[value.start_mark.index : end].strip()
        default = "required" if default == "???" else f"`{default or 'null'}`"
        yield name, default, _comment(text, end) or said.get(key.value, "")


def _comment(text: str, end: int) -> str:
    """Return the comment behind a value, or that on the lines above it."""
    line_start = text.rfind("\n", 0, end) + 1
    behind = re.match(r"[^\n#]*# (.*)", text[end:])
    if behind:
        return behind[1]
    above = re.search(r"((?:^ *# .*\n)+)\Z", text[:line_start], flags=re.MULTILINE)
    if not above or above.start() == 0:  # at the head of a file it is of the whole
        return ""
    return " ".join(line.strip(" #") for line in above[1].splitlines())


def _arguments(target: str) -> dict[str, str]:
    """Return what a class and those that it inherits from say of their arguments."""
    found: dict[str, str] = {}
    if not target.startswith("ednn."):
        return found
    made = get_object(target)
    for home in getattr(made, "__mro__", [made]):
        listed = re.search(r"^Args:\n((?: .*\n?)+)", getdoc(home) or "", flags=re.MULTILINE)
        for names, meaning in re.findall(
            r"^ {4}(\w[\w, ]*): ((?:.*\n?(?: {5,}.*\n?)*))", listed[1] if listed else "", flags=re.M
        ):
            for name in names.split(", "):
                found.setdefault(name, " ".join(meaning.split()))
    return found


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    escaped = (" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines)
    return "\n".join(f"| {line} |" for line in escaped) if rows else ""


def modules(name: str) -> str:
    """Return the documentation of every module of a package, or of one module."""
    package = import_module(name)
    inside = walk_packages(getattr(package, "__path__", []), f"{name}.")
    found = [entry.name for entry in inside if not entry.ispkg] or [name]
    parts = [f"```{{eval-rst}}\n.. automodule:: {name}\n   :no-members:\n```"]
    for module in found:
        parts += [f"## {module}", f"```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```"]
    return "\n\n".join(parts if found != [name] else parts[-1:])


KINDS = {"command": command, "group": group, "modules": modules}


def fill(app: Any, docname: str, source: list[str]) -> None:
    """Replace the comments of a page; it is read anew when a config changes."""
    page = source[0]
    if re.search(r"<!-- (command|group): ", page):
        for path in CONF.rglob("*.yaml"):
            app.env.note_dependency(str(path))
    page = page.replace("<!-- contents -->", contents(page))
    source[0] = re.sub(
        rf"<!-- ({'|'.join(KINDS)}): (\S+) -->", lambda hit: KINDS[hit[1]](hit[2]), page
    )


def docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape stars of shapes, (N, *L), and set examples that are no doctests as they stand."""
    text = re.sub(r"(\.\. rubric:: Example\n\n)(?!>>>)((?:.*\n?)+)", _literal, "\n".join(lines))
    parts = re.split(r"((?:^ *>>> .*\n(?:.+\n?)*)|^::\n(?:.*\n?)*|``.*?``)", text, flags=re.MULTILINE)
    parts[::2] = [re.sub(r"(?<!\\)([*|])", r"\\\1", part) for part in parts[::2]]
    lines[:] = "".join(parts).split("\n")


def _literal(example: re.Match[str]) -> str:
    return f"{example[1]}::\n\n" + "\n".join(f"    {line}" for line in example[2].split("\n"))


def setup(app: Any) -> None:
    """Connect to the reading of pages and docstrings."""
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", docstring, priority=900)  # after napoleon
