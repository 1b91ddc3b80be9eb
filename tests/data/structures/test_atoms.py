"""Structures of one's own: read, trained on, predicted, or refused in a sentence."""

import json
from pathlib import Path
from typing import Any

import ase
import ase.io
import h5py
import numpy as np
import pandas as pd
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from ednn.core.errors import InputError
from ednn.data.structures.atoms import AtomsData
from tests.commands.test_configs import composed
from tests.conftest import run
from tests.data.structures.sheets import SMALL, as_frames, some


def test_structures_of_ones_own_train_and_predict(trained_on_sheets: Path, sheets: Path) -> None:
    labels = some(range(300, 340))
    ase.io.write(sheets / "own.extxyz", as_frames(labels), format="extxyz")
    arguments = ["data=atoms", "data.path=own.extxyz", *SMALL, "trainer.max_epochs=1", "run=own"]
    done = run(sheets, "train.py", *arguments)
    assert done.returncode == 0, done.stderr
    summary = json.loads((sheets / "outputs" / "runs" / "own" / "summary.json").read_text())
    assert summary["data"]["theory"] == "gfn1"
    assert "test/mean_absolute_error_of_forces" in summary

    frames = as_frames(labels)[:3]
    frames.append(frames[0].repeat((2, 1, 1)))
    ase.io.write(sheets / "new.extxyz", frames, format="extxyz")
    checkpoint = trained_on_sheets / "checkpoints" / "best.ckpt"
    for output in ("out.extxyz", "table.csv"):
        arguments = [f"ckpt_path={checkpoint}", "input=new.extxyz", f"output={output}"]
        done = run(sheets, "predict.py", *arguments, "forces=true")
        assert done.returncode == 0, done.stderr
    predicted: list[ase.Atoms] = list(ase.io.iread(sheets / "out.extxyz"))
    table = pd.read_csv(sheets / "table.csv", index_col="structure")
    energies = np.array([frame.info["predicted_gfn1_energy"] for frame in predicted])
    assert energies[3] == pytest.approx(2 * energies[0], rel=1e-6)
    np.testing.assert_allclose(table["predicted_gfn1_energy"], energies, rtol=1e-9)
    per_atom = [frame.info["predicted_gfn1_energy_per_atom"] for frame in predicted]
    np.testing.assert_allclose(per_atom, energies / [len(f) for f in predicted])
    with h5py.File(sheets / "out.h5") as file:
        assert file["contributions/3"].shape == (8, 4)
        assert file["contributions/0"][()].sum() == pytest.approx(energies[0])
        for i, frame in enumerate(predicted):
            np.testing.assert_allclose(frame.arrays["predicted_gfn1_energy_forces"][:, :2],
                                       file[f"forces/{i}"], atol=1e-6)  # fmt: skip
    assert predicted[0].get_potential_energy() == pytest.approx(labels.energy[0])  # the label's


def test_predictions_spare_files_of_their_name(trained_on_sheets: Path, sheets: Path) -> None:
    ase.io.write(sheets / "few.extxyz", as_frames(some(range(2))), format="extxyz")
    (sheets / "few.h5").write_text("a data set")
    arguments = [f"ckpt_path={trained_on_sheets}/checkpoints/best.ckpt", "input=few.extxyz"]
    done = run(sheets, "predict.py", *arguments, "output=few.csv")
    assert done.returncode != 0
    assert "would overwrite few.h5" in done.stderr
    assert (sheets / "few.h5").read_text() == "a data set"
    assert not (sheets / "few.csv").exists()


def test_atoms_on_the_edge_of_the_cell_are_wrapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = as_frames(some(range(3)))
    sides = frames[1].cell.lengths()
    frames[1].positions[3, :2] = -2e-8, sides[1]
    frames[1].calc = SinglePointCalculator(frames[1], **frames[1].calc.results)
    ase.io.write(tmp_path / "edge.traj", frames)
    cfg = composed("data=atoms", f"data.path={tmp_path / 'edge.traj'}")
    structure = instantiate(cfg.data, _convert_="all").labels.structure(1)
    np.testing.assert_allclose(structure.positions[3], [sides[0], 0], atol=1e-7)


