"""The commands of `scale=paper`, shrunk: the same configs, fewer examples and epochs, no GPU."""

import json
import re
import shutil
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ednn import plots
from ednn.data.structures.crystals import ENERGIES
from ednn.data.structures.file import join, read, split, write
from tests.conftest import REPOSITORY, run

pytestmark = pytest.mark.long

ONE_EPOCH = ["trainer.accelerator=cpu", "trainer.max_epochs=1"]
ISING = [
    *ONE_EPOCH,
    *("data.n_train=400", "data.batch_size=400", "data.n_val=100", "data.n_test=100"),
]
IMAGES = [*ONE_EPOCH, "data.n_train=4", "data.batch_size=4", "data.n_val=2", "data.n_test=2"]
FEW = ["data.n_train=100", "data.batch_size=20", "data.n_val=20", "data.n_test=20"]
STRUCTURES = [
    *ONE_EPOCH,
    *("data.batch_size=4", "data.val=0.3", "data.test=0.1", "trainer.limit_train_batches=2"),
]
SHEETS = {
    "gfn1": 60,
    "pbe": 120,
    "gfn1_120": 4,
    "gfn1_240": 2,
    "gfn1_540": 2,
}  # of each shipped file
SIMULATIONS = [{"L": L, "replicas": 2, "equilibration": 1, "sweeps": 4} for L in (8, 16)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the studies run, with a few of the shipped structures."""
    folder = tmp_path_factory.mktemp("paper")
    (folder / "data" / "dft").mkdir(parents=True)
    for name, count in SHEETS.items():
        labels = read(REPOSITORY / "data" / "dft" / f"{name}.h5")
        records = list(split(labels).items())[:count]
        write(folder / "data" / "dft" / f"{name}.h5", join(dict(records), labels.attributes))
    shutil.copy(REPOSITORY / ENERGIES, folder / ENERGIES)
    return folder


def networks() -> str:
    """Return those of the phase transition with shorter simulations, as an override."""
    study = OmegaConf.load(REPOSITORY / "conf" / "study" / "phase_transition.yaml")
    for network in study.paper.networks:
        network.simulations = SIMULATIONS
    text = json.dumps(OmegaConf.to_container(study.paper.networks), ensure_ascii=False)
    return re.sub(r'"(\w+)":', r"\1:", text)  # Hydra takes JSON but for the quotes of keys


@pytest.mark.parametrize(
    ("study", "train", "smaller"),
    [
        ("fig2", ISING, ["study.fig2.f=[1,8]", "study.fig2.c=[0,1,2]"]),
        ("contributions", ISING, []),
        ("phase_transition", ISING, [f"study.phase_transition.paper.networks={networks()}"]),
        ("laplacian", IMAGES, ["study.laplacian.paper.test=['data=laplacian','data.n_test=2']"]),
        (
            "multiscale",
            [*ONE_EPOCH, *FEW],
            [
                "study.multiscale.transfer=['data=coulomb','data.L=32','data.n_test=9']",
                "study.multiscale.paper.screening=[1,4]",
            ],
        ),
        (
            "functional",
            [*ONE_EPOCH, *FEW, "model.subnet.widths=[8,8,8]"],
            [
                "study.functional.c=[0,2]",
                "study.functional.data=['data.side=32','data.n_test=5']",
                "study.functional.larger=['data.side=64']",
            ],
        ),
        ("dft", STRUCTURES, []),
        ("resilience", STRUCTURES, ["study.resilience.samples=4"]),
        (
            "transfer",
            STRUCTURES,
            [
                "~study.transfer.paper.timed.pbe",
                "study.transfer.timed.gfn1=[1x1,2x1]",
            ],
        ),
    ],
)
def test_a_study_at_the_papers_scale(
    folder: Path, study: str, train: list[str], smaller: list[str]
) -> None:
    words = ",".join(f"'{word}'" for word in train)
    command = [f"study={study}", "scale=paper", f"train=[{words}]", *smaller]
    done = run(folder, "study.py", *command, timeout=1200)
    assert done.returncode == 0, done.stderr
    results = folder / "outputs" / "paper" / "paper" / study
    result = json.loads((results / "result.json").read_text())
    assert result["rows"]
    assert all(row["here"] for row in result["rows"])
    assert 800 <= plots.read(results / "picture.png").shape[1] <= 2400
