"""Random settings on the command line: a training runs, or is refused in one sentence."""

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from tests.conftest import SHARED, SMALL, run
from tests.fuzz.running import few, many

VALUES = [
    *(
        "0",
        "1",
        "2",
        "-1",
        "1.5",
        "null",
        "true",
        "abc",
        "[]",
        "[2,2]",
        "1e3",
        "nan",
        "''",
        "{a:1}",
    ),
]
KEYS = [
    *("tile.f", "tile.c", "tile.padding", "data.L", "data.dims", "data.J", "data.n_test"),
    *("data.batch_size", "data.workers", "data.seed", "data.target", "data.temperatures", "seed"),
    *("data.bonds", "data.cache", "model.subnet.hidden", "task.optimizer.lr", "task.force_weight"),
    *("trainer.max_epochs", "trainer.devices", "trainer.precision", "trainer.accelerator", "speed"),
    *("trainer.gradient_clip_val", "trainer.limit_val_batches", "trainer.max_time", "standardise"),
    *("trainer.check_val_every_n_epoch", "trainer.accumulate_grad_batches", "ckpt_path", "resume"),
    *("run", "name", "fast_dev_run", "model", "data", "task", "experiment", "logger", "paper"),
]
overrides = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)).map("=".join), min_size=1, max_size=2
)


def check(words: list[str], folder: Path) -> None:
    small = [word.replace("2000", "20").replace("300", "5").replace("500", "5") for word in SMALL]
    done = run(folder, "train.py", "data=ising", "data.L=4", *small, SHARED, "resume=auto", *words)
    if done.returncode:
        assert "Traceback" not in done.stderr, (words, done.stderr)
        *_, last = done.stderr.strip().splitlines()
        assert last.startswith("error: "), (words, done.stderr)
        assert last.endswith("."), (words, done.stderr)


@few(6)
@given(overrides)
def test_a_few_settings(tmp_path_factory: Any, words: list[str]) -> None:
    check(words, tmp_path_factory.mktemp("settings"))


@many(400)
@given(overrides)
def test_many_settings(tmp_path_factory: Any, words: list[str]) -> None:
    check(words, tmp_path_factory.mktemp("settings"))
