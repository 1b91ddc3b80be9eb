"""What a command of active learning is refused for, in one sentence, with nothing done."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from ednn.core.errors import InputError
from ednn.learning.settings import check_learning
from ednn.runs.configs import CONF


def composed(*words: str, folder: str = "outputs/learn/a") -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("learn", ["run=a", f"run_dir={folder}", *words])


def test_the_defaults_are_possible_and_every_setting_of_train_is_there() -> None:
    cfg = composed()
    check_learning(cfg)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert set(cfg) == {*compose("train", ["run=a", "run_dir=b"]), "learn"}
    assert cfg.task.optimizer._target_ == "ednn.training.optimizers.muon"  # of experiment=dft


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("data=ising", "IsingData holds labels that someone else made"),
        ("data.whole=true", "data.whole=true leaves structures out"),
        ("data.also=[data/dft/gfn1_cells.h5]", "joins labels that learning would count as its own"),
        ("fast_dev_run=true", "leaves no network to learn with"),
        ("learn.choose=best", "give uncertain or random"),
        ("learn.add=0", "learn.add=0 is not possible; give a whole number of at least 1"),
        ("learn.budget=few", "learn.budget=few is not possible; .* or null"),
        ("learn.candidates.moved=-1", "learn.candidates.moved=-1 is not possible"),
        ("learn.candidates={dynamics: 0, moved: 0, larger: 0, new: 0}", "none of any kind"),
        ("learn.temperatures=[300]", "give two numbers"),
        ("learn.strain=wide", "learn.strain=wide is not possible; give a number"),
        ("learn.target=-1", "learn.target=-1 is not possible"),
    ],
)
def test_bad_input_is_told(word: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_learning(composed(word))
