"""Seeds are checked before anything is done: numpy, torch and Lightning take different ones."""

import json
from collections.abc import Iterable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ednn.commands.as_typed import parsed
from ednn.core.errors import InputError

LARGEST = 2**32 - 1  # Lightning's


def check_typed_seeds(words: Iterable[str]) -> None:
    """Check the seeds of a command line, those of a sweep included.

    Raises:
        InputError: one is no seed.

    Example:
        >>> check_typed_seeds(["data=ising", "seed=1,-1"])
        Traceback (most recent call last):
        ednn.core.errors.InputError: seed=-1 is not possible; give a whole number from 0 to ...
    """
    for word in words:
        key = word.partition("=")[0].lstrip("+")
        if _is_seed(key) and (found := parsed(word)) is not None and not found.is_delete():
            several = found.is_discrete_sweep()
            for value in found.sweep_iterator() if several else [found.value()]:
                _require_seed(key, value)


def check_seeds(cfg: DictConfig) -> None:
    """Check the seeds of a composed config, wherever they were set.

    Raises:
        InputError: one is no seed.

    Example:
        >>> check_seeds(OmegaConf.create({"seed": 2**32 - 1, "data": {"seed": "${seed}"}}))
        >>> check_seeds(OmegaConf.create({"seed": None}))
        Traceback (most recent call last):
        ednn.core.errors.InputError: seed=null is not possible; give a whole number from 0 to ...
    """
    studies = [f"study.{name}.seed" for name in cfg.get("study", ())]
    for key in ("seed", "data.seed", *studies):
        parent, _, name = key.rpartition(".")
        node = OmegaConf.select(cfg, parent) if parent else cfg
        if isinstance(node, DictConfig) and name in node:
            _require_seed(key, node[name])


def _is_seed(key: str) -> bool:
    return key in ("seed", "data.seed") or (key.startswith("study.") and key.endswith(".seed"))


def _require_seed(key: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        typed = json.dumps(value) if value is None or isinstance(value, bool) else value
        raise InputError(
            f"{key}={typed} is not possible; give a whole number from 0 to {LARGEST} (2³² − 1)."
        )
