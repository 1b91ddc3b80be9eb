"""Commands to paste: the training with the recommended tile, and what to measure before it."""

import shlex
import sys

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from ednn.studies.base import Numbers
from ednn.studies.f_and_c.trainings import contexts

LONGER = 4  # times as many steps, where trainings were too short
MORE = 3  # contexts to try beyond the widest
NO_WIDER = "as the network takes no wider ones"  # what ended a sweep
# Beginnings of words that this command's trainings have, and a full training hasn't.
OWN = ("locality.", "run=", "name=", "resume=", "tile.", "trainer.max_", "trainer.limit_")


def typed() -> list[str]:
    """Return the settings of the command line.

    Example:
        typed()  # of `ednn locality data=ising run=mine`: ["data=ising", "run=mine"]
    """
    return [word for word in sys.argv[1:] if "=" in word and not word.startswith("-")]


def training(f: int, c: int) -> str:
    """Return the command that trains with a tile, and otherwise as was typed.

    Example:
        training(f=1, c=2)  # ednn train data=hdf5 data.path=own.h5 task=onecycle tile.f=1 tile.c=2
    """
    kept = [word for word in typed() if not word.startswith(OWN)]
    if not any(word.startswith(("task=", "experiment=")) for word in kept):
        kept.append(f"task={HydraConfig.get().runtime.choices['task']}")
    return _command("train", [*kept, f"tile.f={f}", f"tile.c={c}"])


def measuring(cfg: DictConfig, numbers: Numbers) -> str:
    """Return the command that measures what is missing; empty where nothing is.

    Trainings that are finished are used again by a command that tries more contexts.

    Example:
        measuring(cfg, numbers)  # ednn locality data=ising run=mine 'locality.c=[0,1,2,3,4]'
    """
    if numbers["verdict"]["early"]:
        limit = "max_steps" if cfg.trainer.max_steps > 0 else "max_epochs"
        longer = f"trainer.{limit}={LONGER * cfg.trainer[limit]}"
        return _command("locality", [*_without(f"trainer.{limit}="), longer])
    tried = sorted({row["c"] for row in numbers["table"]})
    wider = [c for c in contexts(min(numbers["sides"])) if c > tried[-1]][:MORE]
    if numbers["verdict"]["state"] != "still falls" or numbers["ended"] == NO_WIDER or not wider:
        return ""
    listed = f"locality.c=[{','.join(map(str, tried + wider))}]"
    return _command("locality", [*_without("locality.c="), f"run={cfg.run}", listed])


def _without(*beginnings: str) -> list[str]:
    return [word for word in typed() if not word.startswith(("run=", *beginnings))]


def _command(name: str, words: list[str]) -> str:
    begin = ["python", f"{name}.py"] if sys.argv[0].endswith(".py") else ["ednn", name]
    return shlex.join([*begin, *words])
