"""The one exception that means: the input is wrong, and here is how to mend it."""


class InputError(ValueError):
    """A bad value from the user; one sentence names the value, what was expected and the cure."""
