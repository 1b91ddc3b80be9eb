"""predict.py on files of structures, and evaluate.py: what is unlike the training is refused."""

from pathlib import Path

import ase
import ase.io
import h5py
import numpy as np
import pandas as pd
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

from ednn.core.build import build_model
from ednn.core.info import DatasetInfo, Output
from tests.conftest import REPOSITORY, run
from tests.core.test_checkpoint import made, save
from tests.data.structures.sheets import as_frames, some

GRID = 32
# Ends the command where it would rename something to a given path here, as a power cut would.
KILLER = """
import os, runpy, signal, sys
script, name, *sys.argv[1:] = sys.argv[1:]
sys.argv[0], replace = script, os.replace
def replace_or_die(source, target):
    if os.fspath(target) == name:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = replace_or_die
runpy.run_path(script, run_name="__main__")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with checkpoints of both kinds, and structures."""
    folder = tmp_path_factory.mktemp("structures")
    labels = some(range(2))
    info = DatasetInfo(
        (Output("gfn1_energy", "eV", "meV per atom", 1000.0),),
        site="atom",
        species=(5, 6, 7),
        pixel=tuple((labels.cell[0].diagonal() / GRID).tolist()),
        grid=(GRID, GRID),
        gamma=0.4,
        nearest=(1.2, 1.6),
    )
    config = {"_target_": "EDNN", "subnet": {"_target_": "ANN"}, "focus": 8, "context": 4}
    save(folder / "structures.ckpt", build_model(config, info))
    save(folder / "fields.ckpt", made("spins"))
    ase.io.write(folder / "own.extxyz", as_frames(labels), format="extxyz")
    with h5py.File(folder / "fields.h5", "w") as file:
        file["fields"] = np.ones((2, 8, 8))
    return folder


def refused(folder: Path, *words: str) -> str:
    done = run(folder, *words)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return sentence


def in_bohr(frames: list[ase.Atoms]) -> list[ase.Atoms]:
    for frame in frames:
        results = frame.calc.results
        frame.set_cell(frame.cell / 0.529177, scale_atoms=True)
        frame.calc = SinglePointCalculator(frame, **results)
    return frames


def without_cell(frames: list[ase.Atoms]) -> list[ase.Atoms]:
    return [ase.Atoms(frame.numbers, frame.positions, pbc=True) for frame in frames]


def in_one_place(frames: list[ase.Atoms]) -> list[ase.Atoms]:
    frames[1].positions[3] = frames[1].positions[8]
    return frames


def with_an_isolated_atom(frames: list[ase.Atoms]) -> list[ase.Atoms]:
    return [*frames, ase.Atoms("C")]


def in_nanometres(frames: list[ase.Atoms]) -> list[ase.Atoms]:
    frames[1].info |= {"length_unit": "nm", "energy_unit": "kcal/mol"}
    return frames


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (in_bohr, "structure 0: the nearest neighbours are"),
        (without_cell, "structure 0 has no cell along the periodic direction 0"),
        (in_one_place, "structure 1: atoms 3 and 8 are 0 Å apart"),
        (with_an_isolated_atom, "holds 1 isolated atom(s), the first as structure 2"),
        (in_nanometres, "structure 1 has length_unit=nm; expected Å"),
    ],
)
def test_structures_unlike_those_of_the_training_are_refused(
    folder: Path, tmp_path: Path, change: object, words: str
) -> None:
    assert callable(change)
    ase.io.write(tmp_path / "odd.extxyz", change(as_frames(some(range(2)))), format="extxyz")
    checkpoint = f"ckpt_path={folder / 'structures.ckpt'}"
    arguments = [checkpoint, "input=odd.extxyz", "output=out.csv"]
    assert words in refused(tmp_path, "predict.py", *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["odd.extxyz"]
    if change is in_bohr:
        data = ["data=atoms", "data.path=odd.extxyz", f"data.grid={GRID}"]
        assert words in refused(tmp_path, "evaluate.py", checkpoint, *data)


def test_extrapolate_takes_what_the_model_never_saw(folder: Path, tmp_path: Path) -> None:
    frames = as_frames(some(range(1)))
    bare = ase.Atoms("CB", frames[0].positions[[0, 30]], cell=frames[0].cell, pbc=True)
    ase.io.write(tmp_path / "few.extxyz", bare, format="extxyz")
    with h5py.File(tmp_path / "few.h5", "w") as file:
        file["fields"] = np.full((2, 8, 8), 3.0)
    for kind, words in (("structures", "nearest neighbours"), ("fields", "A field holds 3")):
        source = "few.extxyz" if kind == "structures" else "few.h5"
        output = "out.csv" if kind == "structures" else "fields_out.h5"
        arguments = [f"ckpt_path={folder / kind}.ckpt", f"input={source}", f"output={output}"]
        sentence = refused(tmp_path, "predict.py", *arguments)
        assert words in sentence
        assert "extrapolate=true" in sentence
        done = run(tmp_path, "predict.py", *arguments, "extrapolate=true")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / output).exists()


@pytest.mark.parametrize(
    ("model", "source", "output", "words"),
    [
        (
            "fields",
            "own.extxyz",
            "out.extxyz",
            "own.extxyz is no file of fields",
        ),
        (
            "fields",
            "own.extxyz",
            "out.h5",
            "own.extxyz is no file of fields",
        ),
        ("structures", "fields.h5", "out.h5", "takes structures, and input=fields.h5 is an HDF5"),
        ("structures", "fields.h5", "out.csv", "takes structures, and input=fields.h5 is an HDF5"),
        ("structures", "none.extxyz", "out.csv", "There is no file none.extxyz"),
        ("fields", "none.h5", "out.h5", "There is no file none.h5"),
    ],
)
def test_the_model_says_what_it_takes(
    folder: Path, model: str, source: str, output: str, words: str
) -> None:
    arguments = [f"ckpt_path={model}.ckpt", f"input={source}", f"output={output}"]
    assert words in refused(folder, "predict.py", *arguments)


@pytest.mark.parametrize("last", ["out.h5", "out.csv"])
def test_a_kill_between_two_renames_is_mended_by_the_same_command(
    folder: Path, tmp_path: Path, last: str
) -> None:
    killer = folder / "killer.py"
    killer.write_text(KILLER)
    checkpoint = f"ckpt_path={folder / 'structures.ckpt'}"
    words = [checkpoint, f"input={folder / 'own.extxyz'}", "output=out.csv"]
    for _ in range(2):  # the same accident twice
        killed = run(tmp_path, str(killer), str(REPOSITORY / "predict.py"), last, *words)
        assert killed.returncode == -9, killed.stderr
        assert (tmp_path / "out.h5").exists() == (last == "out.csv")
        assert not (tmp_path / "out.csv").exists()
    done = run(tmp_path, "predict.py", *words)
    assert done.returncode == 0, done.stderr
    energies = pd.read_csv(tmp_path / "out.csv")["predicted_gfn1_energy"]
    with h5py.File(tmp_path / "out.h5") as file:
        sums = [file[f"contributions/{i}"][()].sum() for i in range(2)]
    np.testing.assert_allclose(energies, sums, rtol=1e-9)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.h5"]
    assert "would overwrite" in refused(tmp_path, "predict.py", *words)  # as ever
