"""How random input is tried: a few examples in `make test`, the same ones each time; or many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ednn.core.errors import InputError

UNHURRIED: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "database": None,
}

Test = Callable[..., None]


def few(count: int) -> Callable[[Test], Test]:
    """Try so many examples, the same ones each time."""
    return settings(max_examples=count, derandomize=True, **UNHURRIED)


def many(count: int) -> Callable[[Test], Test]:
    """Try so many random examples, behind the marker."""

    def marked(test: Test) -> Test:
        return pytest.mark.long(settings(max_examples=count, **UNHURRIED)(test))

    return marked


@contextmanager
def right_or_refused() -> Iterator[None]:
    """Let pass what ends in one sentence; any other error is a bug."""
    try:
        yield
    except InputError as error:
        words = str(error)
        assert "\n" not in words, words
        assert words.endswith("."), words
        assert len(words) < 700, words
