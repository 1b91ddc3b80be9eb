"""How random input is tried: a few examples in `make test`, the same ones each time; or many."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings

from ednn.core.errors import InputError

UNHURRIED = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}

bounded = settings(max_examples=60, derandomize=True, **UNHURRIED)


def long(test):  # type: ignore[no-untyped-def]
    """Many random examples, behind the marker."""
    return pytest.mark.long(settings(max_examples=4_000, **UNHURRIED)(test))


@contextmanager
def right_or_refused() -> Iterator[None]:
    """Let pass what ends in one sentence; any other error is a bug."""
    try:
        yield
    except InputError as error:
        words = str(error)
        assert "\n" not in words, words
        assert words.endswith("."), words
        assert len(words) < 600, words
