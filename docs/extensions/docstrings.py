"""Reference pages of packages, from docstrings."""

import re
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

CODE = r"((?:^ *>>> .*\n(?:.+\n?)*)|^::\n(?:.*\n?)*|``.*?``)"


def modules(name: str) -> str:
    """Return the documentation of every module of a package, or of one module."""
    package = import_module(name)
    inside = walk_packages(getattr(package, "__path__", []), f"{name}.")
    found = [entry.name for entry in inside if not entry.ispkg] or [name]
    parts = [f"```{{eval-rst}}\n.. automodule:: {name}\n   :no-members:\n```"]
    for module in found:
        parts += [f"## {module}", f"```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```"]
    return "\n\n".join(parts if found != [name] else parts[-1:])


def docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape stars of shapes, (N, *L), and set examples that are no doctests as they stand."""
    text = re.sub(r"(\.\. rubric:: Example\n\n)(?!>>>)((?:.*\n?)+)", _literal, "\n".join(lines))
    parts = re.split(
        r"((?:^ *>>> .*\n(?:.+\n?)*)|^::\n(?:.*\n?)*|``.*?``)", text, flags=re.MULTILINE
    )
    parts[::2] = [re.sub(r"(?<!\\)([*|])", r"\\\1", part) for part in parts[::2]]
    lines[:] = "".join(parts).split("\n")


def _literal(example: re.Match[str]) -> str:
    return f"{example[1]}::\n\n" + "\n".join(f"    {line}" for line in example[2].split("\n"))
