"""The sweeper as Hydra sees it.

Hydra imports it at the start of every command, so that what it needs is imported when it sweeps.
"""

from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class OptunaSweeper(Sweeper):
    """A sweep whose values Optuna chooses, each after what the trials before it have shown.

    Args:
        **settings: of `conf/hydra/sweeper/optuna.yaml`.

    Example:
        ednn train -m hydra/sweeper=optuna tile.c='range(1,8)'
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.work: tuple[DictConfig, ConfigLoader, Launcher] | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        self.work = config, hydra_context.config_loader, launcher

    def sweep(self, arguments: list[str]) -> None:
        from ednn.commands.search import search

        assert self.work is not None  # made by `setup`
        search(arguments, self.settings, *self.work)
