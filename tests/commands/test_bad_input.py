"""Bad input ends in one clear sentence, no traceback and a non-zero exit code."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from ednn.physics.ising import fingerprint
from tests.conftest import SHARED, SMALL, run


def refused(folder: Path, *arguments: str) -> str:
    """The one sentence that a command is refused with."""
    done = run(folder, *arguments)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return sentence


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the data of all refused trainings are made once."""
    return tmp_path_factory.mktemp("refused")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["data.batchsize=4"], "data.batch_size"),
        (["modle=ann"], "nearest valid key is model"),
        (["trainer={maxepochs:3}"], "trainer.maxepochs; the nearest valid key is trainer.max_ep"),
        (["-m", "tile.cc=1,2"], "nearest valid key is tile.c."),
        (["model=an"], "choose one of ann"),
        ([*SMALL, "tile.f=3"], "side of 8"),
        ([*SMALL, "tile.f=0"], "at least 1"),
        ([*SMALL, "tile.c=-1"], "at least 0"),
        ([*SMALL, "data.L=[8,8,8]"], "data.dims=3"),
        ([*SMALL, "model.subnet._target_=ednn.core.subnets.AN"], "ednn.core.subnets.AN"),
        ([*SMALL, "ckpt_path=nowhere.ckpt"], "nowhere.ckpt"),
        ([*SMALL, "data.n_train=many"], "data.n_train=many"),
        ([*SMALL, "data.n_test=0"], "test split"),
        ([*SMALL, "task=lbfgs"], "data.batch_size=2000"),
        ([*SMALL, "trainer.max_epochs=abc"], "trainer.max_epochs=abc"),
        ([*SMALL, "trainer.accumulate_grad_batches=0"], "whole number of at least 1"),
        ([*SMALL, "trainer=ddp_sim", "tile.f=3"], "side of 8"),
        ([*SMALL, "trainer=ddp_sim", "trainer.devices=3"], "multiple of 3"),
        ([*SMALL, "trainer=ddp_sim", "data.n_val=1"], "val split has 1 sample"),
        ([*SMALL, "trainer=ddp_sim", "trainer.devices=auto"], "number of processes"),
    ],
)
def test_bad_settings(shared_folder: Path, arguments: list[str], named: str) -> None:
    assert named in refused(shared_folder, "train.py", *arguments)


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("trainer", ["gpu", "ddp"])
def test_no_gpu(tmp_path: Path, trainer: str) -> None:
    assert "trainer=cpu" in refused(tmp_path, "train.py", *SMALL, f"trainer={trainer}")
    assert not (tmp_path / "data").exists()


def test_a_truncated_cache_file_is_refused_and_kept(trained: Path, tmp_path: Path) -> None:
    (cached,) = (trained.parents[2] / "data" / "cache").glob("*.h5")
    broken = tmp_path / "data" / "cache" / cached.name
    broken.parent.mkdir(parents=True)
    broken.write_bytes(cached.read_bytes()[:20_000])
    sentence = refused(tmp_path, "train.py", *SMALL)
    assert cached.name in sentence
    assert broken.stat().st_size == 20_000


def test_config_is_shown_without_running(tmp_path: Path) -> None:
    done = run(tmp_path, "train.py", "--cfg", "job", "experiment=ising_paper")
    assert done.returncode == 0
    assert "lr: 0.001" in done.stdout
    assert not (tmp_path / "data").exists()


def test_fast_dev_run(tmp_path: Path) -> None:
    done = run(tmp_path, "train.py", *SMALL, SHARED, "fast_dev_run=true")
    assert done.returncode == 0, done.stderr
    assert "one batch of everything ran" in done.stdout
    assert not list(tmp_path.rglob("summary.json"))


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fields") / "fields.h5"
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file["fields"] = rng.choice([-1, 1], (5, 12, 20)).astype("int8")
        file["images"] = file["fields"][()][..., None].astype("float32")
        holed = file["fields"][()].astype("float32")
        holed[3, 2, 1] = np.nan
        file["holed"] = holed
        file["cubes"] = rng.choice([-1, 1], (2, 4, 4, 4, 4)).astype("int8")
    return path


