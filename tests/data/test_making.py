"""Values of every type for every setting of every data set: a data set, or one sentence."""

from pathlib import Path
from typing import Any, Literal

import pytest
from hydra.errors import InstantiationException
from omegaconf import OmegaConf

from ednn.core.errors import InputError
from ednn.data.making import fits, in_words, make_dataset
from tests.commands.test_configs import composed
from tests.fuzz.running import right_or_refused

VALUES: list[Any] = [
    *(0, 1, -1, 1.5, 1e3, float("nan"), None, True, "", "abc", "1"),
    *([], [2, 2], [1.5, "a"], [[1]], ["a"], [0, -1], [1, 1, 1], {"a": 1}),
]


@pytest.mark.parametrize("data", ["atoms", "coulomb", "dft", "hdf5", "ising", "laplacian"])
def test_any_value_of_any_setting_is_right_or_refused(data: str) -> None:
    own = ["data.path=x.h5"] if data in ("atoms", "hdf5") else []
    config = composed(f"data={data}", *own).data
    refused = 0
    for key in config:
        before = config[key]
        for value in VALUES if not str(key).startswith("_") else []:
            OmegaConf.update(config, str(key), value, merge=False)
            refused += 1
            with right_or_refused():
                make_dataset(config)
                refused -= 1
        OmegaConf.update(config, str(key), before, merge=False)
    assert refused > 100


def test_a_value_of_another_type_is_named_with_what_was_expected() -> None:
    config = composed("data=ising", "data.temperatures=0").data
    with pytest.raises(InputError, match="temperatures=0 is not possible; give a list of numbers"):
        make_dataset(config)


class Own:
    def __init__(self, path: Path, shape: tuple[int, int], kind: Literal["a", "b"]) -> None:
        self.path = path


def test_types_that_a_config_cannot_hold_are_left_to_the_class() -> None:
    target = f"{Own.__module__}.Own"
    settings = {"_target_": target, "path": "a.h5", "shape": [8, 8], "kind": "c"}
    assert str(make_dataset(OmegaConf.create(settings)).path) == "a.h5"


def test_types_are_taken_as_they_stand() -> None:
    assert not fits(True, int)
    assert not fits("2", float)
    assert fits([1, 2.5], list[float] | None)
    assert in_words(str | list[str]) == "text or a list of texts"


def test_a_class_that_is_not_there_is_for_the_command_to_explain() -> None:
    config = OmegaConf.create({"_target_": "nowhere.Data"})
    with pytest.raises(InstantiationException, match="Error locating target"):
        make_dataset(config)
