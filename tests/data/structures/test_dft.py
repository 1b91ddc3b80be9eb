"""Sets of structures: padded batches, splits that stay, exact symmetries, real trainings."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hydra.utils import instantiate

from ednn.core.checkpoint import read_checkpoint
from ednn.core.errors import InputError
from ednn.core.loading import load_structure_model
from ednn.data.structures.dft import DFTData
from ednn.data.structures.file import part, read, write
from ednn.inference import structure_job
from ednn.inference.structure_job import StructureJob
from ednn.physics.sheets import sheet
from ednn.training.finetune import prepare
from ednn.training.train import make_data
from tests.commands.test_configs import composed
from tests.conftest import REPOSITORY, UNTESTED, run
from tests.conftest import SMALL as ISING
from tests.data.structures.sheets import SHIPPED, SMALL, some
from tests.inference.test_structures import forces_and_shares


def make(sheets: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> DFTData:
    monkeypatch.chdir(sheets)
    overrides = [f"data.{key}={value}" for key, value in changes.items()]
    data = instantiate(composed("data=dft", *overrides).data, _convert_="all")
    data.setup()
    return data


@pytest.fixture(scope="module")
def whole() -> Iterator[DFTData]:
    """The set that experiment=dft trains on, which takes seconds to read."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield make(REPOSITORY, monkeypatch)


@pytest.fixture(scope="module")
def larger(sheets: Path) -> Path:
    """A few cells of twice the size."""
    path = sheets / "larger.h5"
    write(path, part(read(SHIPPED.with_name("gfn1_120.h5")), np.arange(20)))
    return path