def test_a_free_energy_goes_before_an_energy_as_forces_are_its_slope(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = as_frames(some(range(2)))
    for frame in frames:
        frame.calc.results["free_energy"] = frame.calc.results["energy"] - 3
    ase.io.write(tmp_path / "free.extxyz", frames, format="extxyz")
    cfg = composed("data=atoms", f"data.path={tmp_path / 'free.extxyz'}")
    labels = instantiate(cfg.data, _convert_="all").labels
    np.testing.assert_allclose(labels.energy, some(range(2)).energy - 3, rtol=0, atol=1e-6)


def test_stress_of_a_sheet_is_by_area(tmp_path: Path) -> None:
    frames = as_frames(some(range(2)))
    stress = np.arange(9.0).reshape(3, 3)
    stress = stress + stress.T
    for frame in frames:
        frame.calc.results["stress"] = stress
    ase.io.write(tmp_path / "set.extxyz", frames, format="extxyz")
    cfg = composed("data=atoms", f"data.path={tmp_path / 'set.extxyz'}")
    labels = instantiate(cfg.data, _convert_="all").labels
    np.testing.assert_allclose(labels.stress, [stress[:2, :2] * 15] * 2, rtol=1e-6)

    frames[1].calc.results.pop("stress")
    ase.io.write(tmp_path / "half.extxyz", frames, format="extxyz")
    cfg = composed("data=atoms", f"data.path={tmp_path / 'half.extxyz'}")
    assert not len(instantiate(cfg.data, _convert_="all").labels.stress)


@pytest.mark.parametrize(
    ("name", "entries", "words"),
    [
        ("REF_stress", {"REF_stress": [1.0, 2.0]}, r"structure 0 has REF_stress of shape \(2,\)"),
        ("own", {"REF_stress": np.eye(3)}, "structure 0 has no 'own' for data.stress"),
        ("GPa", {"GPa": np.eye(3), "stress_unit": "GPa"}, "multiply by 0.00624"),
    ],
)
def test_other_stress_is_refused(
    tmp_path: Path, name: str, entries: dict[str, Any], words: str
) -> None:
    frames = as_frames(some(range(1)))
    frames[0].info |= entries
    ase.io.write(tmp_path / "set.extxyz", frames, format="extxyz")
    cfg = composed("data=atoms", f"data.path={tmp_path / 'set.extxyz'}", f"data.stress={name}")
    with pytest.raises(InputError, match=words):
        _ = instantiate(cfg.data, _convert_="all").labels


def test_virials_are_no_stress() -> None:
    cfg = composed("data=atoms", "data.path=set.extxyz", "data.stress=virials")
    with pytest.raises(InstantiationException, match=r"data\.stress=virials names virials"):
        instantiate(cfg.data, _convert_="all")


def test_a_file_is_known_again_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = as_frames(some(range(300, 340)))
    for name in ("here.extxyz", "there.extxyz"):
        ase.io.write(tmp_path / name, frames, format="extxyz")

    def read_as(name: str) -> AtomsData:
        return instantiate(
            composed("data=atoms", f"data.path={tmp_path / name}").data, _convert_="all"
        )

    ase.io.write(tmp_path / "turned.extxyz", frames[::-1], format="extxyz")
    more = [*as_frames(some(range(50))), *frames]
    ase.io.write(tmp_path / "more.extxyz", more, format="extxyz")
    ase.io.write(tmp_path / "others.extxyz", more[:50], format="extxyz")
    here = read_as("here.extxyz")
    here.setup()
    tested = {}
    for name in ("there", "turned", "more", "others"):
        tested[name] = read_as(f"{name}.extxyz")
        tested[name].test_only(here.settings)
        tested[name].setup()
    test = here.splits["test"]
    assert tested["there"].splits["test"].tolist() == test.tolist()
    assert sorted(39 - tested["turned"].splits["test"]) == test.tolist()
    shared = tested["more"].splits["test"]
    assert (shared[shared >= 50] - 50).tolist() == test.tolist()
    assert len(tested["others"].splits["test"]) == 50


def spoilt(frames: list[ase.Atoms], how: str) -> list[ase.Atoms]:
    one = frames[1]
    if how == "no energy":
        one.calc = None
    elif how == "two theories":
        one.info["theory"] = "pbe"
    elif how == "a thick sheet":
        one.positions[3, 2] += 1
    elif how == "no number":
        one.calc.results["forces"][3, 0] = np.nan
    elif how == "no position":
        one.positions[3, 0] = np.nan
    elif how == "no atoms":
        del one[:]
        one.calc.results["forces"] = np.empty((0, 3))
    elif how == "an odd theory":
        for frame in frames:
            frame.info["theory"] = "my DFT"
    return frames


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("no energy", "structure 1 has no finite energy"),
        ("two theories", "mixes the theories gfn1, pbe"),
        ("a thick sheet", "structure 1 is 1 Å thick"),
        ("no number", "the forces of structure 1 holds nan in atom 3"),
        ("no position", "structure 1: atom 3 .*finite positions"),
        ("no atoms", "structure 1 has no atoms"),
        ("an odd theory", "names the theory 'my DFT'"),
    ],
)
def test_bad_structures_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, words: str
) -> None:
    ase.io.write(tmp_path / "bad.extxyz", spoilt(as_frames(some(range(3))), how), format="extxyz")
    cfg = composed("data=atoms", f"data.path={tmp_path / 'bad.extxyz'}", "data.dims=2")
    with pytest.raises(InputError, match=words):
        instantiate(cfg.data, _convert_="all").setup()


def test_a_prediction_that_does_not_fit_is_refused(trained_on_sheets: Path, sheets: Path) -> None:
    frames = as_frames(some(range(2)))
    iron = frames[1].copy()
    iron.numbers[0] = 26
    ase.io.write(sheets / "odd.extxyz", [frames[0], iron], format="extxyz")
    arguments = [f"ckpt_path={trained_on_sheets}/checkpoints/best.ckpt", "input=odd.extxyz"]
    done = run(sheets, "predict.py", *arguments, "output=odd_out.csv")
    assert done.returncode != 0
    assert "Structure 1 has an atom of Fe" in done.stderr
    assert not (sheets / "odd_out.csv").exists()
