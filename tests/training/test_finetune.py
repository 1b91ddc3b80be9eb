"""Fine-tuning: to another theory, as a command; what it remembers; sheets that stand otherwise."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ase
import ase.build
import ase.io
import numpy as np
import pytest
import torch
from ase.calculators.singlepoint import SinglePointCalculator
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from ednn.calculator import EDNNCalculator
from ednn.core.checkpoint import KEY, load_model, read_checkpoint
from ednn.core.errors import InputError
from ednn.core.loading import load_structure_model
from ednn.physics.orientation import trained_orientation
from ednn.physics.sheets import crystal, sheet
from ednn.runs.configs import CONF
from ednn.training.alike_labels import require_alike_labels
from ednn.training.evaluate import model_and_data
from ednn.training.finetune import trainings
from ednn.training.train import make_data, make_model
from tests.conftest import REPOSITORY, run

PACKAGED = "pretrained/graphene-hbn-gfn1"
PBE = f"data.path={(REPOSITORY / 'data/dft/pbe.h5').as_posix()}"


@contextmanager
def composed(*words: str) -> Iterator[DictConfig]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield compose("train", ["experiment=dft_finetune", "run=a", "run_dir=a", *words])


def test_a_few_steps_bring_the_network_nearer_to_another_theory(tmp_path: Path) -> None:
    few = ["trainer.max_steps=16", "run=a"]
    done = run(tmp_path, "train.py", "experiment=dft_finetune", "data.theory=pbe", PBE, *few)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "dft_finetune" / "a"
    summary = json.loads((folder / "summary.json").read_text())
    # Without training, with references of PBE: 30.3 meV per atom and 0.370 eV/Å.
    assert summary["test/mean_absolute_error_per_site"] < 20
    assert summary["test/mean_absolute_error_of_forces"] < 0.33
    last, before = trainings(read_checkpoint(folder / "checkpoints" / "best.ckpt"))
    assert last["settings"]["theory"] == "pbe"
    assert before["settings"] == read_checkpoint(PACKAGED)[KEY]["trained_on"]["settings"]


def test_what_any_earlier_training_has_seen_is_no_test(tmp_path: Path) -> None:
    """A network of these sheets that went on with others knows them still."""
    checkpoint, path = read_checkpoint(PACKAGED), tmp_path / "later.ckpt"
    own = {"data": "AtomsData", "settings": {"structures": "00", "seed": 0, "splits": {}}}
    checkpoint[KEY]["trained_on"] = {**own, "before": trainings(checkpoint)}
    torch.save(checkpoint, path)
    with composed("data.theory=pbe", PBE) as cfg:
        _, data = model_and_data(path, cfg.data)
        data.setup()
        _, expected = model_and_data(PACKAGED, cfg.data)
        expected.setup()
        assert len(data.splits["test"]) == len(expected.splits["test"]) < len(data.dataset)
        cfg.ckpt_path, cfg.data.seed = str(path), 1
        with pytest.raises(InputError, match="knows part of the test split"):
            make_model(cfg, make_data(cfg))


def test_data_may_lack_elements_of_the_checkpoint(tmp_path: Path) -> None:
    path, network = tmp_path / "set.extxyz", load_model(PACKAGED)
    frames = []
    for shift in np.linspace(0, 1, 12):
        own = crystal()
        atoms = ase.Atoms(own.numbers, np.pad(own.positions + shift, ((0, 0), (0, 1))), pbc=True)
        atoms.cell = [*own.sides, 15.0]
        atoms.calc = SinglePointCalculator(atoms, energy=-57.0 * len(atoms))
        frames.append(atoms)
    ase.io.write(path, frames)
    words = ["data=atoms", f"data.path={path.as_posix()}", "data.grid=32", "data.batch_size=1"]
    with composed(*words, "data.val=0.2", "data.test=0.2") as cfg:
        model = make_model(cfg, make_data(cfg))
    assert model.info.species == network.info.species == (5, 6, 7)
    boron, carbon, nitrogen = (model.references - network.references)[:, 0].tolist()  # type: ignore[operator]
    assert boron == nitrogen == 0 != carbon
    frames[0].numbers[0] = 14
    ase.io.write(path, frames)
    with composed(*words, "data.val=0.2", "data.test=0.2") as cfg:
        data = make_data(cfg)
        with pytest.raises(InputError, match="trained on B, C, N, and this data has Si, too"):
            make_model(cfg, data)


@pytest.mark.filterwarnings("ignore:.*unlike those of the training")
def test_sheets_that_stand_otherwise_are_turned_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, frames = tmp_path / "set.extxyz", []
    for seed in range(12):
        own = sheet(seed)
        atoms = ase.Atoms(own.numbers, np.pad(own.positions, ((0, 0), (0, 1))), pbc=True)
        atoms.cell = [*own.sides, 15.0]
        forces = np.random.default_rng(seed).normal(size=(len(atoms), 3)) * [1, 1, 0]
        atoms.rotate(17, "z", rotate_cell=True)
        atoms.calc = SinglePointCalculator(atoms, energy=-60.0 * len(atoms), forces=forces)
        frames.append(atoms)
    ase.io.write(path, frames)
    words = ["data=atoms", f"data.path={path.as_posix()}", "data.grid=32", "data.batch_size=1"]
    with composed(*words, "data.val=0.2", "data.test=0.2") as cfg:
        model = make_model(cfg, data := make_data(cfg))
    assert "12 of 12 structures were turned by up to 17°" in capsys.readouterr().out
    assert trained_orientation(model.info.traits) == 30
    own = sheet(3)
    positions, cell = (t[0].numpy() for t in data.dataset.inputs(torch.tensor([3]))[1:])
    np.testing.assert_allclose(cell, own.cell, atol=1e-3)
    off = positions - own.positions
    np.testing.assert_allclose(off - np.round(off / own.sides) * own.sides, 0, atol=1e-3)
    cosine, sine = np.cos(np.deg2rad(17)), np.sin(np.deg2rad(17))
    forces = data.dataset.slopes(torch.tensor([3]))["forces"][0].numpy()
    given = frames[3].get_forces()[:, :2]
    np.testing.assert_allclose(forces, given @ [[cosine, -sine], [sine, cosine]], atol=1e-4)


def labelled(path: Path, length: float = 1.0, force: float = 1.0, energy: float = 1.0) -> Path:
    """Write hexagonal hBN with the packaged network's own labels, in other units."""
    calculator, frames = EDNNCalculator(PACKAGED), []
    for seed in range(12):
        atoms = ase.build.graphene(formula="BN", a=2.504, size=(4, 4, 1), vacuum=7.0)
        atoms.pbc = True
        atoms.rattle(0.05, seed=seed)
        atoms.positions[:, 2] = 7.0
        atoms.calc = calculator
        total, forces = energy * atoms.get_potential_energy(), atoms.get_forces()
        atoms.set_cell(atoms.cell * length, scale_atoms=True)
        atoms.calc = SinglePointCalculator(atoms, energy=total * force, forces=forces * force)
        frames.append(atoms)
    ase.io.write(path, frames)
    return path


