"""Where a sweep may look: ranges on the command line, in Hydra's grammar, as Optuna has them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ednn.core.errors import InputError
from ednn.runs.failures import folded

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

EXAMPLE = "tile.c='range(1,8)' or task.optimizer.lr='tag(log,interval(1e-4,1e-1))'"
DIGITS = 6  # of a number in a command and in the name of its folder


class SearchSpace:
    """The values that are searched, and those that all jobs share.

    Args:
        words: overrides of a command, in Hydra's grammar.
        loader: knows the configs of a group, for `model='glob(*)'`.

    Raises:
        InputError: nothing is searched, or a range has nothing in it.

    Example:
        >>> space = SearchSpace(["data=ising", "tile.c=range(1,4)", "model=ann,dnn"])
        >>> space.fixed, sorted(space.distributions)
        (['data=ising'], ['model', 'tile.c'])
        >>> space.words({"tile.c": 3, "model": "dnn"})
        ['data=ising', 'tile.c=3', 'model=dnn']
    """

    def __init__(self, words: Sequence[str], loader: ConfigLoader | None = None) -> None:
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(words))
        self.swept = [override for override in parsed if override.is_sweep_override()]
        self.fixed = [str(o.input_line) for o in parsed if not o.is_sweep_override()]
        self.distributions = {o.get_key_element(): _distribution(o) for o in self.swept}
        if not self.swept:
            raise InputError(
                f"There is nothing to search in; give ranges or choices, such as {EXAMPLE}."
            )

    @property
    def typed(self) -> list[str]:
        """What is searched, as it was typed."""
        return sorted(str(override.input_line) for override in self.swept)

    def words(self, values: Mapping[str, Any]) -> list[str]:
        """Return the command line of one job; numbers are rounded to six digits."""
        return [*self.fixed, *(f"{key}={_word(values[key])}" for key in self.distributions)]

    def probes(self) -> list[list[str]]:
        """Return the command lines of a few jobs, in which every choice occurs."""
        ends = {key: _ends(each) for key, each in self.distributions.items()}
        first = {key: values[0] for key, values in ends.items()}
        others = [first | {key: value} for key, values in ends.items() for value in values[1:]]
        return [self.words(values) for values in [first, *others]]

    def require_kinds(self, config: DictConfig, loader: ConfigLoader) -> None:
        """Make sure that numbers are searched where numbers are meant.

        Args:
            config: of the command; its choices say which keys are groups.
            loader: knows the configs of a group.

        Raises:
            InputError: one of the ranges is for a name, a text, a list or a switch.
        """
        for override in self.swept:
            key = override.key_or_group
            if override.is_choice_sweep():
                continue
            if key in config.hydra.runtime.choices:
                options = ",".join(loader.get_group_options(key)[:3])
                raise InputError(
                    f"{override.input_line} gives numbers, and {key} is chosen by name; give "
                    f"choices, such as {key}='choice({options})'."
                )
            value: Any = None
            with suppress(OmegaConfBaseException):  # a job tells it
                value = OmegaConf.select(config, key, throw_on_missing=False)
            if isinstance(value, str | bool | ListConfig | DictConfig):
                raise InputError(
                    f"{override.input_line} gives numbers, and {key} is {value}; give choices of "
                    f"that kind, as {key}='choice(…,…)'."
                )


def _distribution(override: Override) -> "BaseDistribution":
    """Return what Optuna samples for one override."""
    from optuna.distributions import CategoricalDistribution

    value, line = override.value(), override.input_line
    tags: set[str] = getattr(value, "tags", set())
    if tags - {"log"}:
        raise InputError(f"{line} has the tag {min(tags - {'log'})}; the one there is, is log.")
    try:
        if isinstance(value, IntervalSweep):
            return _numbers(value.start, value.end, None, "log" in tags)
        if isinstance(value, RangeSweep):
            steps = sorted(value.range())
            if not steps:
                raise ValueError("it is empty")
            return _numbers(steps[0], steps[-1], abs(value.step), "log" in tags)
        return CategoricalDistribution(tuple(dict.fromkeys(_choices(override))))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{line} is no range to search in ({folded(error)}); give one such as {EXAMPLE}."
        ) from error


def _numbers(low: Any, high: Any, step: Any, log: bool) -> "BaseDistribution":
    """Return the distribution of numbers: whole ones where both ends are."""
    from optuna.distributions import FloatDistribution, IntDistribution

    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log, step or 1)
    return FloatDistribution(low, high, log, step)


def _choices(override: Override) -> list[Any]:
    """Return choices, numbers as numbers and anything else in Hydra's grammar."""
    pairs = zip(override.sweep_iterator(), override.sweep_string_iterator(), strict=True)
    return [value if isinstance(value, int | float) else text for value, text in pairs]


def _ends(distribution: Any) -> list[Any]:
    """Return every choice, or the first of a range."""
    return list(getattr(distribution, "choices", None) or [distribution.low])


def _word(value: Any) -> str:
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)
