"""What a command of active learning is refused for, before anything is done."""

from hydra.utils import get_class
from omegaconf import DictConfig

from ednn.core.errors import InputError
from ednn.data.structures.dft import DFTData
from ednn.runs.started import require_one

CHOICES = ("uncertain", "random")
MAY_CHANGE = ("learn.rounds", "learn.budget", "learn.target")  # limits, by a command that goes on
WHOLE = {"start": 1, "add": 1, "rounds": 1, "budget": 1, "steps": 0}  # and the least of each
ABOVE = ("target", "displacement", "strain", "temperatures")


def check_learning(cfg: DictConfig) -> None:
    """Make sure that the settings are possible.

    Raises:
        InputError: they aren't.

    Example:
        >>> cfg = DictConfig({"data": {"_target_": "ednn.data.structures.atoms.AtomsData"}})
        >>> check_learning(cfg)
        Traceback (most recent call last):
        ednn.core.errors.InputError: AtomsData holds labels that someone else made, ...
    """
    kind = get_class(cfg.data.get("_target_", "builtins.object"))
    if not issubclass(kind, DFTData):
        raise InputError(
            f"{kind.__name__} holds labels that someone else made, and learning makes labels of "
            f"its own; give data=dft, with data.path=… of labels to start from."
        )
    if cfg.data.get("whole"):
        raise InputError(
            "data.whole=true leaves structures out, and learning would label some of them for "
            "nothing; leave it out."
        )
    if cfg.data.get("also"):
        raise InputError(
            f"data.also={cfg.data.also} joins labels that learning would count as its own; "
            f"leave it out, or give ckpt_path=… of a network that was trained on them."
        )
    require_one("learning")
    if cfg.fast_dev_run:
        raise InputError("fast_dev_run=true leaves no network to learn with; leave it out.")
    _check_numbers(cfg.learn)
    if cfg.learn.choose not in CHOICES:
        raise InputError(
            f"learn.choose={cfg.learn.choose} is not known; give {' or '.join(CHOICES)}."
        )


def _check_numbers(learn: DictConfig) -> None:
    whole = {name: learn[name] for name in WHOLE}
    whole |= {f"candidates.{kind}": count for kind, count in learn.candidates.items()}
    for name, value in whole.items():
        least, optional = WHOLE.get(name, 0), name == "budget"
        if not (optional and value is None) and (type(value) is not int or value < least):
            also = ", or null" if optional else ""
            raise InputError(
                f"learn.{name}={value} is not possible; give a whole number of at least "
                f"{least}{also}."
            )
    for name in ABOVE:
        values = learn[name] if name == "temperatures" else [learn[name]]
        if name == "target" and values == [None]:
            continue
        good = all(type(v) in (int, float) and v >= 0 for v in values)
        if not good or (name == "temperatures" and len(values) != 2):
            what = "two numbers" if name == "temperatures" else "a number"
            raise InputError(
                f"learn.{name}={learn[name]} is not possible; give {what} of at least 0."
            )
    if not any(learn.candidates.values()):
        raise InputError("learn.candidates has none of any kind; give learn.candidates.moved=60.")