def test_own_cells_get_the_pixels_of_the_checkpoint(tmp_path: Path) -> None:
    path = labelled(tmp_path / "set.extxyz")
    words = ["data=atoms", f"data.path={path.as_posix()}", "data.grid=32", "data.batch_size=4"]
    with composed(*words) as cfg:
        model = make_model(cfg, make_data(cfg))
        assert model.info.pixel == pytest.approx(load_model(PACKAGED).info.pixel)
        cfg.model.context = [19, 19]
        make_model(cfg, make_data(cfg))
        cfg.model.context = 8
        with pytest.raises(InputError, match=r"give tile.c=19, or train without ckpt_path"):
            make_model(cfg, make_data(cfg))
        cfg.data.grid = 24
        with pytest.raises(InputError, match=r"give data.cell=\[12.5,12.99\d+\] data.grid=\[32,32"):
            make_model(cfg, make_data(cfg))


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ({"length": 1.89}, "are positions and cell in Å.*leave ckpt_path out"),
        ({"force": 1 / 51.4}, r"are 0.0195 times .* in eV/Å"),
        ({"force": 23.06}, r"are 23.1 times .* in eV/Å"),
        ({"force": -1.0}, "look like gradients"),
        (
            {"energy": 1 / 32},
            r"0.031\d times .* totals .* energies per atom .* \(up to 32",
        ),
    ],
    ids=["bohr", "hartree", "kcal", "gradients", "per_atom"],
)
def test_labels_in_other_units_are_refused(
    tmp_path: Path, units: dict[str, float], words: str
) -> None:
    path = labelled(tmp_path / "set.extxyz", **units)
    own = ["data=atoms", f"data.path={path.as_posix()}", "data.grid=32", "data.batch_size=4"]
    with composed(*own) as cfg, pytest.raises(InputError, match=words):
        make_model(cfg, make_data(cfg))


def test_data_in_other_dimensions_are_refused() -> None:
    words = ["data=alloys", "data.batch_size=4", "data.cell=[1.2,1.2,1.2]", "data.grid=2"]
    told = r"structures in 2 dimensions, but those of .* have 3"
    with composed(*words) as cfg, pytest.raises(InputError, match=told):
        make_model(cfg, make_data(cfg))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_perfect_crystals_tell_nothing_of_their_labels(tmp_path: Path, count: int) -> None:
    """What is predicted of them is noise of the pixels, which labels needn't follow."""
    network, words = load_structure_model(PACKAGED), ["data=atoms", "data.grid=32"]
    for seed in range(5):
        random, frames = np.random.default_rng(seed), []
        for number in range(20):
            atoms = ase.build.graphene(formula="BN", a=2.504 + 0.001 * number, vacuum=7.0)
            found = {"energy": random.normal(-127, 1e-3), "forces": random.normal(0, 1e-3, (2, 3))}
            atoms.calc = SinglePointCalculator(atoms, **found)
            frames.append(atoms)
        path = tmp_path / f"{seed}.extxyz"
        ase.io.write(path, frames)
        with composed(*words, "data.val=0.3", f"data.path={path.as_posix()}") as cfg:
            data = make_data(cfg)
        data.splits["train"] = data.splits["train"][:count]
        require_alike_labels(network, data)
