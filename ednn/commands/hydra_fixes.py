"""Where Hydra's own behaviour would tell users too much or too little."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ednn.core.errors import InputError

APPLY_OVERRIDES = ConfigLoaderImpl._apply_overrides_to_config


def read_words(words: Sequence[str]) -> Namespace:
    """Read the words behind a command as Hydra does.

    Raises:
        InputError: a flag is not known, or used as it cannot be.

    Example:
        >>> read_words(["data=ising", "-m", "tile.c=1,2"]).overrides
        ['data=ising', 'tile.c=1,2']
        >>> read_words(["--foo"])
        Traceback (most recent call last):
        ednn.core.errors.InputError: There is no flag --foo; --help lists those that there are, ...
    """
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    read = parser.parse_intermixed_args(words)
    if read.experimental_rerun is not None:  # which cannot look up what our configs look up
        _refuse("unrecognized arguments: --experimental-rerun")
    return read


def _refuse(message: str) -> NoReturn:
    what, _, flags = message.partition("unrecognized arguments: ")
    said = message.capitalize() if what else f"There is no flag {flags}"
    raise InputError(
        f"{said}; --help lists those that there are, and settings are typed as KEY=VALUE."
    )


def quieten_hydra() -> None:
    """Let a failed job be told in one sentence, which names it where it is one of a sweep.

    Hydra writes all overrides of the command before the error, and nothing more of the job.

    Example:
        >>> quieten_hydra()
        >>> job = JobReturn()
        >>> job.return_value, job.status = 3.5, JobStatus.COMPLETED
        >>> job.return_value
        3.5
    """
    JobReturn.return_value = property(_value, JobReturn.return_value.fset)  # type: ignore


def _value(job: JobReturn) -> Any:
    """Return what a job gave, or raise its error; of a sweep, with the job's folder as a note."""
    value = job._return_value
    if job.status == JobStatus.COMPLETED:
        return value
    hydra = job.hydra_cfg.hydra if job.hydra_cfg else None
    if hydra and hydra.mode == RunMode.MULTIRUN:
        value.add_note(f"job {hydra.runtime.output_dir}")
    raise value


def keep_groups() -> None:
    """Let no value on the command line replace a group of settings.

    Hydra takes `speed=0`, although the code reads `speed.compile` and others, and what then fails
    may be hours away. A group can still be turned off by null, as in `task.scheduler=null`.

    Example:
        >>> keep_groups()
        >>> from hydra import compose, initialize_config_dir
        >>> from ednn.runs.configs import CONF
        >>> with initialize_config_dir(str(CONF), version_base="1.3"):
        ...     compose("train", ["speed=0"])
        Traceback (most recent call last):
        ednn.core.errors.InputError: speed=0 would replace a group of settings; ...
    """
    ConfigLoaderImpl._apply_overrides_to_config = staticmethod(_apply_overrides)  # type: ignore


def _apply_overrides(overrides: list[Override], cfg: DictConfig) -> None:
    for override in overrides:
        _require_group(override, cfg)
    APPLY_OVERRIDES(overrides, cfg)


def _require_group(override: Override, cfg: DictConfig) -> None:
    key, node = override.key_or_group, None
    parent, _, last = key.rpartition(".")
    with suppress(OmegaConfBaseException):  # which Hydra tells
        group = OmegaConf.select(cfg, parent) if parent else cfg
        if isinstance(group, DictConfig) and OmegaConf.is_interpolation(group, last):
            return  # what it replaces is not computed: `run_name` would look for an earlier run
        node = OmegaConf.select(cfg, key, throw_on_missing=False)
    value: object = None if override.is_delete() else override.value()
    if isinstance(node, DictConfig) and value is not None and not isinstance(value, Mapping):
        one = f"{key}.{next(iter(node), 'KEY')!s}=…"
        raise InputError(
            f"{override.input_line} would replace a group of settings; give those of them that you "
            f"want to change, such as {one}, or see them all by --cfg job."
        )
