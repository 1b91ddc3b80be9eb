"""Stress of predicted structures: in blocks, under shifts, in a plane and in space."""

from pathlib import Path

import ase
import ase.io
import h5py
import numpy as np
import pytest
from ase.build import graphene

from ednn.inference.pieces import BY_GRADIENT
from ednn.inference.places import batch
from ednn.inference.structure_job import StructureJob
from ednn.physics.sheets import sheet
from ednn.physics.sheets_in_cells import sheet_in_cell
from ednn.physics.structure import Structure
from tests.conftest import run
from tests.core.test_atomistic import model
from tests.core.test_stress import solid

NETWORK = "ckpt_path=pretrained/graphene-hbn-gfn1"


def stress_of(job: StructureJob) -> np.ndarray:
    virials = [job.evaluate(piece)["virial"] for piece in job.pieces]
    return job.per_volume(0, np.sum(virials, axis=0))


@pytest.mark.parametrize("structure", [sheet(3), sheet_in_cell(5)], ids=["whole-tiles", "any-cell"])
@pytest.mark.parametrize("shifts", [1, 2])
def test_it_is_that_of_the_model_in_blocks_too(structure: Structure, shifts: int) -> None:
    net = model()
    whole = StructureJob(net, [structure], 10**7, forces=False, shifts=shifts, stress=True)
    parts = StructureJob(
        net, [structure], 700 * BY_GRADIENT, forces=True, shifts=shifts, stress=True
    )
    assert len(parts.pieces) > 3 > len(whole.pieces)
    np.testing.assert_allclose(stress_of(parts), stress_of(whole), atol=1e-12)
    if shifts == 1:
        expected = net.energy_forces_and_stress(batch(structure, net))[2][0]
        np.testing.assert_allclose(stress_of(whole), expected, atol=1e-9)


def test_solids_have_one_in_blocks() -> None:
    net, structures = solid()
    one = structures.part(slice(0, 1))
    structure = Structure(*(column[0].numpy() for column in one))
    parts = StructureJob(net, [structure], 2**9 * BY_GRADIENT, forces=False, stress=True)
    assert len(parts.pieces) > 3
    expected = net.energy_forces_and_stress(one)[2][0]
    np.testing.assert_allclose(stress_of(parts), expected, atol=1e-9)


def test_it_is_written(tmp_path: Path) -> None:
    atoms = graphene("BN", a=2.48, vacuum=5).repeat((4, 4, 1))
    atoms.pbc = True
    ase.io.write(tmp_path / "in.extxyz", atoms)
    words = ["predict.py", NETWORK, "input=in.extxyz", "output=out.extxyz", "stress=true"]
    done = run(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "Contribution maps and stress: out.h5" in done.stdout
    frame = ase.io.read(tmp_path / "out.extxyz")
    assert isinstance(frame, ase.Atoms)
    (name,) = [key for key in frame.info if key.endswith("_stress")]
    with h5py.File(tmp_path / "out.h5") as file:
        np.testing.assert_allclose(file["stress/0"], np.reshape(frame.info[name], (2, 2)))
        assert np.trace(file["stress/0"]) < 0  # it is compressed
    atoms.pbc = [True, False, False]
    ase.io.write(tmp_path / "in.extxyz", atoms)
    refused = run(tmp_path, *words, "overwrite=true")
    assert refused.returncode == 1
    assert "structure 0 doesn't repeat in all directions, so it has no volume" in refused.stderr
