"""The exceptions that end in one sentence instead of a traceback."""


class InputError(ValueError):
    """A bad value from the user; one sentence names the value, what was expected and the cure."""


class TrainingError(RuntimeError):
    """A process of a training failed and has said why itself."""
