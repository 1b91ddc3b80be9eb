"""The wheel, installed into a fresh environment, from an empty folder."""

import json
import os
import subprocess
import sys
from importlib.metadata import distribution, distributions
from pathlib import Path

import h5py
import numpy as np
import pytest
from packaging.requirements import Requirement

from ednn.commands.main import WORKS
from tests.conftest import REPOSITORY, SMALL

OWN = "defaults:\n  - ising\n  - _self_\n_target_: mine.Mine\n"
MODULE = "from ednn.data.fields.ising import IsingData\n\nclass Mine(IsingData):\n    pass\n"


def required(wheel: Path) -> set[str]:
    """Return the names of what a wheel needs, without extras that nothing asks for."""
    (own,) = distributions(path=[str(wheel)])
    open_requirements, found = [(own, {""})], set()
    while open_requirements:
        package, extras = open_requirements.pop()
        for requirement in map(Requirement, package.requires or []):
            marker = requirement.marker
            wanted = marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)
            if wanted and str(requirement) not in found:
                found.add(str(requirement))
                needed = distribution(requirement.name)
                open_requirements.append((needed, {"", *requirement.extras}))
    return {Requirement(line).name for line in found}


class Environment:
    """A virtual environment with ednn's wheel."""

    def __init__(self, folder: Path) -> None:
        self.python, self.ednn = folder / "bin" / "python", folder / "bin" / "ednn"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        (self.packages,) = folder.glob("lib/python*/site-packages")

    def link(self, names: set[str]) -> None:
        """Share packages with the environment of this test."""
        for name in names:
            files = distribution(name).files or []
            for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
                if not (self.packages / top).exists():
                    (self.packages / top).symlink_to(Path(str(distribution(name).locate_file(top))))

    def install(self, wheel: Path, *options: str) -> None:
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet"]
        subprocess.run([*pip, *options, str(wheel)], check=True)

    def __call__(self, folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.run(
            [*map(str, words)],
            cwd=folder,
            env={**clean, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(REPOSITORY)], check=True)
    (path,) = folder.glob("ednn-*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel with what it requires and nothing else."""
    environment = Environment(tmp_path_factory.mktemp("environment"))
    environment.link(required(wheel))
    environment.install(wheel, "--no-index")  # fails where a required package is not linked
    return environment


@pytest.fixture(scope="module")
def trained(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the installed command on a user's own data, in a folder with nothing else."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "conf" / "data").mkdir(parents=True)
    (folder / "conf" / "data" / "mine.yaml").write_text(OWN)
    (folder / "mine.py").write_text(MODULE)
    done = environment(folder, environment.ednn, "train", "run=small", *SMALL, "data=mine")
    assert done.returncode == 0, done.stderr
    return folder / "outputs" / "runs" / "small"


@pytest.mark.slow
def test_nothing_comes_from_the_checkout(environment: Environment, tmp_path: Path) -> None:
    code = "import ednn, ednn.commands.main as b, ednn.studies.report as c; "
    code += "print(ednn.__file__, b.__file__, c.__file__, sep='\\n')"
    done = environment(tmp_path, environment.python, "-c", code)
    assert len(done.stdout.splitlines()) == 3, done.stderr
    for path in done.stdout.splitlines():
        assert Path(path).is_relative_to(environment.packages)
    assert (environment.packages / "ednn" / "reports" / "templates" / "studies.html.j2").exists()
    packaged = {
        path.relative_to(environment.packages / "ednn")
        for path in (environment.packages / "ednn" / "conf").rglob("*.yaml")
    }
    assert packaged == {path.relative_to(REPOSITORY) for path in REPOSITORY.glob("conf/**/*.yaml")}


@pytest.mark.slow
def test_train_evaluate_and_predict(environment: Environment, trained: Path) -> None:
    folder = trained.parents[2]
    checkpoint = f"ckpt_path={trained / 'checkpoints' / 'best.ckpt'}"
    words = ["evaluate", checkpoint, "data=ising", "data.L=16", "data.n_test=50"]
    done = environment(folder, environment.ednn, *words)
    assert done.returncode == 0, done.stderr
    assert len(list(folder.glob("outputs/evaluations/*/summary.json"))) == 1
    with h5py.File(folder / "fields.h5", "w") as file:
        file["fields"] = np.ones((3, 12, 20), "int8")
    words = ["predict", checkpoint, "input=fields.h5", "output=predictions.h5"]
    done = environment(folder, environment.python, "-m", "ednn", *words)
    assert done.returncode == 0, done.stderr
    with h5py.File(folder / "predictions.h5") as file:
        assert file["prediction"].shape == (3, 1)


@pytest.mark.slow
def test_what_is_recorded_is_of_the_package(environment: Environment, trained: Path) -> None:
    recorded = json.loads((trained / "environment.json").read_text())
    assert recorded["command"].startswith("ednn train run=small data.n_train=")


@pytest.mark.slow
def test_the_commit_of_another_repository_is_not_recorded(
    environment: Environment, tmp_path: Path
) -> None:
    around = environment.python.parents[1]
    git = ["git", "-C", str(around), "-c", "user.name=a", "-c", "user.email=a"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=a"], check=True)
    code = "from ednn.runs.folder import environment; print(environment()['git_commit'])"
    done = environment(tmp_path, environment.python, "-c", code)
    assert done.stdout == "None\n", done.stderr


@pytest.mark.slow
def test_own_data_and_module(trained: Path) -> None:
    assert (trained / "summary.json").exists()
    assert "_target_: mine.Mine" in (trained / "config.yaml").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("command", [work.__name__ for work in WORKS])
def test_every_command_has_its_config(
    environment: Environment, tmp_path: Path, command: str
) -> None:
    done = environment(tmp_path, environment.ednn, command, "--cfg", "job")
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_help_has_what_one_types(environment: Environment, tmp_path: Path) -> None:
    done = environment(tmp_path, environment.python, "-m", "ednn", "train", "--help")
    assert done.returncode == 0, done.stderr
    assert "python -m ednn train " in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "missing", "extra"),
    [
        (["train", "-m", "tile.c=0,1", "hydra/launcher=joblib"], "launcher joblib", "joblib"),
        (["train", "-m", "tile.c=0,1", "hydra/launcher=slurm"], "launcher submitit_slurm", "slurm"),
        (["train", "-m", "tile.c=0,1", "hydra/sweeper=optuna"], "optuna", "optuna"),
        pytest.param(
            ["train", *SMALL, "logger=tensorboard"],
            *("tensorboard", "tensorboard"),
            marks=pytest.mark.long,  # as in tests/runs/test_failures.py
        ),
        (["train", "data=atoms", "data.path=set.extxyz"], "ASE", "atoms"),
    ],
    ids=["joblib", "slurm", "optuna", "tensorboard", "atoms"],
)
def test_a_missing_extra_is_named(
    environment: Environment, tmp_path: Path, words: list[str], missing: str, extra: str
) -> None:
    (tmp_path / "set.extxyz").write_text("1\nenergy=1.0\nC 0 0 0\n")
    done = environment(tmp_path, environment.ednn, *words)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert missing in sentence
    assert f'run `pip install "ednn[{extra}]"`' in sentence


@pytest.mark.slow
def test_labels_that_are_not_in_the_wheel(environment: Environment, tmp_path: Path) -> None:
    done = environment(tmp_path, environment.ednn, "train", "experiment=dft")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "data/dft/gfn1.h5" in done.stderr


@pytest.mark.long
def test_everything_from_the_registry(wheel: Path, tmp_path: Path) -> None:
    environment = Environment(tmp_path / "environment")
    environment.install(wheel, "-c", str(REPOSITORY / "constraints.txt"))
    folder = tmp_path / "empty"
    folder.mkdir()
    done = environment(folder, environment.ednn, "train", *SMALL)
    assert done.returncode == 0, done.stderr
    assert len(list(folder.glob("outputs/runs/*/summary.json"))) == 1
