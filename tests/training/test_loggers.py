"""W&B with and without a key, a network and a wish; real runs of it, offline."""

import json
import re
import shutil
from base64 import b64decode
from hashlib import md5
from pathlib import Path

import pytest

from ednn.runs.folder import Run
from tests.conftest import REPOSITORY, TINY, UNTESTED, run, run_alone
from tests.training.wandb_files import written

WORDS = [*TINY, "run=mine", "logger=wandb"]
ERROR = "test/mean_absolute_error_per_site"
KEY = "0123456789" * 4


def wandb_ids(logs: Path) -> list[str]:
    return [path.name.split("-")[-1] for path in sorted(logs.glob("wandb/offline-run-*"))]


@pytest.mark.long
@pytest.mark.parametrize("key", [KEY, "short"])
def test_a_login_that_is_of_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("WANDB_API_KEY", key)
    done = run_alone(tmp_path, "train.py", *WORDS, "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    assert "the run is kept offline in" in done.stdout
    assert len(wandb_ids(tmp_path / "outputs" / "runs" / "mine" / "logs")) == 1


def test_disabled_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    done = run(tmp_path, "train.py", *WORDS, UNTESTED, "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.rglob("*") if "wandb" in path.name]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that W&B has kept offline."""
    folder = tmp_path_factory.mktemp("logged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        done = run(folder, "train.py", *WORDS, "trainer.max_epochs=2", "tile.f=2")
    assert done.returncode == 0, done.stderr
    return Run(folder / "outputs" / "runs" / "mine")


def test_a_resumed_run_goes_on_under_its_id(
    logged: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    here = tmp_path / "outputs" / "runs" / "mine"
    shutil.copytree(logged.folder, here)
    words = [UNTESTED, "trainer.max_epochs=3", "tile.f=2", "resume=auto"]
    done = run(tmp_path, "train.py", *WORDS, *words)
    assert done.returncode == 0, done.stderr
    first, second = wandb_ids(here / "logs")
    assert first == second


def test_what_users_find_a_run_by_and_compare(logged: Run) -> None:
    found = written(logged.folder / "logs")
    kind = found.run.display_name, found.run.run_group, found.run.job_type
    assert kind == ("mine", "runs", "train")
    assert list(found.run.tags) == ["ising", "ann"]
    assert found.run.notes == f"ednn train {' '.join(WORDS)} trainer.max_epochs=2 tile.f=2"
    assert found.config["units.mean_absolute_error_per_site"] == "J per spin"
    (least,) = [metric for metric in found.metrics if metric.summary.min]
    assert least.glob_name == "val/*"  # W&B makes val/loss.min of it
    assert found.summary["unit"] == "J"
    assert set(found.pictures) == {"loss", "parity", "error", "reliability"}


def test_the_how_to_names_what_is_there(logged: Run) -> None:
    found = written(logged.folder / "logs")
    page = (REPOSITORY / "docs/howto/wandb.md").read_text()
    told = re.findall(r"^\| (?:config|summary) .*|^[23]\..*(?:\n   .*)*", page, flags=re.MULTILINE)
    names = set(re.findall(r"`([a-z]+[./][\w./]*[a-zA-Z])`", "\n".join(told)))
    assert len(names) > 8
    known = {name.removesuffix(".min") for name in found.config.keys() | found.summary.keys()}
    assert {name.removesuffix(".min") for name in names} - known == {"summary.json"}


def test_the_model_is_an_artifact(logged: Run) -> None:
    found = written(logged.folder / "logs")
    models = {alias: a for a in found.artifacts for alias in a.aliases if alias != "latest"}
    assert models.keys() == {"best", "last"}
    for alias, path in (("best", logged.best), ("last", logged.last)):
        model = models[alias]
        assert (model.type, model.name) == ("model", f"model-{found.run.run_id}")
        (file,) = model.manifest.contents
        assert b64decode(file.digest) == md5(path.read_bytes()).digest()
        assert Path(file.local_path).is_relative_to(logged.folder)  # until it is uploaded
    about = json.loads(models["best"].metadata)
    assert about["tiles"].startswith("f = 2, c = 1")
    assert about["test/mean_absolute_error"] == logged.read_summary()["test/mean_absolute_error"]
    assert not any(name.startswith("test/") for name in json.loads(models["last"].metadata))


@pytest.mark.long
def test_a_sweep_is_one_group_with_its_table_and_heat_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    words = [*WORDS, "tile.f=1,2", "tile.c=0,1", "trainer.max_epochs=1", "resume=auto"]
    sweep = tmp_path / "outputs" / "sweeps" / "mine"
    ids = []
    for _ in range(2):  # the second goes on with a sweep that is done
        done = run(tmp_path, "train.py", "-m", *words, "logger.wandb.tags=[first]")
        assert done.returncode == 0, done.stderr
        whole = written(sweep / "logs")
        ids.append(whole.run.run_id)
    assert ids[0] == ids[1]
    jobs = [written(logs) for logs in sweep.glob("tile*/logs")]
    names = {f"tile.c={c},tile.f={f}" for c in (0, 1) for f in (1, 2)}
    assert {job.run.display_name for job in jobs} == names
    assert [job.run.run_group for job in (whole, *jobs)] == ["mine"] * 5
    assert [list(job.run.tags) for job in jobs] == [["first"]] * 4
    assert (whole.run.job_type, whole.run.display_name) == ("sweep", "mine")
    assert whole.run.notes.startswith("ednn train -m ")
    assert whole.pictures == ["heatmap"]
    table = {(row["tile.f"], row["tile.c"]): row[ERROR] for row in whole.tables["sweep"]}
    found = {(j.config["tile.f"], j.config["tile.c"]): j.summary[ERROR] for j in jobs}
    assert found == table
