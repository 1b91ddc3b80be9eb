"""What pages tell a reader to type is known here; `make test-long` types it."""

import ast
import re
from pathlib import Path

import pytest
from hydra import compose
from hydra.core.override_parser.types import IntervalSweep
from omegaconf import OmegaConf

from ednn.commands.as_typed import in_grammar, parsed
from ednn.commands.groups import visible_configs
from ednn.commands.hydra_fixes import read_words
from ednn.commands.main import WORKS
from tests.conftest import REPOSITORY
from tests.docs.pages import PAGES, blocks, command
from tests.docs.workplace import Workplace

WITH_CODE = [page for page in PAGES if blocks(page)]


def composed_first_job(name: str, words: list[str]) -> None:
    """Compose the config of a command, or of the first job of its sweep."""
    if name == "evaluate" and not any(word.startswith("data=") for word in words):
        # whose data are those of a run, which isn't here
        words = ["data=ising", *(word for word in words if not word.startswith("data."))]
    read = read_words(words)
    with visible_configs(words) as overrides:
        for word in in_grammar(read.overrides, sweep=read.multirun):
            override = parsed(word)
            assert override is not None, word
            value = override.value()
            if isinstance(value, IntervalSweep):  # of a search
                word = f"{override.get_key_element()}={value.start}"
            elif override.is_sweep_override():
                first = next(override.sweep_string_iterator())
                word = f"{override.get_key_element()}={first}"
            overrides.append(word)
        compose(name, overrides)


@pytest.mark.parametrize("page", WITH_CODE, ids=str)
def test_commands_compose_and_snippets_parse(page: Path) -> None:
    written = {block.file for block in blocks(page)}
    for block in blocks(page):
        if block.kind == "python":
            ast.parse(block.code)
        if block.kind == "yaml":
            OmegaConf.create(block.code)
        for line in block.lines if block.kind == "sh" else []:
            if target := re.match(r"make ([\w-]+)", line):
                assert f"\n{target[1]}:" in (REPOSITORY / "Makefile").read_text()
            if (typed := command(line)) and not any(new_config(word, written) for word in typed[1]):
                composed_first_job(*typed)


def new_config(word: str, written: set[str]) -> bool:
    """Tell whether a word chooses a config that the page itself has the reader write."""
    group, _, name = word.partition("=")
    return f"conf/{group}/{name}.yaml" in written


def test_there_are_pages_and_commands() -> None:
    lines = [line for page in PAGES for block in blocks(page) for line in block.lines]
    assert sum(command(line) is not None for line in lines) > 60
    assert {work.__name__ for work in WORKS} == {
        typed[0] for line in lines if (typed := command(line))
    }


@pytest.mark.long
@pytest.mark.parametrize("page", WITH_CODE, ids=str)
def test_what_a_page_says_runs(page: Path, trained: Path, tmp_path: Path) -> None:
    workplace = Workplace(tmp_path / "ednn", trained)
    for block in blocks(page):
        workplace.do(block)