def test_a_batch_holds_what_the_file_holds(sheets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, labels = make(sheets, monkeypatch), some(range(120))
    batch = data.dataset.__getitems__([7, 3, 99])
    for row, i in enumerate((7, 3, 99)):
        atoms, n = labels.atoms(i), int(batch.sites[row])
        assert n == atoms.stop - atoms.start
        np.testing.assert_array_equal(batch.inputs.numbers[row, :n], labels.numbers[atoms])
        np.testing.assert_array_equal(batch.inputs.positions[row, :n], labels.positions[atoms])
        np.testing.assert_array_equal(batch.slopes["forces"][row, :n], labels.forces[atoms])
        assert not batch.inputs.numbers[row, n:].any()
        assert batch.target[row, 0] == labels.energy[i]


def test_splits_are_disjoint_and_of_the_asked_shares(whole: DFTData) -> None:
    data = whole
    sizes = {name: len(index) for name, index in data.splits.items()}
    together = np.concatenate(list(data.splits.values()))
    assert sorted(together) == list(range(len(data.dataset)))
    assert sizes["test"] / len(together) == pytest.approx(0.3, abs=0.02)
    assert sizes["val"] / len(together) == pytest.approx(0.05, abs=0.01)


def test_a_longer_file_or_another_theory_moves_no_structure(
    whole: DFTData, sheets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test structure of today must never be a training structure of tomorrow."""
    few = make(sheets, monkeypatch)
    by_seed = lambda data, name: set(data.labels.seed[data.splits[name]])  # noqa: E731
    for name in ("train", "val", "test"):
        assert by_seed(few, name) == {s for s in by_seed(whole, name) if s < 120}
    other = make(sheets, monkeypatch, theory="pbe")
    assert by_seed(other, "test") == {s for s in by_seed(whole, "test") if 200 <= s < 260}


def test_a_model_of_the_same_recipe_is_tested_on_the_test_split_alone(
    sheets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = make(sheets, monkeypatch)
    beside = make(sheets, monkeypatch, seed=5)
    beside.test_only(known.settings)
    del beside.dataset
    beside.setup()
    np.testing.assert_array_equal(beside.splits["test"], known.splits["test"])
    larger = make(REPOSITORY, monkeypatch, path="data/dft/gfn1_240.h5")
    larger.test_only(known.settings)
    del larger.dataset
    larger.setup()
    assert len(larger.splits["test"]) == len(larger.dataset)


def test_training_reports_per_atom_and_forces(trained_on_sheets: Path) -> None:
    summary = json.loads((trained_on_sheets / "summary.json").read_text())
    table = pd.read_csv(trained_on_sheets / "predictions.csv")
    error = (table["gfn1_energy_predicted"] - table["gfn1_energy_true"]).abs()
    per_atom = summary["test/mean_absolute_error_per_site"]
    assert per_atom == pytest.approx((1000 * error / table["sites"]).mean(), rel=1e-6)
    assert summary["unit_per_site"] == "meV per atom"
    assert summary["data"]["theory"] == "gfn1"
    assert 0 < summary["test/median_absolute_error_of_forces"] < 100


def test_fine_tuning_on_another_theory_refits_the_references(
    trained_on_sheets: Path, sheets: Path
) -> None:
    checkpoint = trained_on_sheets / "checkpoints" / "best.ckpt"
    arguments = ["data=dft", "data.theory=pbe", f"ckpt_path={checkpoint}", "run=tuned", *SMALL]
    still = ["task.optimizer.lr=0", "trainer.max_epochs=1"]
    done = run(sheets, "train.py", *arguments, *still)
    assert done.returncode == 0, done.stderr
    before = load_structure_model(checkpoint)
    after = load_structure_model(
        sheets / "outputs" / "runs" / "tuned" / "checkpoints" / "best.ckpt"
    )
    shift = after.references - before.references
    assert shift.abs().max() > 0.5
    assert torch.equal(after.field_model.scale, before.field_model.scale)
    data = read(sheets / "data" / "dft" / "pbe.h5")
    summary = json.loads((sheets / "outputs" / "runs" / "tuned" / "summary.json").read_text())
    assert summary["data"]["theory"] == "pbe"
    assert summary["test/mean_absolute_error"] < np.abs(data.energy - data.energy.mean()).mean()


def test_fields_and_structures_are_not_confused(trained_on_sheets: Path, sheets: Path) -> None:
    checkpoint = f"ckpt_path={trained_on_sheets}/checkpoints/best.ckpt"
    for script in ("evaluate.py", "train.py"):
        done = run(sheets, script, checkpoint, "data=ising", *ISING[:-1])
        assert done.returncode != 0
        assert "takes structures, but this data set holds fields" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_run_goes_on_with_its_own_model_and_data_only(
    trained_on_sheets: Path, sheets: Path
) -> None:
    begun = sheets / "outputs" / "runs" / "begun"
    shutil.copytree(trained_on_sheets, begun)
    (begun / "summary.json").unlink()
    lines = (begun / "config.yaml").read_text().splitlines(keepends=True)
    older = [line for line in lines if line.split(":")[0].strip() not in ("residual", "channels")]
    assert len(older) == len(lines) - 2  # as from before there were these settings
    (begun / "config.yaml").write_text("".join(older))
    record = (begun / "config.yaml").read_bytes()
    resume = ["train.py", "data=dft", *SMALL, "run=begun", "resume=auto"]
    for change, words in (
        ("tile.c=2", "model.context=4, not 2"),
        ("data.seed=1", "data.seed=0, not 1"),
        ("model.subnet.residual=true", "'residual': True"),
    ):
        done = run(sheets, *resume, change)
        assert done.returncode != 0
        assert words in done.stderr
        assert (begun / "config.yaml").read_bytes() == record
        assert not (begun / "environment_2.json").exists()
    done = run(sheets, *resume, UNTESTED, "trainer.max_epochs=3", "data.workers=1")
    assert done.returncode == 0, done.stderr
    assert json.loads((begun / "summary.json").read_text())["train/epochs"] == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["data.seed=1"], "knows part of the test split here"),
        (["data.test=0.2"], "data.seed=0 data.test=0.3"),
        (["data.grid=64"], "trained with pixel="),
        (["data.gamma=0.5"], "trained with gamma=0.4"),
        (["data.channels=element"], "trained with per_element=False.* data.channels=Z"),
    ],
)
def test_weights_that_mean_nothing_here_are_refused(
    trained_on_sheets: Path,
    sheets: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: list[str],
    words: str,
) -> None:
    checkpoint = read_checkpoint(trained_on_sheets / "checkpoints" / "best.ckpt")
    monkeypatch.chdir(sheets)
    cfg = composed("data=dft", *SMALL, *changes)
    data = make_data(cfg)
    with pytest.raises(InputError, match=words):
        prepare(data, checkpoint)


def test_two_theories_are_not_compared(trained_on_sheets: Path, sheets: Path) -> None:
    arguments = [
        f"ckpt_path={trained_on_sheets}/checkpoints/best.ckpt",
        "data=dft",
        "data.theory=pbe",
    ]
    done = run(sheets, "evaluate.py", *arguments)
    assert done.returncode != 0
    assert "energies of two theories have no common zero" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data.path=data/dft/pbe.h5"], "holds pbe labels, not those of gfn1"),
        (["data.path=data/dft/none.h5"], "`ednn generate data=dft"),
        ([f"data.path={REPOSITORY}/README.md"], "is no HDF5 file"),
        (["data.gamma=-1"], "data.gamma=-1 is not possible"),
        (["data.cell=[12.5]"], "data.cell=[12.5] is not possible; give two sides above 0"),
        (["data.channels=3"], "data.channels=3 is unknown; give Z or element"),
        (["data.theory=lda"], "lda"),
        (["data.test=0.7", "data.val=0.3"], "leave something of 1 to train on"),
        (["data.grid=60"], "A side of 60 in the lattice 60 × 60 is not a multiple"),
        (["data.grid=32"], "give a multiple of tile.f of at least data.grid=56"),
        (["trainer.precision=bf16-true"], "give bf16-mixed, which keeps all their digits"),
    ],
)
def test_bad_settings_are_refused(sheets: Path, arguments: list[str], words: str) -> None:
    done = run(sheets, "train.py", "data=dft", "model=fcn", "tile.f=8", "tile.c=4", *arguments)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_of_labels_holds_no_dummy_atoms_and_no_atom_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in ("structure 1: atom 3 has the atomic number 0", "structure 1: atoms 3 and 8 are"):
        labels = some(range(2))
        atom = labels.offsets[1] + 3
        if "number" in words:
            labels.numbers[atom] = 0  # which pads a batch, so that nothing would be seen of it
        else:
            labels.positions[atom] = labels.positions[atom + 5]
        write(tmp_path / "labels.h5", labels)
        with pytest.raises(InputError, match=words):
            make(REPOSITORY, monkeypatch, path=tmp_path / "labels.h5")


def test_larger_cells_are_tested_as_a_whole(
    trained_on_sheets: Path, sheets: Path, larger: Path
) -> None:
    arguments = [
        f"ckpt_path={trained_on_sheets}/checkpoints/best.ckpt",
        "data=dft",
        f"data.path={larger}",
    ]
    done = run(sheets, "evaluate.py", *arguments, "run=larger")
    assert done.returncode == 0, done.stderr
    result = sheets / "outputs" / "evaluations" / "larger"
    assert json.loads((result / "summary.json").read_text())["test/samples"] == 20
    assert (result / "tiles.png").exists()


def test_a_channel_per_element_is_trained_evaluated_and_predicted(
    sheets: Path, larger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = ["model.subnet.residual=true", "model.subnet.widths=[16,16,16,16]"]
    words = ["data=dft", *SMALL, "data.channels=element", "task.force_weight=0.1", *blocks]
    done = run(sheets, "train.py", *words, "trainer.max_epochs=1", "run=elements")
    assert done.returncode == 0, done.stderr
    assert (sheets / "outputs" / "runs" / "elements" / "tiles.png").exists()
    checkpoint = sheets / "outputs" / "runs" / "elements" / "checkpoints" / "best.ckpt"
    words = [f"ckpt_path={checkpoint}", "data=dft", f"data.path={larger}", "run=elements"]
    done = run(sheets, "evaluate.py", *words)
    assert done.returncode == 0, done.stderr
    summary = sheets / "outputs" / "evaluations" / "elements" / "summary.json"
    assert json.loads(summary.read_text())["test/samples"] == 20
    model = load_structure_model(checkpoint).double()
    assert (model.info.channels, model.info.per_element) == (3, True)
    structure = sheet(4, (2, 2))
    whole = StructureJob(model, [structure], 10**6, forces=True)
    monkeypatch.setattr(structure_job, "DENSE", 0)
    parts = StructureJob(model, [structure], 1200 * structure_job.BY_GRADIENT, forces=True)
    assert (len(whole.pieces), len(parts.pieces) > 1) == (1, True)
    for got, want in zip(forces_and_shares(parts), forces_and_shares(whole), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


def test_generate_labels_and_extends(tmp_path: Path) -> None:
    arguments = ["generate.py", "data=dft", "data.path=own.h5", "data.seed0=7"]
    for count, words in ((1, arguments), (2, arguments[:-1])):  # the seed is that of the file
        done = run(tmp_path, *words, f"data.count={count}")
        assert done.returncode == 0, done.stderr
        assert read(tmp_path / "own.h5").seed.tolist() == list(range(7, 7 + count))
    refused = run(tmp_path, *arguments, "data.repeat=[2,1]")
    assert refused.returncode != 0
    assert "do not mix" in refused.stderr
