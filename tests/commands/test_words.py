"""Words that are no settings, seeds that are none, names that no folder has: one sentence each."""

from pathlib import Path

import pytest

from tests.conftest import run

LARGEST = 2**32 - 1
BAD_SEEDS = ["202611251030", "-1", "null", "1.5", "abc", "true", "1e3", "", "[1]", "'1'"]


def sentence(folder: Path, *words: str) -> str:
    """All that a refused command writes, before it does anything."""
    done = run(folder, *words)
    assert done.returncode == 1, done.stdout
    assert not list(folder.iterdir())
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("data ising", "data sets nothing; type it as KEY=VALUE, such as data=ising."),
        ("--foo", "There is no flag --foo; --help lists"),
        ("--experimental-rerun config.pickle", "There is no flag --experimental-rerun"),
        ("tile.c=1 -m --bar", "There is no flag --bar"),
        ("--cfg foo", "choose from"),
        ("--cfg job -m", "Only one of --run, --multirun, --cfg"),
        ("--resolve", "can only be used in conjunction with --cfg"),
        ("-cn foo", "Cannot find primary config 'foo'"),
        ("--config-dir nowhere", "nowhere' not found"),
        ("data=", "There is no config data/; choose one of alloys"),
        ("data=ising data=dft", "data is given twice (data=ising, data=dft)"),
        ("=3", "=3 sets nothing"),
        ("tile.c=1,2", "several values, which want -m, for a job of each, or brackets"),
        ("tile.f=[2,4", """type "tile.f='[2,4'"."""),
        ("tile.c=choise(1,2)", "tile.c=choise(1,2) cannot be read"),
        ("+tile.c=1", "remove + prefix"),
        ("~data.foo", "'data.foo' does not exist."),
        ("run=", "run='' names no folder below outputs"),
        ("run=..", "run='..' names no folder below outputs"),
        ("name=/scratch", "name='/scratch' names no folder below outputs"),
        ("run=a/./b", "run='a/./b' names no folder"),
        (f"name={'ü' * 128}", "longer than the 255 bytes"),
    ],
)
def test_words(tmp_path: Path, words: str, said: str) -> None:
    assert said in sentence(tmp_path, "train.py", *words.split())


@pytest.mark.parametrize("seed", BAD_SEEDS)
def test_seeds(tmp_path: Path, seed: str) -> None:
    said = sentence(tmp_path, "train.py", f"seed={seed}")
    assert f"is not possible; give a whole number from 0 to {LARGEST} (2³² − 1)." in said


@pytest.mark.parametrize(
    "words",
    [
        "evaluate.py seed=-1 ckpt_path=best.ckpt",
        "evaluate.py data.seed=-1 ckpt_path=best.ckpt",
        "generate.py seed=-1",
        "study.py study.contributions.seed=-1",
        "train.py -m seed=0,-1",
        "train.py -m seed=range(-1,3)",
        "train.py +experiment=x ++seed=-1",
    ],
)
def test_seeds_of_every_command(tmp_path: Path, words: str) -> None:
    assert "seed=-1 is not possible" in sentence(tmp_path, *words.split())


def test_a_seed_of_an_own_config(tmp_path: Path) -> None:
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nseed: 20261125103000\n"
    )
    done = run(tmp_path, "train.py", "experiment=mine")
    assert done.stderr.startswith("error: seed=20261125103000 is not possible")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_the_largest_seed(tmp_path: Path) -> None:
    words = ["data.n_train=20", "data.n_val=20", "data.n_test=20", "data.batch_size=20"]
    done = run(tmp_path, "train.py", *words, f"seed={LARGEST}", "fast_dev_run=true")
    assert done.returncode == 0, done.stderr
