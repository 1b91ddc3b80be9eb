"""A user's own configs and modules, in the working folder or in a folder that is named."""

from pathlib import Path

import pytest

from tests.conftest import TINY, UNTESTED, run, run_alone

FEW = [*TINY, UNTESTED, "trainer.max_epochs=1"]
CONFIG = "defaults:\n  - ising\n  - _self_\n_target_: mine.Mine\n"
MODULE = """
from ednn.data.fields.ising import IsingData

class Mine(IsingData):
    def setup(self, stage=None):
        super().setup(stage)
        print("These are mine.")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder"
    (folder / "conf" / "data").mkdir(parents=True)
    (folder / "conf" / "data" / "mine.yaml").write_text(CONFIG)
    (folder / "mine.py").write_text(MODULE)
    return folder


def test_a_data_set_in_the_working_folder(folder: Path) -> None:  # `ednn`: tests/test_wheel.py
    done = run(folder, "train.py", "data=mine", *FEW)
    assert done.returncode == 0, done.stderr
    assert "These are mine." in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("sharing", [["hydra/launcher=joblib"], ["trainer=ddp_sim"]])
def test_its_module_is_found_in_other_processes(folder: Path, sharing: list[str]) -> None:
    words = ["data=mine", "tile.c=0,1", *FEW]
    done = run_alone(folder, "train.py", "-m", *words, *sharing)
    assert done.returncode == 0, done.stderr
    assert len(list(folder.glob("outputs/sweeps/*/tile.c=*/summary.json"))) == 2


def test_a_folder_that_is_named(folder: Path, tmp_path: Path) -> None:
    arguments = ["train.py", "--config-dir", str(folder / "conf"), "data=mine"]
    done = run(tmp_path, *arguments, "--cfg", "job")
    assert "_target_: mine.Mine" in done.stdout, done.stderr
    assert "ising, laplacian, mine" in run(tmp_path, *arguments, "--help").stdout
    refused = run(tmp_path, *arguments, "data.n_tran=3")
    assert refused.stderr == (
        "error: There is no config key data.n_tran; the nearest valid key is data.n_train.\n"
    )


def test_own_choices_are_told(folder: Path) -> None:
    assert "ising, laplacian, mine" in run(folder, "train.py", "--help").stdout
    assert "laplacian, mine" in run(folder, "train.py", "data=yours").stderr


def test_own_configs_replace_none_of_the_package(folder: Path) -> None:
    (folder / "conf" / "train.yaml").write_text("stranger: true\n")
    done = run(folder, "train.py", "--cfg", "job")
    assert "fast_dev_run" in done.stdout
    assert "stranger" not in done.stdout
