"""What a command of active learning is refused for, before anything is done."""

from collections.abc import Iterator, Mapping
from typing import Any

from hydra.utils import get_class
from omegaconf import DictConfig

from ednn.core.errors import InputError
from ednn.data.structures.dft import DFTData
from ednn.runs.folder import Run, plain
from ednn.runs.started import started

CHOICES = ("uncertain", "random")
# Limits, which a command that goes on may change, and names of this sitting.
MAY_CHANGE = ("learn.rounds", "learn.budget", "learn.target", "run", "run_dir", "resume")
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
    by, count = started()
    if count > 1:
        raise InputError(
            f"{by} started {count} processes, but learning is one; let it start 1, and give "
            f"trainer=ddp trainer.devices=… for trainings in several."
        )
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


def require_same(run: Run, cfg: DictConfig) -> None:
    """Make sure that a folder's learning was begun with the settings of this command.

    Raises:
        InputError: names the first that differs.

    Example:
        >>> require_same(Run("outputs/learn/new"), DictConfig({"seed": 0}))
    """
    if not run.config.exists():
        return
    before, now = (dict(_flat(plain(own), own.run_dir)) for own in (run.read_config(), cfg))
    for name in {**before, **now}:
        if name not in MAY_CHANGE and before.get(name) != now.get(name):
            raise InputError(
                f"{run.folder} was begun with {name}={before.get(name)}, and this command has "
                f"{name}={now.get(name)}; repeat that command, or give another run=NAME."
            )


def _flat(config: Mapping[str, Any], folder: str, above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a config under dotted keys, paths as seen from its run folder."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, folder, f"{above}{key}.")
        else:
            inside = isinstance(value, str) and value.startswith(folder)
            yield f"{above}{key}", value.removeprefix(folder) if inside else value
