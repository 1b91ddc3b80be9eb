"""Sets of structures: padded batches, splits that stay, exact symmetries, real trainings."""

import json
from pathlib import Path
from typing import Any

import ase
import ase.io
import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from ase.calculators.singlepoint import SinglePointCalculator
from hydra.utils import instantiate

from ednn.data.atoms import AtomsData
from ednn.data.base import Batch
from ednn.data.dft import DFTData
from ednn.data.labelled import LabelledSet, join, read, split, write
from ednn.data.structures import StructureDataset, moved
from ednn.errors import InputError
from ednn.experiment import make_data
from ednn.runs import plain
from ednn.spec import build, load_model, read_checkpoint
from tests.conftest import REPOSITORY, run
from tests.test_configs import composed

SHIPPED = REPOSITORY / "data" / "dft" / "gfn1.h5"
SMALL = [
    *("model=fcn", "tile.f=8", "tile.c=4"),
    *("data.grid=32", "data.gamma=0.4", "data.batch_size=20"),
]


def some(seeds: range, **changes: str) -> LabelledSet:
    """A few shipped structures."""
    labels = read(SHIPPED)
    records = {seed: record for seed, record in split(labels).items() if seed in seeds}
    return join(records, {**labels.attributes, **changes})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small labelled sets, as the repository has large ones."""
    folder = tmp_path_factory.mktemp("dft")
    (folder / "data" / "dft").mkdir(parents=True)
    write(folder / "data" / "dft" / "gfn1.h5", some(range(120)))
    other = some(range(200, 260), theory="pbe")
    counts = np.array([[(z == other.numbers[other.atoms(i)]).sum() for z in (5, 6, 7)]
                       for i in range(len(other))])  # fmt: skip
    other.energy[:] += counts @ [3.0, -1.0, 2.0]
    write(folder / "data" / "dft" / "pbe.h5", other)
    return folder


def make(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> DFTData:
    monkeypatch.setenv("EDNN_RUN", "test")
    monkeypatch.chdir(folder)
    overrides = [f"data.{key}={value}" for key, value in changes.items()]
    data = instantiate(composed("data=dft", *overrides).data, _convert_="all")
    data.setup()
    return data


def test_a_batch_holds_what_the_file_holds(folder: Path, monkeypatch) -> None:
    data, labels = make(folder, monkeypatch), some(range(120))
    batch = data.dataset.__getitems__([7, 3, 99])
    for row, i in enumerate((7, 3, 99)):
        atoms, n = labels.atoms(i), int(batch.sites[row])
        assert n == atoms.stop - atoms.start
        np.testing.assert_array_equal(batch.inputs.numbers[row, :n], labels.numbers[atoms])
        np.testing.assert_array_equal(batch.inputs.positions[row, :n], labels.positions[atoms])
        np.testing.assert_array_equal(batch.forces[row, :n], labels.forces[atoms])
        assert not batch.inputs.numbers[row, n:].any()
        assert batch.target[row, 0] == labels.energy[i]


def test_splits_are_disjoint_and_of_the_asked_shares(monkeypatch) -> None:
    data = make(REPOSITORY, monkeypatch)
    sizes = {name: len(index) for name, index in data.splits.items()}
    together = np.concatenate(list(data.splits.values()))
    assert sorted(together) == list(range(len(data.dataset)))
    assert sizes["test"] / len(together) == pytest.approx(0.3, abs=0.02)
    assert sizes["val"] / len(together) == pytest.approx(0.05, abs=0.01)


def test_a_longer_file_or_another_theory_moves_no_structure(folder: Path, monkeypatch) -> None:
    """A test structure of today must never be a training structure of tomorrow."""
    whole, part = make(REPOSITORY, monkeypatch), make(folder, monkeypatch)
    by_seed = lambda data, name: set(data.labels.seed[data.splits[name]])  # noqa: E731
    for name in ("train", "val", "test"):
        assert by_seed(part, name) == {s for s in by_seed(whole, name) if s < 120}
    other = make(folder, monkeypatch, theory="pbe")
    assert by_seed(other, "test") == {s for s in by_seed(whole, "test") if 200 <= s < 260}


def test_a_model_of_the_same_recipe_is_tested_on_the_test_split_alone(folder, monkeypatch) -> None:
    trained = make(folder, monkeypatch)
    beside = make(folder, monkeypatch, seed=5)
    beside.test_only(trained.settings)
    del beside.dataset
    beside.setup()
    np.testing.assert_array_equal(beside.splits["test"], trained.splits["test"])
    larger = make(REPOSITORY, monkeypatch, path="data/dft/gfn1_240.h5")
    larger.test_only(trained.settings)
    del larger.dataset
    larger.setup()
    assert len(larger.splits["test"]) == len(larger.dataset)


def test_symmetries_change_positions_but_no_distance() -> None:
    batch = StructureDataset(some(range(4))).__getitems__([0, 1, 2, 3])
    after = moved(batch, np.random.default_rng(0))
    cell = batch.inputs.cell[:, None, None]

    def vectors(b: Batch) -> torch.Tensor:
        d = b.inputs.positions[:, :, None] - b.inputs.positions[:, None]
        return d - (d / cell).round() * cell

    real = (batch.inputs.numbers > 0)[:, :, None] & (batch.inputs.numbers > 0)[:, None]
    before, turned = vectors(batch).norm(dim=-1)[real], vectors(after).norm(dim=-1)[real]
    torch.testing.assert_close(turned, before, rtol=0, atol=1e-9)
    assert not torch.allclose(after.inputs.positions, batch.inputs.positions)
    # A mirrored force along a mirrored bond: the work of all forces in all bonds is the same.
    work = lambda b: torch.einsum("bad,bacd->bac", b.forces.double(), vectors(b))[real]  # noqa: E731
    torch.testing.assert_close(work(after), work(batch), rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def trained(folder: Path) -> Path:
    done = run(folder, "train.py", "data=dft", *SMALL, "trainer.max_epochs=2", "run=first")
    assert done.returncode == 0, done.stderr
    assert "meV per atom" in done.stdout
    return folder / "outputs" / "runs" / "first"


def test_training_reports_per_atom_and_forces(trained: Path) -> None:
    summary = json.loads((trained / "summary.json").read_text())
    table = pd.read_csv(trained / "predictions.csv")
    error = (table["gfn1_energy_predicted"] - table["gfn1_energy_true"]).abs()
    per_atom = summary["test/mean_absolute_error_per_site"]
    assert per_atom == pytest.approx((1000 * error / table["sites"]).mean(), rel=1e-6)
    assert summary["unit_per_site"] == "meV per atom"
    assert summary["data"]["theory"] == "gfn1"
    assert 0 < summary["test/median_absolute_error_of_forces"] < 100


def test_fine_tuning_on_another_theory_refits_the_references(trained: Path, folder: Path) -> None:
    checkpoint = trained / "checkpoints" / "best.ckpt"
    arguments = ["data=dft", "data.theory=pbe", f"ckpt_path={checkpoint}", "run=tuned", *SMALL]
    still = ["task.optimizer.lr=0", "trainer.max_epochs=1"]
    done = run(folder, "train.py", *arguments, *still)
    assert done.returncode == 0, done.stderr
    before = load_model(checkpoint)
    after = load_model(folder / "outputs" / "runs" / "tuned" / "checkpoints" / "best.ckpt")
    shift = after.references - before.references
    assert shift.abs().max() > 0.5
    assert torch.equal(after.field_model.scale, before.field_model.scale)
    data = read(folder / "data" / "dft" / "pbe.h5")
    summary = json.loads((folder / "outputs" / "runs" / "tuned" / "summary.json").read_text())
    assert summary["data"]["theory"] == "pbe"
    assert summary["test/mean_absolute_error"] < np.abs(data.energy - data.energy.mean()).mean()


def as_frames(labels: LabelledSet) -> list[ase.Atoms]:
    frames = []
    for i in range(len(labels)):
        s = labels.structure(i)
        frame = ase.Atoms(s.numbers, np.pad(s.positions, ((0, 0), (0, 1)), constant_values=7.5),
                          cell=[*s.cell, 15.0], pbc=True, info={"theory": "gfn1"})  # fmt: skip
        forces = np.pad(labels.forces[labels.atoms(i)].astype(float), ((0, 0), (0, 1)))
        frame.calc = SinglePointCalculator(frame, energy=labels.energy[i], forces=forces)
        frames.append(frame)
    return frames


def test_structures_of_ones_own_train_and_predict(trained: Path, folder: Path) -> None:
    labels = some(range(300, 340))
    ase.io.write(folder / "own.extxyz", as_frames(labels), format="extxyz")
    arguments = ["data=atoms", "data.path=own.extxyz", *SMALL, "trainer.max_epochs=1", "run=own"]
    done = run(folder, "train.py", *arguments)
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "outputs" / "runs" / "own" / "summary.json").read_text())
    assert summary["data"]["theory"] == "gfn1"
    assert "test/mean_absolute_error_of_forces" in summary

    frames = as_frames(labels)[:3]
    frames.append(frames[0].repeat((2, 1, 1)))
    ase.io.write(folder / "new.extxyz", frames, format="extxyz")
    checkpoint = trained / "checkpoints" / "best.ckpt"
    for output in ("out.extxyz", "table.csv"):
        arguments = [f"ckpt_path={checkpoint}", "input=new.extxyz", f"output={output}"]
        done = run(folder, "predict.py", *arguments, "forces=true")
        assert done.returncode == 0, done.stderr
    predicted = ase.io.read(folder / "out.extxyz", index=":")
    table = pd.read_csv(folder / "table.csv", index_col="structure")
    energies = np.array([frame.info["predicted_gfn1_energy"] for frame in predicted])
    assert energies[3] == pytest.approx(2 * energies[0], rel=1e-6)
    np.testing.assert_allclose(table["predicted_gfn1_energy"], energies, rtol=1e-9)
    per_atom = [frame.info["predicted_gfn1_energy_per_atom"] for frame in predicted]
    np.testing.assert_allclose(per_atom, energies / [len(f) for f in predicted])
    with h5py.File(folder / "out.h5") as file:
        assert file["contributions/3"].shape == (8, 4)
        assert file["contributions/0"][()].sum() == pytest.approx(energies[0])
        for i, frame in enumerate(predicted):
            np.testing.assert_allclose(frame.arrays["predicted_gfn1_energy_forces"][:, :2],
                                       file[f"forces/{i}"], atol=1e-6)  # fmt: skip
    assert predicted[0].get_potential_energy() == pytest.approx(labels.energy[0])  # the label's


def test_predictions_spare_files_of_their_name(trained: Path, folder: Path) -> None:
    ase.io.write(folder / "few.extxyz", as_frames(some(range(2))), format="extxyz")
    (folder / "few.h5").write_text("a data set")
    arguments = [f"ckpt_path={trained}/checkpoints/best.ckpt", "input=few.extxyz"]
    done = run(folder, "predict.py", *arguments, "output=few.csv")
    assert done.returncode != 0
    assert "would overwrite few.h5" in done.stderr
    assert (folder / "few.h5").read_text() == "a data set"
    assert not (folder / "few.csv").exists()


def test_fields_and_structures_are_not_confused(trained: Path, folder: Path) -> None:
    checkpoint = f"ckpt_path={trained}/checkpoints/best.ckpt"
    for script in ("evaluate.py", "train.py"):
        done = run(folder, script, checkpoint, "data=ising", "data.n_test=10")
        assert done.returncode != 0
        assert "takes structures, but this data set holds fields" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_run_goes_on_with_its_own_model_and_data_only(trained: Path, folder: Path) -> None:
    record = (trained / "config.yaml").read_bytes()
    (trained / "summary.json").rename(trained / "away.json")
    place = [f"name={trained.parent.name}", f"run={trained.name}", "resume=auto"]
    for change, which in (("tile.c=2", "model"), ("data.seed=1", "data")):
        done = run(folder, "train.py", "data=dft", *SMALL, *place, change)
        assert done.returncode != 0
        assert f"other {which} settings" in done.stderr
        assert (trained / "config.yaml").read_bytes() == record
        assert not (trained / "environment_2.json").exists()
    (trained / "away.json").rename(trained / "summary.json")


def test_atoms_on_the_edge_of_the_cell_are_wrapped(tmp_path: Path, monkeypatch) -> None:
    frames = as_frames(some(range(3)))
    sides = frames[1].cell.lengths()
    frames[1].positions[3, :2] = -2e-8, sides[1]
    frames[1].calc = SinglePointCalculator(frames[1], **frames[1].calc.results)
    ase.io.write(tmp_path / "edge.traj", frames)
    monkeypatch.setenv("EDNN_RUN", "test")
    cfg = composed("data=atoms", f"data.path={tmp_path / 'edge.traj'}")
    structure = instantiate(cfg.data, _convert_="all").labels.structure(1)
    np.testing.assert_allclose(structure.positions[3], [sides[0], 0], atol=1e-7)
    structure.require_inside("it")


def test_a_free_energy_goes_before_an_energy_as_forces_are_its_slope(
    tmp_path: Path, monkeypatch
) -> None:
    frames = as_frames(some(range(2)))
    for frame in frames:
        frame.calc.results["free_energy"] = frame.calc.results["energy"] - 3
    ase.io.write(tmp_path / "free.extxyz", frames, format="extxyz")
    monkeypatch.setenv("EDNN_RUN", "test")
    cfg = composed("data=atoms", f"data.path={tmp_path / 'free.extxyz'}")
    labels = instantiate(cfg.data, _convert_="all").labels
    np.testing.assert_allclose(labels.energy, some(range(2)).energy - 3, rtol=0, atol=1e-6)


def test_a_file_is_known_again_wherever_it_lies(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("EDNN_RUN", "test")
    frames = as_frames(some(range(300, 340)))
    for name in ("here.extxyz", "there.extxyz"):
        ase.io.write(tmp_path / name, frames, format="extxyz")

    def read_as(name: str) -> AtomsData:
        return instantiate(
            composed("data=atoms", f"data.path={tmp_path / name}").data, _convert_="all"
        )

    here, there = read_as("here.extxyz"), read_as("there.extxyz")
    here.setup()
    there.test_only(here.settings)
    there.setup()
    assert there.splits["test"].tolist() == here.splits["test"].tolist()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["data.seed=1"], "knows part of the test split here"),
        (["data.test=0.2"], "data.seed=0 data.test=0.3"),
        (["data.grid=64"], "trained with pixel="),
        (["data.gamma=0.5"], "trained with gamma=0.4"),
    ],
)
def test_weights_that_mean_nothing_here_are_refused(
    trained: Path, folder: Path, monkeypatch, changes: list[str], words: str
) -> None:
    checkpoint = read_checkpoint(trained / "checkpoints" / "best.ckpt")
    monkeypatch.setenv("EDNN_RUN", "test")
    monkeypatch.chdir(folder)
    cfg = composed("data=dft", *SMALL, *changes)
    data = make_data(cfg)
    model = load_model(trained / "checkpoints" / "best.ckpt")
    if "grid" in changes[0] or "gamma" in changes[0]:
        model = build(data.spec(plain(cfg.model)))
    with pytest.raises(InputError, match=words):
        data.adopt(model, checkpoint)


def test_two_theories_are_not_compared(trained: Path, folder: Path) -> None:
    arguments = [f"ckpt_path={trained}/checkpoints/best.ckpt", "data=dft", "data.theory=pbe"]
    done = run(folder, "evaluate.py", *arguments)
    assert done.returncode != 0
    assert "energies of two theories have no common zero" in done.stderr


def spoilt(frames: list[ase.Atoms], how: str) -> list[ase.Atoms]:
    one = frames[1]
    if how == "an atom outside":
        one.positions[3, 0] += 20
    elif how == "an oblique cell":
        one.cell[1, 0] = 3.0
    elif how == "no energy":
        one.calc = None
    elif how == "two theories":
        one.info["theory"] = "pbe"
    elif how == "a thick sheet":
        one.positions[3, 2] += 1
    elif how == "a molecule":
        one.pbc = False
    elif how == "no number":
        one.calc.results["forces"][3, 0] = np.nan
    elif how == "no position":
        one.positions[3, 0] = np.nan
    elif how == "no atoms":
        del one[:]
    elif how == "an odd theory":
        for frame in frames:
            frame.info["theory"] = "my DFT"
    return frames


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("an atom outside", r"structure 1: atom 3 at \(.*outside the cell.*wrap"),
        ("an oblique cell", "structure 1 has the cell .*orthorhombic"),
        ("no energy", "structure 1 has no finite energy"),
        ("two theories", "mixes the theories gfn1, pbe"),
        ("a thick sheet", "structure 1 is 1 Å thick"),
        ("a molecule", "structure 1 has pbc="),
        ("no number", "forces holds nan in sample 1"),
        ("no position", "structure 1: atom 3 .*finite positions"),
        ("no atoms", "structure 1 has no atoms"),
        ("an odd theory", "names the theory 'my DFT'"),
    ],
)
def test_bad_structures_are_refused(tmp_path: Path, monkeypatch, how: str, words: str) -> None:
    monkeypatch.setenv("EDNN_RUN", "test")
    ase.io.write(tmp_path / "bad.extxyz", spoilt(as_frames(some(range(3))), how), format="extxyz")
    cfg = composed("data=atoms", f"data.path={tmp_path / 'bad.extxyz'}")
    with pytest.raises(InputError, match=words):
        instantiate(cfg.data, _convert_="all").setup()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data.path=data/dft/pbe.h5"], "holds pbe labels, not those of gfn1"),
        (["data.path=data/dft/none.h5"], "generate.py data=dft"),
        ([f"data.path={REPOSITORY}/README.md"], "is no HDF5 file"),
        (["data.gamma=-1"], "data.gamma=-1 is not possible"),
        (["data.theory=lda"], "lda"),
        (["data.test=0.7", "data.val=0.3"], "leave something of 1 to train on"),
        (["data.grid=60"], "data.grid=60 is not a multiple of tile.f=8"),
        (
            ["data.grid=32"],
            "too coarse for Gaussians of data.gamma=0.2 Å: give at least data.grid=52",
        ),
    ],
)
def test_bad_settings_are_refused(folder: Path, arguments: list[str], words: str) -> None:
    done = run(folder, "train.py", "data=dft", "model=fcn", "tile.f=8", "tile.c=4", *arguments)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_prediction_that_does_not_fit_is_refused(trained: Path, folder: Path) -> None:
    frames = as_frames(some(range(2)))
    iron = frames[1].copy()
    iron.numbers[0] = 26
    narrow = frames[1].copy()
    narrow.set_cell([12.0, *narrow.cell.lengths()[1:]], scale_atoms=True)
    for frame, words in ((iron, "Structure 1 has an atom of atomic number 26"),
                         (narrow, "Structure 1 has a cell of 12 ×")):  # fmt: skip
        ase.io.write(folder / "odd.extxyz", [frames[0], frame], format="extxyz")
        arguments = [f"ckpt_path={trained}/checkpoints/best.ckpt", "input=odd.extxyz"]
        done = run(folder, "predict.py", *arguments, "output=odd_out.csv")
        assert done.returncode != 0
        assert words in done.stderr
        assert not (folder / "odd_out.csv").exists()


def test_larger_cells_are_tested_as_a_whole(trained: Path, folder: Path) -> None:
    larger = SHIPPED.with_name("gfn1_120.h5")
    arguments = [f"ckpt_path={trained}/checkpoints/best.ckpt", "data=dft", f"data.path={larger}"]
    done = run(folder, "evaluate.py", *arguments, "run=larger")
    assert done.returncode == 0, done.stderr
    folder = folder / "outputs" / "evaluations" / "larger"
    assert json.loads((folder / "summary.json").read_text())["test/samples"] == 100
    assert (folder / "tiles.png").exists()


def test_generate_labels_and_extends(tmp_path: Path) -> None:
    arguments = ["generate.py", "data=dft", "data.path=own.h5", "data.seed0=7"]
    for count in (2, 3):
        done = run(tmp_path, *arguments, f"data.count={count}")
        assert done.returncode == 0, done.stderr
        assert read(tmp_path / "own.h5").seed.tolist() == list(range(7, 7 + count))
    done = run(tmp_path, *arguments[:-1], "data.count=4")  # the first seed is that of the file
    assert done.returncode == 0, done.stderr
    assert read(tmp_path / "own.h5").seed.tolist() == [7, 8, 9, 10]
    refused = run(tmp_path, *arguments, "data.repeat=[2,1]")
    assert refused.returncode != 0
    assert "do not mix" in refused.stderr
