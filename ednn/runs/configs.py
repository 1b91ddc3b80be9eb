"""Where configs are found, and the resolvers that they use."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode
from omegaconf import OmegaConf

from ednn.runs.naming import fixed_keys, folder_name, name_job, name_run

PACKAGE = Path(__file__).parents[1]
# In the installed package, or beside the package in a checkout.
CONF = next(path for path in (PACKAGE / "conf", PACKAGE.parent / "conf") if path.is_dir())


class OwnConfigs(SearchPathPlugin):
    """Find the user's configs, too, after the package's: those of `conf/` in the working folder.

    Example:
        ls conf/data  # in the working folder: mine.yaml
        ednn train data=mine
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        own = Path("conf").absolute()
        if own.is_dir() and not own.samefile(CONF):
            search_path.append("working folder", f"file://{own}")


def _in_sweep(value: str, otherwise: str) -> str:
    """Return a value for the jobs of a sweep, another one for a run alone."""
    return value if HydraConfig.get().mode == RunMode.MULTIRUN else otherwise


def _command(name: str, words: Sequence[str], *flags: str) -> str:
    """Return a command line, of one job where it is one of a sweep."""
    return shlex.join(["ednn", name, *flags, *words])


def register(typed: Sequence[str] = ()) -> None:
    """Make the user's configs, and the resolvers of this package's, known to Hydra.

    What `run_name` and `fixed_keys` give is kept with the config of the command. Hydra hands it on
    to all jobs of a sweep, in whichever processes, so that they agree on the names of folders.

    Args:
        typed: the words of the command line, after which a run is named.

    Example:
        >>> register()
        >>> words = ["data=ising", "tile.c=1,2"]
        >>> OmegaConf.create({"words": words, "fixed": "${fixed_keys:${words}}"}).fixed
        ['data']
    """
    Plugins.instance().register(OwnConfigs)
    for name, resolver, kept in (
        ("run_name", lambda *again: name_run(typed, goes_on=bool(again)), True),
        ("fixed_keys", fixed_keys, True),
        ("job_name", name_job, False),
        ("folder_name", folder_name, False),
        ("in_sweep", _in_sweep, False),
        ("command", _command, False),
    ):
        OmegaConf.register_new_resolver(name, resolver, use_cache=kept, replace=True)
