"""`data=of_run`: `evaluate` tests on the data of the checkpoint's run, if no others are named."""

from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from ednn.commands.as_typed import parsed
from ednn.core.errors import InputError
from ednn.core.pretrained import require_checkpoint

CHOICE = "of_run"


def offer_data_of_run(words: Sequence[str]) -> None:
    """Let Hydra find the config `data/of_run`; it is empty where other data are named.

    Args:
        words: overrides of `evaluate` in Hydra's grammar.

    Raises:
        InputError: `ckpt_path` is no checkpoint, or not that of one run.

    Example:
        ednn evaluate ckpt_path=RUN data.batch_size=8  # on the test split of that run
    """
    chosen = {key.lstrip("+"): value for key, _, value in (word.partition("=") for word in words)}
    wanted = CHOICE in chosen.get("data", CHOICE).split(",") and "ckpt_path" in chosen
    config = _config(chosen["ckpt_path"]) if wanted else {}
    ConfigStore.instance().store(CHOICE, config, "data", provider="the run of ckpt_path")


def _config(typed: str) -> DictConfig:
    """Return the settings of the data that the run of a checkpoint was trained on."""
    override = parsed(f"ckpt_path={typed}")
    if override is None or override.is_sweep_override():
        raise InputError(
            f"ckpt_path={typed} is not one checkpoint, and data are those of one run if no others "
            f"are named; give data=…, such as data=dft."
        )
    value = override.value()
    first = value[0] if isinstance(value, list) and value else value  # an ensemble has one data set
    if not first:
        raise InputError(
            f"ckpt_path={typed} names no checkpoint; give a run's folder or pretrained/NAME."
        )
    path = require_checkpoint(str(first)).absolute().parent.parent / "config.yaml"
    config = OmegaConf.select(OmegaConf.load(path), "data") if path.is_file() else None
    if config is None:
        raise InputError(
            f"ckpt_path={typed} is no checkpoint of a run of train.py, whose data would be tested "
            f"on; give data=…, such as data=dft."
        )
    return config
