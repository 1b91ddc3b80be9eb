"""Structures in space: in blocks as the whole, and through the commands from file to file."""

import json
from pathlib import Path

import ase
import ase.io
import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from ase.build import bulk, fcc100
from ase.calculators.singlepoint import SinglePointCalculator
from ase.cluster import Octahedron

from ednn.inference import structure_job as module
from ednn.inference.places import batch
from ednn.inference.structure_job import StructureJob
from ednn.physics.alloys import alloy
from ednn.physics.labels import THEORIES, label
from ednn.physics.structure import Structure
from tests.conftest import run
from tests.core.test_space import model
from tests.inference.test_structures import forces_and_shares

SKEWED = [[8.3, 0.4, 0.2], [-2.0, 9.1, 0.1], [1.0, 2.0, 7.7]]
SLAB = [[8.3, 0.4, 0.2], [0.0, 0.0, 0.0], [1.0, 2.0, 7.7]]


@pytest.mark.parametrize(("cell", "shifts"), [(None, 1), (SKEWED, 1), (SLAB, 1), (SKEWED, 2)])
def test_blocks_give_what_the_whole_gives(
    monkeypatch: pytest.MonkeyPatch, cell: list[list[float]] | None, shifts: int
) -> None:
    monkeypatch.setattr(module, "DENSE", 0)  # every structure in blocks
    net, structure = model(per_element=True), alloy(3)
    if cell is not None:
        structure = Structure(structure.numbers, structure.positions, np.array(cell))
    work = StructureJob(net, [structure], 6_000 * module.BY_GRADIENT, forces=True, shifts=shifts)
    assert len(work.pieces) > 1
    forces, shares = forces_and_shares(work)
    at_once = forces_and_shares(StructureJob(net, [structure], 10**9, forces=True, shifts=shifts))
    torch.testing.assert_close(forces, at_once[0], rtol=0, atol=1e-9)
    torch.testing.assert_close(shares, at_once[1], rtol=0, atol=1e-9)
    if shifts == 1:
        energy, expected = net.energy_and_forces(batch(structure, net))
        assert shares.sum().item() == pytest.approx(energy.item(), abs=1e-9)
        torch.testing.assert_close(forces, expected[0], rtol=0, atol=1e-9)


def labelled(seed: int) -> ase.Atoms:
    structure = alloy(seed)
    found = label(structure, THEORIES["emt"])
    frame = ase.Atoms(structure.numbers, structure.positions, cell=structure.cell, pbc=True)
    frame.calc = SinglePointCalculator(
        frame, energy=found.energy, forces=found.forces, stress=found.stress
    )
    return frame


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("space")
    ase.io.write(folder / "own.extxyz", [labelled(seed) for seed in range(20)], format="extxyz")
    arguments = ["data=atoms", "data.path=own.extxyz", "data.cell=[1.2,1.2,1.2]", "data.grid=2"]
    arguments += ["data.gamma=0.5", "model=fcn", "model.subnet.widths=[8,8,8]", "run=own"]
    arguments += ["model.subnet.stride=2", "tile.f=2", "tile.c=5", "data.batch_size=5"]
    done = run(
        folder,
        "train.py",
        *arguments,
        "task.force_weight=1",
        "trainer.max_epochs=1",
        "data.val=0.2",
    )
    assert done.returncode == 0, done.stderr
    assert "so that all have three axes" in done.stdout
    return folder


def test_structures_in_space_train(trained: Path) -> None:
    results = trained / "outputs" / "runs" / "own"
    summary = json.loads((results / "summary.json").read_text())
    for name in ("mean_absolute_error_of_forces", "translation_error_per_site"):
        assert np.isfinite(summary[f"test/{name}"])
    assert (results / "tiles.png").exists()


def test_crystals_surfaces_and_clusters_are_predicted(trained: Path) -> None:
    primitive, slab, cluster = bulk("Cu", a=3.6), fcc100("Au", (3, 3, 3)), Octahedron("Cu", 4, 1)
    slab.pbc, slab.info = [True, True, False], {}
    triple = primitive.repeat((3, 1, 2))
    names = ["primitive", "triple", "slab", "cluster"]
    frames = [primitive, triple, slab, cluster]
    ase.io.write(trained / "new.extxyz", frames, format="extxyz")
    checkpoint = "ckpt_path=outputs/runs/own/checkpoints/best.ckpt"
    words = [checkpoint, "input=new.extxyz", "forces=true", "shifts=2"]
    for output in ("out.extxyz", "out_rows.csv"):
        done = run(trained, "predict.py", *words, f"output={output}")
        assert done.returncode == 0, done.stderr
    assert "2 of 4 structures don't repeat in all directions" in done.stdout
    found = list(ase.io.iread(trained / "out.extxyz"))
    energies = [frame.info["predicted_energy"] for frame in found]
    rows = pd.read_csv(trained / "out_rows.csv")
    np.testing.assert_allclose(rows["predicted_energy"], energies, rtol=1e-9)
    with h5py.File(trained / "out.h5") as file:
        for i, name in enumerate(names):
            assert file[f"contributions/{i}"][()].sum() == pytest.approx(energies[i]), name
            forces = file[f"forces/{i}"][()]
            assert forces.shape == (len(frames[i]), 3)
            np.testing.assert_allclose(
                found[i].arrays["predicted_energy_forces"], forces, atol=1e-6
            )
    assert np.abs(found[3].arrays["predicted_energy_forces"][:, 2]).max() > 1e-4


def test_flat_and_solid_files_are_told_apart(trained: Path) -> None:
    sheet = ase.Atoms("Cu2", [[0, 0, 0], [2.4, 0, 0]], cell=[4.8, 4.8, 9], pbc=True)
    ase.io.write(trained / "flat.extxyz", sheet, format="extxyz")
    checkpoint = "ckpt_path=outputs/runs/own/checkpoints/best.ckpt"
    done = run(trained, "predict.py", checkpoint, "input=flat.extxyz", "output=flat_out.csv")
    assert done.returncode == 0, done.stderr  # a flat structure in space

    refused = run(trained, "train.py", "data=atoms", "data.path=own.extxyz", "data.dims=2")
    assert refused.returncode != 0
    assert "Å thick, but a two-dimensional field doesn't show z" in refused.stderr
    refused = run(trained, "train.py", "data=atoms", "data.path=own.extxyz")
    assert refused.returncode != 0
    assert "data.grid=256 makes 1.68e+07 pixels in a cell" in refused.stderr
