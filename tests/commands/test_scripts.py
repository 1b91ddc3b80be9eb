"""Scripts say in one sentence what they lack."""

import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

INSTALL_PBE = Path(__file__).parents[2] / "scripts" / "install_pbe.sh"


@pytest.mark.parametrize(
    ("python", "commands", "words"),
    [
        ("no/python", [], "there is no no/python: run `make install` first"),
        (sys.executable, [], "there is no apt-get here: install them in your system's way"),
        (sys.executable, ["apt-get"], "no sudo here: run this as root"),
    ],
    ids=["environment", "apt", "root"],
)
def test_the_pbe_script_names_what_is_missing_and_touches_nothing(
    tmp_path: Path, python: str, commands: list[str], words: str
) -> None:
    (tmp_path / "dirname").symlink_to(str(which("dirname")))
    programs = dict.fromkeys(commands, "echo touched") | {"id": "echo 1000"}  # not root
    for name, line in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    run = subprocess.run(
        ["/bin/sh", INSTALL_PBE],
        env={"PATH": str(tmp_path), "PYTHON": python},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert words in run.stderr
    assert run.stderr.count("\n") == 1
    assert not run.stdout
