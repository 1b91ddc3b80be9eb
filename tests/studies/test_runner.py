"""The sizes of a study come from the section of one scale; what is finished is not run again."""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ednn import plots
from ednn.studies.runner import SCALES, study_config
from tests.commands.test_configs import composed
from tests.conftest import run


def test_a_study_gets_what_the_scales_share_and_the_sizes_of_one() -> None:
    study = OmegaConf.create(
        {"seed": 1, "timed": {"a": [1]}, "cpu": {"timed": {"b": [2]}}, "paper": {"n": 9}}
    )
    OmegaConf.set_struct(study, True)  # as Hydra composes it
    assert study_config(study, "cpu") == {"seed": 1, "timed": {"a": [1], "b": [2]}}
    assert study_config(study, "paper") == {"seed": 1, "timed": {"a": [1]}, "n": 9}


@pytest.mark.parametrize("scale", SCALES)
def test_studies_that_share_a_training_ask_for_it_in_the_same_words(scale: str) -> None:
    cfg = composed(name="study")
    studies = {name: study_config(study, scale) for name, study in cfg.study.items()}
    assert studies["dft"].train == studies["resilience"].train == studies["transfer"].train
    ising = studies["phase_transition"].networks[0].train
    assert studies["fig2"].best == studies["contributions"].train == ising


def test_a_study_leaves_its_result_its_picture_and_a_report(tmp_path: Path) -> None:
    first = run(tmp_path, "-m", "ednn", "study", "study=table1")
    assert first.returncode == 0, first.stderr
    folder = tmp_path / "outputs" / "paper" / "cpu"
    result = json.loads((folder / "table1" / "result.json").read_text())
    assert result["rows"]
    assert 800 <= plots.read(folder / "table1" / "picture.png").shape[1] <= 2400
    page = (folder / "report.html").read_text()
    assert result["title"] in page
    assert "data:image/png;base64," in page
    assert 'src="http' not in page

    again = run(tmp_path, "-m", "ednn", "study", "study=table1")
    assert "Already finished" in again.stdout


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("scale=gpu", "scale=gpu is not known; give scale=cpu or scale=paper."),
        ("train='[a=1]'", "train=[a=1] is no list; give train=[KEY=VALUE,KEY=VALUE]."),
    ],
)
def test_a_setting_that_is_wrong_ends_in_one_sentence(tmp_path: Path, word: str, told: str) -> None:
    done = run(tmp_path, "study.py", "study=table1", word)
    assert done.returncode != 0
    *_, sentence = done.stderr.splitlines()
    assert sentence == f"error: {told}"
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "outputs").exists()
