"""Reference pages of commands and config groups, from configs, their comments and docstrings."""

import re
from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path
from typing import Any

import yaml
from hydra.utils import get_object

from ednn.commands.groups import PURPOSE, own_groups
from ednn.commands.main import COMMANDS
from ednn.runs.configs import CONF

RECIPES = ("experiment", "study")  # shown as they are: their keys are explained in other groups
ARGUMENT = re.compile(
    r"^ {4}(\w[\w, ]*?)(?: ?\([^)]*\))?: ((?:.*\n?(?:\n* {5,}.*\n?)*))", re.MULTILINE
)


def command(name: str) -> str:
    """Return what a command does, its examples, config groups and settings."""
    does, _, examples = str(getdoc(COMMANDS[name])).partition("\n\n")
    parts = [does, f"```sh\n{examples}\n```"]
    config = CONF / f"{name}.yaml"
    if not config.is_file():  # takes no settings
        return "\n\n".join(parts)
    if groups := own_groups(name):
        rows = [
            (f"[`{group}`](configs.md#{group.replace('/', '')})", f"`{chosen}`", PURPOSE[group])
            for group, chosen in groups.items()
        ]
        parts.append(table(("group", "default", "chooses"), rows))
    return "\n\n".join([*parts, settings(config)])


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
    purpose = PURPOSE.get(name, "a network among several, of `model=multiscale`")
    return "\n\n".join([f"Chooses {purpose}.", *parts])


def settings(path: Path) -> str:
    """Return the table of a config's values, with what is said of each there or in its class."""
    text, said = path.read_text(), _meanings(path)
    rows = [
        (f"`{key}`", default, said[key])
        for key, default, _ in _rows(yaml.compose(text), text)
        if key.split(".")[0] != "hydra" or path.is_relative_to(CONF / "hydra")
    ]
    about = " and ".join(f"`{name}`" for name in _bases(path))
    head = f"What {about} has, and:\n\n" if about else ""
    return head + table(("value", "default", "meaning"), rows)


def _bases(path: Path) -> list[str]:
    """Return the configs that a config builds on."""
    defaults = (yaml.safe_load(path.read_text()) or {}).get("defaults", [])
    names = [name for name in defaults if isinstance(name, str) and name != "_self_"]
    return [name.partition("@")[0] for name in names]  # without where their values go


def _meanings(path: Path) -> dict[str, str]:
    """Return what is said of every value, in a config or, if not there, in those it builds on."""
    if not path.is_file():
        return {}  # of Hydra's
    found: dict[str, str] = {}
    for base in _bases(path):
        found |= _meanings(path.with_name(f"{base}.yaml"))
    text = path.read_text()
    for key, _, meaning in _rows(yaml.compose(text), text):
        found[key] = meaning or found.get(key, "")
    return found


def _rows(node: Any, text: str, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield key, default and comment of every value below a node."""
    if node is None:
        return
    target = next((v.value for k, v in node.value if k.value == "_target_"), "")
    said = _arguments(get_object(target)) if target else {}
    for key, value in node.value:
        if key.value in ("_partial_", "_recursive_") or (not prefix and key.value == "defaults"):
            continue
        name, end = f"{prefix}{key.value}", value.end_mark.index
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            if comment := _comment(text, key.end_mark.index + 1):
                yield name, "", comment
            yield from _rows(value, text, f"{name}.")
            continue
        default = text[value.start_mark.index : end].strip() or "null"
        default = "required" if default == "???" else f"`{default}`"
        yield name, default, _comment(text, end) or said.get(key.value, "")


def _comment(text: str, end: int) -> str:
    """Return the comment behind a value, or that on the lines above it."""
    if behind := re.match(r"[^\n#]*# (.*)", text[end:]):
        return behind[1]
    above = re.search(
        r"((?:^ *# .*\n)+)\Z", text[: text.rfind("\n", 0, end) + 1], flags=re.MULTILINE
    )
    if not above or above.start() == 0:  # at the head of a file it is of the whole
        return ""
    return " ".join(line.strip(" #") for line in above[1].splitlines())


def _arguments(made: Any) -> dict[str, str]:
    """Return what a class and its bases say of their arguments, and of itself by `_target_`."""
    found = {"_target_": _sentence(getdoc(made) or "")}
    for home in getattr(made, "__mro__", [made]):
        for said in filter(None, (getdoc(home), getdoc(home.__init__))):
            listed = re.search(r"^Args:\n((?:\n* .*\n?)+)", said, flags=re.MULTILINE)
            for names, meaning in ARGUMENT.findall(listed[1] if listed else ""):
                for name in names.split(", "):
                    found.setdefault(name, _sentence(meaning))
    return found


def _sentence(text: str) -> str:
    """Return the first sentence, without the markup of other projects."""
    text = re.sub(r" \(default: .*?\)", "", text)  # the config has its own
    first = re.split(r"\.(?:\s|$)|\n\n", text.strip())[0]
    return " ".join(re.sub(r":\w+:`~?([^`]*)`", r"`\1`", first).split()).replace("``", "`")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    escaped = (" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines)
    return "\n".join(f"| {line} |" for line in escaped) if rows else ""
