"""Paths, names and other text of a command line mean what was typed, whatever it looks like.

Hydra reads values in a grammar, in which `=`, `,`, brackets and numbers have a meaning. A value
that is text gets the quotes here which that grammar wants for it.
"""

import os
import re
from collections.abc import Iterator, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from ednn.core.errors import InputError

# null is none of these
OPTIONAL = {"ckpt_path", "data.energy", "data.forces", "data.path", "data.unit", "learn.test"}
LISTED = {"ckpt_path", "data.also", "data.y"}  # take a list of names, too
TEXT = OPTIONAL | LISTED
TEXT |= {"data.cache", "data.site", "data.x", "input", "input_key", "name", "output", "run"}
OVERRIDES = {"train"}  # a list of words of another command line
NEXT = re.compile(r", *(?=[~+\w./@]+=)")  # before the next of them


def in_grammar(words: Sequence[str], sweep: bool) -> list[str]:
    """Return overrides as Hydra's grammar wants them, so that text means what was typed.

    A path that exists is that path. What else keeps the grammar's meaning: quotes, `${…}`, null
    and lists where the key takes them, and in a sweep several values.

    Args:
        words: `KEY=VALUE` each.
        sweep: whether a comma separates the values of several jobs.

    Raises:
        InputError: a word is no text in this system's encoding.

    Example:
        >>> in_grammar(["ckpt_path=x/tile.c=1,tile.f=2/best.ckpt", "run=1e5"], sweep=False)
        ["ckpt_path='x/tile.c=1,tile.f=2/best.ckpt'", "run='1e5'"]
        >>> in_grammar(["data.path=a=1.h5,b.h5", "tile.c=1,2"], sweep=True)
        ["data.path='a=1.h5',b.h5", 'tile.c=1,2']
        >>> in_grammar(["+trainer.max_time=00:01:00:00"], sweep=False)
        ['++trainer.max_time=00:01:00:00']
        >>> in_grammar(["train=[seed=1,tile.f=[2,4]]"], sweep=False)
        ["train=['seed=1','tile.f=[2,4]']"]
    """
    return [_in_grammar(word, sweep) for word in words]


def parsed(word: str) -> Override | None:
    """Read an override in Hydra's grammar; None if it is not in that grammar.

    Example:
        >>> parsed("tile.f=[2,4]").value(), parsed("tile.f=[2,4")
        ([2, 4], None)
    """
    try:
        return OverridesParser.create().parse_overrides([word])[0]
    except HydraException:
        return None


def quoted(text: str) -> str:
    r"""Return text in the quotes of Hydra's grammar.

    Example:
        >>> quoted("c=1")
        "'c=1'"
    """
    return QuotedString(text, Quote.single).with_quotes()


def _in_grammar(word: str, sweep: bool) -> str:
    try:
        word.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{os.fsencode(word)!r} is not UTF-8; rename that file, or give a link to it."
        ) from None
    if word.startswith("+trainer."):
        word = f"+{word}"  # all that Lightning's Trainer takes is in the config: adding is setting
    key, equals, value = word.partition("=")
    name = key.lstrip("+")
    if not equals or key.startswith("~"):
        return word
    if name in TEXT:
        return f"{key}={_text(name, value, sweep)}"
    if name in OVERRIDES and parsed(word) is None and value[:1] + value[-1:] == "[]":
        return f"{key}=[{','.join(map(quoted, NEXT.split(value[1:-1])))}]"
    is_path = os.path.lexists(value) or ("/" in value and value[0] not in "[{'\"")
    return f"{key}={quoted(value)}" if is_path and parsed(word) is None else word


def _text(name: str, value: str, sweep: bool) -> str:
    """Return a value of a key that takes text as the grammar wants it."""
    found, text = parsed(f"{name}={value}"), value
    if os.path.lexists(value):
        text = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)  # nothing is looked up in it
    elif found is not None and _means_more(found, name, value, sweep):
        return value
    elif sweep and len(pieces := list(_pieces(value))) > 1:
        return ",".join(_text(name, piece, sweep=False) for piece in pieces)
    # numbers, null and spaces at the ends are text in quotes alone
    plain = found is not None and not found.is_sweep_override() and found.value() == text
    return text if plain else quoted(text)


def _means_more(found: Override, name: str, value: str, sweep: bool) -> bool:
    """Tell whether the grammar's meaning of a value is wanted, although the key takes text."""
    if sweep and found.is_sweep_override():
        return bool(re.search(r"['\"\[({]", value))  # not only text between commas
    if isinstance(found._value, QuotedString):
        return True
    return (name in OPTIONAL and found.value() is None) or (
        name in LISTED and isinstance(found.value(), list)
    )


def _pieces(value: str) -> Iterator[str]:
    """Split at the commas of a sweep, which are not those within a path that exists."""
    parts = value.split(",")
    while parts:
        ends = range(len(parts), 0, -1)
        n = next((n for n in ends if os.path.lexists(",".join(parts[:n]))), 1)
        yield ",".join(parts[:n])
        parts = parts[n:]
