"""The config groups of a command: what they are for and what there is to choose."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from ednn.commands.hydra_fixes import read_words
from ednn.runs.configs import CONF

PURPOSE = {
    "callbacks": "checkpoints and the progress bar",
    "data": "the data set",
    "experiment": "a recipe for all of these",
    "hydra/launcher": "how the jobs of a sweep (-m) are started",
    "hydra/sweeper": "how the values of a sweep (-m) are chosen: all combinations, or by Optuna",
    "logger": "where metrics go, beside the run folder",
    "model": "the network",
    "study": "a figure or a table of the paper",
    "task": "optimizer and its schedule",
    "tile": "focus and context of a tile",
    "trainer": "devices and precision",
}


def own_groups(command: str) -> dict[str, str]:
    """Return the groups that a command's config is made of, and the choice of each by default.

    Example:
        >>> own_groups("evaluate")
        {'data': 'of_run', 'hydra/launcher': 'basic'}
    """
    pairs = list(_pairs(command))
    # an override of a config that this one builds on replaces the choice there
    chosen = {group.removeprefix("override "): name for group, name in pairs}
    own = {group for group, _ in pairs}
    chosen = {group: name for group, name in chosen.items() if group in own}
    if chosen.pop("hydra", None):  # where runs and sweeps lie
        chosen["hydra/launcher"] = "basic"
        if command == "train":  # whose results can be compared
            chosen["hydra/sweeper"] = "basic"
    return chosen


def _pairs(config: str) -> Iterator[tuple[str, str]]:
    """Yield group and choice of a config's defaults, and before them of configs it builds on."""
    for entry in OmegaConf.load(CONF / f"{config}.yaml").defaults:
        if isinstance(entry, DictConfig):
            for group, name in entry.items():
                yield str(group), "null" if name is None else str(name)
        elif entry != "_self_":
            yield from _pairs(str(entry))


@contextmanager
def visible_configs(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Let Hydra's compose API see the configs that a command line sees.

    Yields:
        Overrides that `hydra.compose` and `choices` need for that.

    Example:
        >>> from hydra import compose
        >>> with visible_configs([]) as overrides:
        ...     compose("train", [*overrides, "data=dft"]).data.theory
        'gfn1'
    """
    parsed = read_words(arguments)
    found = [word for word in parsed.overrides if word.startswith("hydra.searchpath=")]
    if parsed.config_dir:
        found = [f"hydra.searchpath=['file://{Path(parsed.config_dir).absolute()}']"]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield found


def choices(group: str, overrides: list[str]) -> list[str]:
    """Return the configs of a group, within `visible_configs`.

    Example:
        >>> with visible_configs([]) as overrides:
        ...     choices("tile", overrides), choices("task", overrides)
        (['default'], ['adam', 'adamw', 'lbfgs', 'muon', 'onecycle'])
    """
    loader = GlobalHydra.instance().config_loader()
    return sorted(loader.get_group_options(group, config_name=None, overrides=overrides))
