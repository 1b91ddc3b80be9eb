"""Reference pages of commands and config groups, from configs, their comments and docstrings."""

import re
from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path

import yaml
from hydra.utils import get_object

from ednn.commands.groups import PURPOSE, own_groups
from ednn.commands.main import COMMANDS
from ednn.runs.configs import CONF

RECIPES = ("experiment", "study")  # shown as they are: their keys are explained in other groups


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
