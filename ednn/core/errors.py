"""The exceptions that end a command with one sentence instead of a traceback."""


class InputError(ValueError):
    """A bad value from the user; one sentence names it, what was expected, and the remedy.

    Example:
        >>> raise InputError("count=0 is not possible; give a whole number from 1.")
        Traceback (most recent call last):
            ...
        ednn.core.errors.InputError: count=0 is not possible; give a whole number from 1.
    """


class TrainingError(RuntimeError):
    """A process of a training has failed and has reported the reason itself.

    Example:
        >>> issubclass(TrainingError, InputError)  # the user's values are not to blame
        False
    """
