"""Ranges of a command line as Optuna has them."""

from typing import Any

import pytest

from ednn.core.errors import InputError

optuna = pytest.importorskip("optuna")
from optuna.distributions import (  # noqa: E402
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ednn.runs.search_space import SearchSpace  # noqa: E402

GRAMMAR: dict[str, BaseDistribution] = {
    "range(1,8)": IntDistribution(1, 7),
    "range(2,9,3)": IntDistribution(2, 8, step=3),
    "range(8,1,-2)": IntDistribution(2, 8, step=2),
    "tag(log,range(1,65))": IntDistribution(1, 64, log=True),
    "range(0,1,0.25)": FloatDistribution(0, 0.75, step=0.25),
    "interval(0,2)": FloatDistribution(0, 2),
    "int(interval(0,2))": IntDistribution(0, 2),
    "tag(log,interval(1e-4,0.1))": FloatDistribution(1e-4, 0.1, log=True),
    "1,2,2": CategoricalDistribution((1, 2)),
    "choice(ann,'a b',true)": CategoricalDistribution(("ann", r"a\ b", True)),
    "ann,null": CategoricalDistribution(("ann", "null")),
    "choice([16,16],[32])": CategoricalDistribution(("[16,16]", "[32]")),
}


@pytest.mark.parametrize(("typed", "expected"), GRAMMAR.items(), ids=GRAMMAR)
def test_ranges_of_hydras_grammar(typed: str, expected: BaseDistribution) -> None:
    assert SearchSpace([f"key={typed}"]).distributions == {"key": expected}


@pytest.mark.parametrize("typed", GRAMMAR)
def test_the_words_of_a_job_give_one_value_each(typed: str) -> None:
    space = SearchSpace(["data=ising", f"key={typed}"])
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(5):
        words = space.words(study.ask(space.distributions).params)
        with pytest.raises(InputError, match="nothing to search in"):
            SearchSpace(words)
        assert words[0] == "data=ising"


def test_numbers_are_rounded_to_six_digits() -> None:
    space = SearchSpace(["lr=interval(0,1)"])
    assert space.words({"lr": 0.123456789}) == ["lr=0.123457"]


def test_probes_have_every_choice() -> None:
    probes = SearchSpace(["a=x,y,z", "b=range(3,5)", "c=1,2"]).probes()
    assert {word for words in probes for word in words} == {
        *("a=x", "a=y", "a=z", "b=3", "c=1", "c=2")
    }
    assert len(probes) == 4


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("a=range(3,3)", "no range to search in"),
        ("a=tag(log,interval(0,1))", "low > 0"),
        ("a=tag(fast,interval(1,2))", "the tag fast"),
    ],
)
def test_a_range_with_nothing_in_it(word: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        SearchSpace([word])
    assert word in str(caught.value)


def test_numbers_where_names_are_meant() -> None:
    class Loader:
        def get_group_options(self, group: str) -> list[str]:
            return ["ann", "dnn"]

    from omegaconf import OmegaConf

    config: Any = OmegaConf.create(
        {"hydra": {"runtime": {"choices": {"model": "ann"}}}, "on": True, "tile": {"c": 1}}
    )
    loader: Any = Loader()
    SearchSpace(["tile.c=range(1,3)", "model=ann,dnn"]).require_kinds(config, loader)
    for word in ("model=range(1,3)", "on=interval(0,1)", "tile=interval(0,1)"):
        with pytest.raises(InputError, match="gives numbers"):
            SearchSpace([word]).require_kinds(config, loader)