def test_predict_any_size(trained: Path, fields: Path, tmp_path: Path) -> None:
    checkpoint = trained / "checkpoints" / "best.ckpt"
    results = {}
    for key in ("fields", "images"):
        output = tmp_path / f"{key}.h5"
        done = run(
            tmp_path,
            "predict.py",
            f"ckpt_path={checkpoint}",
            f"input={fields}",
            f"output={output}",
            f"input_key={key}",
        )
        assert done.returncode == 0, done.stderr
        with h5py.File(output) as file:
            results[key] = file["prediction"][()], file["contributions"][()]
    prediction, contributions = results["fields"]
    assert prediction.shape == (5, 1)
    assert contributions.shape == (5, 12, 20, 1)
    np.testing.assert_allclose(contributions.sum((1, 2)), prediction, rtol=1e-5)
    np.testing.assert_array_equal(results["images"][0], prediction)


@pytest.mark.parametrize(
    ("key", "named"), [("nope", "fields, holed, images"), ("holed", "sample 3"), ("cubes", "(2, 4")]
)
def test_predict_refuses(trained: Path, fields: Path, tmp_path: Path, key: str, named: str) -> None:
    sentence = refused(
        tmp_path,
        "predict.py",
        f"ckpt_path={trained / 'checkpoints' / 'best.ckpt'}",
        f"input={fields}",
        "output=predictions.h5",
        f"input_key={key}",
    )
    assert named in sentence
    assert not list(tmp_path.glob("*.h5*"))


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("output=out.txt", "no known ending; use"),
        ("output=there.h5", "would overwrite there.h5"),
        ("output=there.h5/out.h5", "cannot be used"),
        ("output=best.h5 overwrite=true", "would overwrite best.h5"),
        ("output=there.h5 overwrite=no", "overwrite=no is not possible"),
        ("output=out.h5 bfloat16=half", "bfloat16=half is not possible"),
        ("output=out.h5 forces=true", "can't predict forces: it takes fields"),
    ],
)
def test_predict_overwrites_nothing(
    trained: Path, fields: Path, tmp_path: Path, output: str, words: str
) -> None:
    (tmp_path / "there.h5").write_text("precious")
    shutil.copy(trained / "checkpoints" / "best.ckpt", tmp_path / "best.h5")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    arguments = ["ckpt_path=best.h5", f"input={fields}", *output.split()]
    assert words in refused(tmp_path, "predict.py", *arguments)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_predict_overwrites_what_is_given_up(trained: Path, fields: Path, tmp_path: Path) -> None:
    (tmp_path / "there.h5").write_text("old")
    checkpoint = f"ckpt_path={trained / 'checkpoints' / 'best.ckpt'}"
    arguments = [checkpoint, f"input={fields}", "output=there.h5", "overwrite=true"]
    done = run(tmp_path, "predict.py", *arguments)
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "there.h5") as file:
        assert file.attrs["outputs"].tolist() == ["energy"]


def test_a_group_of_another_script_is_no_key(trained: Path, tmp_path: Path) -> None:
    checkpoint = f"ckpt_path={trained / 'checkpoints' / 'best.ckpt'}"
    sentence = refused(tmp_path, "evaluate.py", checkpoint, "experiment=ising")
    assert "experiment" in sentence


def test_evaluate_on_another_lattice(trained: Path, tmp_path: Path) -> None:
    arguments = [f"ckpt_path={trained / 'checkpoints' / 'best.ckpt'}", "data.n_test=50"]
    done = run(tmp_path, "evaluate.py", *arguments, "data=ising", "data.L=[12,16]")
    assert done.returncode == 0, done.stderr
    (summary,) = tmp_path.rglob("summary.json")
    assert {"parity.png", "error.png", "predictions.csv"} <= {
        p.name for p in summary.parent.iterdir()
    }
    sentence = refused(tmp_path, "evaluate.py", *arguments, "data.L=4", "data.dims=3")
    assert "takes fields in 2 dimensions, but those of this data set have 3" in sentence


def test_evaluation_never_meets_a_training_configuration(trained: Path, tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "evaluate.py",
        f"ckpt_path={trained / 'checkpoints' / 'best.ckpt'}",
        "data=ising",
        "data.n_test=500",
    )
    assert done.returncode == 0, done.stderr
    files = list((tmp_path / "data" / "cache").glob("*.h5"))
    assert len(files) == 2  # the training set, made again, and the test beside it
    marks = {}
    for path in files:
        with h5py.File(path) as file:
            for split in ("train", "test"):
                chosen = np.sort(file[f"splits/{split}"][()])
                marks[path, split] = set(fingerprint(file["fields"][()][chosen]))
    (trained_on,) = [m for (_, split), m in marks.items() if split == "train" and m]
    for (_, split), m in marks.items():
        if split == "test":
            assert m
            assert not m & trained_on
