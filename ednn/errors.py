"""The one exception that means: the input is wrong, and here is how to mend it."""


class InputError(ValueError):
    """A bad value from the user; its message is one sentence that names value, expectation and cure."""
