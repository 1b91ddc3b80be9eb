"""The command `ednn`: its commands, their help, and how quickly it says what it knows."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ednn.commands.groups import PURPOSE, own_groups
from ednn.commands.main import COMMANDS, WORKS
from tests.conftest import TINY, UNTESTED, run

HEAVY = ("h5py", "lightning", "matplotlib", "numpy", "pandas", "scipy", "torch", "wandb")


def ednn(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "-m", "ednn", *arguments)


def test_all_commands_are_listed_with_a_line_each(tmp_path: Path) -> None:
    listed = ednn(tmp_path)
    assert listed.returncode == 0
    assert ednn(tmp_path, "--help").stdout == listed.stdout
    assert "  predict   Predict fields from a file" in listed.stdout
    for name in COMMANDS:
        assert f"\n  {name} " in listed.stdout


def test_the_version_is_printed(tmp_path: Path) -> None:
    assert ednn(tmp_path, "--version").stdout == f"ednn {version('ednn')}\n"


def test_an_unknown_command_is_refused_with_the_nearest(tmp_path: Path) -> None:
    done = ednn(tmp_path, "evalute", "data=ising")
    assert done.returncode == 1
    assert done.stderr == (
        "error: There is no command evalute; the nearest is evaluate, and `python -m ednn --help` "
        "lists them all.\n"
    )


def test_a_command_is_that_of_the_script(tmp_path: Path) -> None:
    script = run(tmp_path, "train.py", "--cfg", "job", "experiment=ising")
    command = ednn(tmp_path, "train", "--cfg", "job", "experiment=ising")
    assert command.stdout == script.stdout
    assert "precision: 64-true" in command.stdout


def test_what_was_typed_is_recorded(tmp_path: Path) -> None:
    words = [*TINY, UNTESTED, "trainer.max_epochs=1"]
    done = ednn(tmp_path, "train", *words, "data.L=[4,4]", "run=typed")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "runs" / "typed"
    recorded = json.loads((folder / "environment.json").read_text())["command"]
    assert recorded == f"python -m ednn train {' '.join(words)} 'data.L=[4,4]' run=typed"


@pytest.mark.parametrize("command", [work.__name__ for work in WORKS])
def test_help_has_the_groups_of_the_command_alone(tmp_path: Path, command: str) -> None:
    done = ednn(tmp_path, command, "--help")
    assert done.returncode == 0, done.stderr
    assert f"python -m ednn {command} " in done.stdout  # an example
    own = own_groups(command)
    rows = [line.split("  ", 2)[1:] for line in done.stdout.splitlines() if line.startswith("  ")]
    told = {row[0]: row[1].strip() for row in rows if len(row) == 2}
    for group, chosen in own.items():
        assert told[f"{group}={chosen}"].startswith(PURPOSE[group])
    for group in PURPOSE.keys() - own.keys():
        assert not any(name.startswith(f"{group}=") for name in told)
    assert "defaults:" not in done.stdout


def test_help_of_a_script_has_what_one_types_there(tmp_path: Path) -> None:
    done = run(tmp_path, "predict.py", "-h")
    assert "\npython predict.py ckpt_path=" in done.stdout
    assert "  memory: 2 # GB of each process" in done.stdout


@pytest.mark.parametrize(
    ("words", "title", "setting"),
    [
        (["train", "data=hdf5"], "data=hdf5, typed data.KEY=VALUE:", "x: images # its dataset"),
        (["train", "experiment=dft"], "experiment=dft, typed KEY=VALUE:", "huber_delta: 0.05"),
        (["study", "study=fig2"], "study=fig2, typed study.fig2.KEY=VALUE:", "c: [0, 1, 2, 3]"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_help_of_a_choice(tmp_path: Path, words: list[str], title: str, setting: str) -> None:
    shown = ednn(tmp_path, *words, "--help").stdout
    assert f"Settings of {title}" in shown
    assert setting in shown.partition(title)[2]


def test_nothing_heavy_is_loaded_to_say_what_is_known(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from ednn.commands.main import WORKS, main\n"
        "lines = [[w.__name__, *words.split()] for w in WORKS for words in sys.argv[1:]]\n"
        "for line in [[], *lines]:\n"
        "    sys.argv[1:], said = line, ''\n"
        "    try:\n        main()\n"
        "    except SystemExit as end:\n        said = str(end).partition(';')[0]\n"
        f"    loaded = sorted({set(HEAVY)} & sys.modules.keys())\n"
        "    print(*line, loaded, said, file=sys.stderr)\n"
    )
    known = {"--help": "", "--cfg job": "", "sead=4": "error: There is no config key sead"}
    done = run(tmp_path, "-c", code, *known)
    lines = [f"{w.__name__} {words} [] {said}" for w in WORKS for words, said in known.items()]
    assert done.stderr.splitlines() == ["[] ", *lines]


def test_the_package_pulls_in_torch_and_numpy_alone(tmp_path: Path) -> None:
    code = (
        "import sys, ednn\n"
        "assert 'torch' not in sys.modules\n"
        "for name in ednn.__all__: getattr(ednn, name)\n"
        f"print(*sorted({set(HEAVY) | {'hydra', 'omegaconf'}} & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.split() == ["numpy", "torch"], done.stderr


COMPLETIONS = [
    ("ednn ", list(COMMANDS)),
    ("ednn ev", ["evaluate"]),
    ("ednn train exp", ["experiment="]),
    ("ednn train experiment=is", ["experiment=ising", "experiment=ising_paper"]),
    ("ednn train data=dft data.t", ["data.test=", "data.theory="]),
    ("ednn predict m", ["memory="]),  # no model, which is a group of train
    ("ednn trian exp", []),
    ("ednn evaluate --c", []),  # what begins several flags is not told as a mistake
]
SCRIPTS = {
    "bash": """
eval "$(ednn --shell-completion install=bash)"
complete -p ednn | grep -q hydra_bash_completion || exit 1
COMP_LINE="{line}" COMP_POINT={point} COMP_CWORD={word}
hydra_bash_completion
printf "%s\\n" "${{COMPREPLY[@]}}"
""",
    "fish": """
ednn --shell-completion install=fish | source
complete -C "{line}"
""",
}


@pytest.mark.parametrize(
    ("shell", "line", "expected"),
    # What is completed does not depend on the shell, but how it is asked for does.
    [*(("bash", *each) for each in COMPLETIONS), *(("fish", *each) for each in COMPLETIONS[2:5])],
)
def test_a_shell_completes_words(
    tmp_path: Path, shell: str, line: str, expected: list[str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    (tmp_path / "ednn").write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from ednn.commands.main import main; main()" "$@"\n'
    )
    (tmp_path / "ednn").chmod(0o755)
    done = subprocess.run(
        [shell, "-c", SCRIPTS[shell].format(line=line, point=len(line), word=line.count(" "))],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == sorted(expected)
    assert not done.stderr
