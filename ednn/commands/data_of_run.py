"""`data=of_run`: the data set of the run that a checkpoint is of, for what is done with it next."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from ednn.commands.as_typed import parsed
from ednn.core.errors import InputError
from ednn.core.pretrained import located

CHOICE = "of_run"


def offer_data_of_run(words: Sequence[str], default: str | None) -> None:
    """Let Hydra find the config `data/of_run`, if it will look for it.

    Args:
        words: overrides in Hydra's grammar.
        default: the choice of `data` where none of them makes one.

    Raises:
        InputError: `ckpt_path` is no checkpoint of a run.

    Example:
        ednn evaluate ckpt_path=RUN data.batch_size=8  # on the test split of that run
    """
    chosen = dict(word.split("=", 1) for word in words if "=" in word)
    if chosen.get("data", default) != CHOICE:
        return
    config: DictConfig | None = DictConfig({})  # without a ckpt_path, which Hydra tells
    if "ckpt_path" in chosen:
        override = parsed(f"ckpt_path={chosen['ckpt_path']}")
        value: Any = None if override is None else override.value()
        first = value[0] if isinstance(value, list) else value  # of an ensemble, which has one
        config = _config(located(first)) if isinstance(first, str) else None
    if config is None:
        raise InputError(
            f"ckpt_path={chosen['ckpt_path']} is no checkpoint of a run of train.py, whose data "
            f"would be tested on; give data=…, such as data=dft."
        )
    ConfigStore.instance().store(CHOICE, config, "data", provider="the run of ckpt_path")


def _config(checkpoint: Path) -> DictConfig | None:
    """Return the settings of the data that the run of a checkpoint was trained on, if known."""
    path = checkpoint.absolute().parent.parent / "config.yaml"
    return OmegaConf.select(OmegaConf.load(path), "data") if path.is_file() else None
