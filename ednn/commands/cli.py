"""What every command does around its work: read its config, turn bad input into one sentence."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from ednn.commands.as_typed import in_grammar
from ednn.commands.data_of_run import CHOICE, offer_data_of_run
from ednn.commands.explain import explain
from ednn.commands.groups import own_groups
from ednn.commands.help import describe
from ednn.commands.hydra_fixes import keep_groups, quieten_hydra, read_words
from ednn.commands.seeds import check_seeds, check_typed_seeds
from ednn.commands.words import require_settings
from ednn.core.files import require_file
from ednn.core.terminal import plain_warnings, say
from ednn.runs.configs import CONF, register
from ednn.runs.failures import in_one_sentence

AGAIN = "; the same command goes on"
RESUME = {
    "generate": AGAIN,
    "learn": AGAIN,
    "locality": AGAIN,
    "md": AGAIN,
    "predict": AGAIN,
    "relax": AGAIN,
    "study": AGAIN,
    "train": "; resume=auto goes on from the last finished epoch",
}
Command = Callable[[], None]

register()
quieten_hydra()
keep_groups()


def command(work: Callable[[DictConfig], Any]) -> Command:
    """Make a command of a function whose config has its name and whose docstring is its help.

    Bad input ends in one sentence and a non-zero exit code.

    Example:
        >>> @command
        ... def train(cfg):
        ...     "Print one setting: `ednn train seed=3`."
        ...     print(cfg.seed)
        >>> train.__name__  # called without arguments, it reads the command line
        'train'
    """
    name = work.__name__

    @wraps(work)
    def run() -> None:
        os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors reach this function
        plain_warnings()
        sys.path.append(os.getcwd())  # where the modules of a user's `_target_` are
        with in_one_sentence(lambda error: explain(error, name), RESUME.get(name, "")):
            if {"-h", "--help"} & set(sys.argv[1:]):
                say(describe(work, sys.argv))
            else:
                _run(work)

    return run


def _run(work: Callable[[DictConfig], Any]) -> None:
    """Give the command line to Hydra, with text in the quotes it needs.

    The work finds in `sys.argv` what was typed: a run is named after it, and found again by it.
    """
    typed = list(sys.argv)

    @wraps(work)
    def checked(cfg: DictConfig) -> Any:
        sys.argv[:] = typed
        check_seeds(cfg)
        if "input" in cfg and not OmegaConf.is_missing(cfg, "input"):
            require_file(Path(str(cfg.input)))  # before the seconds that imports take
        return work(cfg)

    register(typed[1:])
    words = read_words(typed[1:])
    groups = own_groups(work.__name__)
    require_settings(words.overrides, groups)
    check_typed_seeds(words.overrides)
    sweep = words.multirun or "hydra.mode=MULTIRUN" in words.overrides
    flags = typed[1:]
    for word in words.overrides:
        flags.remove(word)
    overrides = in_grammar(words.overrides, sweep)
    if groups.get("data") == CHOICE:
        offer_data_of_run(overrides)
    sys.argv[1:] = overrides + flags  # Hydra takes no flags in between
    try:
        hydra.main(str(CONF), work.__name__, version_base="1.3")(checked)()
    finally:
        sys.argv[:] = typed
