"""The settings of a command line, which are typed as KEY=VALUE."""

from collections.abc import Container, Sequence

from ednn.core.errors import InputError


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
