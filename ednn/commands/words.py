"""The words of a command line: flags, and settings that are typed as KEY=VALUE."""

from argparse import ArgumentParser, Namespace
from collections.abc import Container, Sequence
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from ednn.core.errors import InputError


def read_words(words: Sequence[str]) -> tuple[ArgumentParser, Namespace]:
    """Read the words behind a command as Hydra does, and return its parser, too.

    Raises:
        InputError: a flag is not known, or used as it cannot be.

    Example:
        >>> read_words(["data=ising", "-m", "tile.c=1,2"])[1].overrides
        ['data=ising', 'tile.c=1,2']
        >>> read_words(["--foo"])
        Traceback (most recent call last):
        ednn.core.errors.InputError: There is no flag --foo; --help lists those that there are, ...
    """
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    return parser, parser.parse_intermixed_args(words)


def require_settings(words: Sequence[str], groups: Container[str]) -> None:
    """Make sure that every word sets something, and that no config of a group replaces another.

    Args:
        words: without the flags.
        groups: names of the config groups.

    Raises:
        InputError: a word without `=`, or a group that is given twice.

    Example:
        >>> require_settings(["data=ising", "seed=1", "data=dft"], groups={"data"})
        Traceback (most recent call last):
        ednn.core.errors.InputError: data is given twice (data=ising, data=dft); give it once.
    """
    given: dict[str, str] = {}
    for word in words:
        key, equals, _ = word.partition("=")
        if not key or not (equals or key.startswith("~")):
            raise InputError(f"{word} sets nothing; type it as KEY=VALUE, such as data=ising.")
        if given.setdefault(key, word) != word and key in groups:
            raise InputError(f"{key} is given twice ({given[key]}, {word}); give it once.")


def _refuse(message: str) -> NoReturn:
    what, _, flags = message.partition("unrecognized arguments: ")
    said = message.capitalize() if what else f"There is no flag {flags}"
    raise InputError(
        f"{said}; --help lists those that there are, and settings are typed as KEY=VALUE."
    )
