"""Whatever the file system takes can be typed, as it is, wherever text is asked for."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from ednn.commands.as_typed import in_grammar, parsed
from tests.conftest import SHARED, SMALL, UNTESTED, run

TINY = [*SMALL, "data.n_train=500", "trainer.max_epochs=1"]
NAMES = [
    "tile.c=1,tile.f=2",
    "~Ü (1) [2] {3}",
    "#Å: $x %s 'it\"s",
    "--a@0:;&|<>*?!`\\",
    "[energy,gap]",
    "2024_01_15",
]


def value(key: str, typed: str, sweep: bool = False) -> object:
    """What Hydra reads, of several values a list."""
    (word,) = in_grammar([f"{key}={typed}"], sweep)
    override = parsed(word)
    assert override is not None, word
    if override.is_sweep_override():
        return [parsed(f"{key}={v}").value() for v in override.sweep_string_iterator()]  # type: ignore[union-attr]
    return override.value()


@pytest.mark.parametrize(
    "typed",
    [
        *NAMES,
        *("null", "true", "1e5", "007", "nan", "2024-01-15", "choice(1,2)", "{a: 1}"),
        *("", " a ", "'", '"', "\\", "a\\'b", ",a,,", "a\nb", "日本", "--x", "..", "$HOME", "a::b"),
    ],
)
@pytest.mark.parametrize("key", ["run", "input", "+name", "++data.x"])
def test_text_is_what_was_typed(key: str, typed: str) -> None:
    assert value(key, typed) == typed


@pytest.mark.parametrize(
    ("key", "typed", "meant"),
    [
        ("ckpt_path", "null", None),
        ("data.y", "[energy,gap]", ["energy", "gap"]),
        ("run", "'in quotes'", "in quotes"),
        ("run", "${seed}=1", "${seed}=1"),  # is looked up in quotes, too
        ("tile.f", "[2,4]", [2, 4]),
        ("seed", "1", 1),
        ("train", "[seed=1, tile.f=[2,4],+a/b=c]", ["seed=1", "tile.f=[2,4]", "+a/b=c"]),
        ("train", "['a=1']", ["a=1"]),
        ("train", "[]", []),
        ("data.folder", "/of/my=own/(class)", "/of/my=own/(class)"),
    ],
)
def test_the_grammar_stays(key: str, typed: str, meant: object) -> None:
    assert value(key, typed) == meant


@pytest.mark.parametrize(
    ("key", "typed", "meant"),
    [
        ("data.path", "a=1.h5,(b).h5", ["a=1.h5", "(b).h5"]),
        ("name", "2024,1e5", ["2024", "1e5"]),
        ("data.y", "[energy,gap],energy", [["energy", "gap"], "energy"]),
        ("data.path", "choice('a,b',c)", ["a,b", "c"]),
        ("tile.c", "range(1,3)", [1, 2]),
        ("data.path", "there=1,2.h5,c.h5", ["there=1,2.h5", "c.h5"]),
        ("data.path", "there=1,2.h5", "there=1,2.h5"),
    ],
)
def test_sweeps_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, typed: str, meant: object
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there=1,2.h5").touch()
    assert value(key, typed, sweep=True) == meant


@pytest.mark.parametrize("name", [*NAMES[:5], "'quoted'", "${now:%Y}"])
def test_a_path_that_is_there_is_taken(trained: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    shutil.copy(trained / "checkpoints" / "best.ckpt", tmp_path / name / name)
    with h5py.File(tmp_path / name / f"{name}.h5", "w") as file:
        file[name if name in NAMES else "fields"] = np.ones((2, 4, 4), "int8")
    done = run(
        tmp_path,
        "predict.py",
        f"ckpt_path={name}/{name}",
        f"input={name}/{name}.h5",
        f"output={'x' if '$' in name else name}/{name}.out.h5",
        *([f"input_key={name}"] if name in NAMES else []),
    )
    assert done.returncode == 0, done.stderr
    (output,) = tmp_path.glob("*/*.out.h5")
    with h5py.File(output) as file:
        assert file.attrs["model"] == f"{name}/{name}"


@pytest.mark.parametrize(
    ("name", "group", "cache"), [(NAMES[0], NAMES[2], "null"), ("null", "a::b", NAMES[0])]
)
def test_a_run_is_called_as_typed(tmp_path: Path, name: str, group: str, cache: str) -> None:
    words = [*TINY, UNTESTED, f"run={name}", f"name={group}", f"data.cache={cache}"]
    done = run(tmp_path, "train.py", *words)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / group / name
    assert (folder / "summary.json").exists()
    assert OmegaConf.load(folder / "config.yaml").run == name
    assert len(list((tmp_path / cache).glob("*.h5"))) == 1
    again = run(tmp_path, "train.py", *words, "resume=auto")
    assert "Already finished" in again.stdout, again.stderr


@pytest.mark.slow
def test_a_sweep_over_paths(trained: Path, tmp_path: Path) -> None:
    long = "x" * 250
    there = [tmp_path / "tile.c=1,tile.f=2" / "best.ckpt", tmp_path / "b" / long / "c=3.ckpt"]
    for path in there:
        path.parent.mkdir(parents=True)
        shutil.copy(trained / "checkpoints" / "best.ckpt", path)
    typed = [str(path.relative_to(tmp_path)) for path in there]
    words = ["-m", f"ckpt_path={','.join(typed)}", "run=a=b", *TINY, SHARED]
    done = run(tmp_path, "train.py", *words)
    assert done.returncode == 0, done.stderr
    sweep = tmp_path / "outputs" / "sweeps" / "a=b"
    table = pd.read_csv(sweep / "sweep.csv")
    assert table["ckpt_path"].tolist() == typed
    assert (sweep / f"ckpt_path={typed[0]}" / "summary.json").exists()
    again = run(tmp_path, "train.py", *words, "resume=auto")
    assert again.stdout.count("Already finished") == 2, again.stderr
    best = sweep / f"ckpt_path={typed[0]}" / "checkpoints" / "best.ckpt"
    done = run(tmp_path, "evaluate.py", f"ckpt_path={best}", "data.n_test=50", "run=a,b", SHARED)
    assert done.returncode == 0, done.stderr
    evaluated = tmp_path / "outputs" / "evaluations" / "a,b"
    assert json.loads((evaluated / "summary.json").read_text())["ckpt_path"] == str(best)


def test_what_was_typed_finds_the_run_again(trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / "checkpoints" / "best.ckpt", tmp_path / "a=(1).ckpt")
    words = [*TINY, SHARED, UNTESTED, "ckpt_path=a=(1).ckpt"]
    assert run(tmp_path, "train.py", *words).returncode == 0
    (folder,) = (tmp_path / "outputs" / "runs").iterdir()
    recorded = json.loads((folder / "environment.json").read_text())["command"]
    assert recorded.endswith(" 'ckpt_path=a=(1).ckpt'")
    assert "Already finished" in run(tmp_path, "train.py", *words, "resume=auto").stdout
