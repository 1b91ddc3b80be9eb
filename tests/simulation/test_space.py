"""relax.py and md.py in three dimensions, by a small network that nobody has trained."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.io import Trajectory

from ednn.core.atomistic import AtomisticEDNN
from ednn.core.build import build_model
from ednn.core.info import DatasetInfo, Output
from tests.core.test_checkpoint import save
from tests.core.test_space import batched
from tests.simulation.conftest import done

WORDS = ["ckpt_path=solids.ckpt", "input=solid.extxyz", "float64=true"]


@pytest.fixture
def solid(tmp_path: Path) -> Path:
    """A folder with a checkpoint and a file of one crystal, its atoms displaced."""
    info = DatasetInfo(
        (Output("energy", "eV"),), 3, 2, site="atom", species=(29, 79), pixel=(0.6, 0.6, 0.6),
        grid=(12, 12, 12), gamma=0.5, per_element=True,
    )  # fmt: skip
    subnet = {"_target_": "FCN", "widths": [6, 6], "stride": 2}
    torch.manual_seed(2)  # one with a minimum nearby
    model = build_model({"_target_": "EDNN", "subnet": subnet, "focus": 2, "context": 3}, info)
    assert isinstance(model, AtomisticEDNN)
    model.field_model.scaling.fit(model.field(batched(3)))
    model.field_model.scale.fill_(0.01)  # eV, for forces of some 0.1 eV/Å
    save(tmp_path / "solids.ckpt", model)
    atoms = bulk("Cu", a=3.6, cubic=True)
    atoms.numbers[0] = 79
    atoms.rattle(0.1, seed=0)
    ase.io.write(tmp_path / "solid.extxyz", atoms)
    return tmp_path


@pytest.mark.parametrize("cell", [False, True])
def test_a_solid_is_relaxed(solid: Path, cell: bool) -> None:
    done(solid, "relax.py", *WORDS, "output=out.extxyz", "steps=8", f"cell={cell}".lower())
    with Trajectory(solid / "out.traj") as frames:
        first, *_, last = frames
        energies = [frame.get_potential_energy() for frame in frames]
    assert energies[-1] == min(energies) < energies[0] - 1e-3
    assert last.info["largest_force"] < first.info["largest_force"]
    assert np.linalg.norm(last.positions - first.positions, axis=0).min() > 1e-3  # along all axes
    assert bool((last.cell == first.cell).all()) != cell
    relaxed = ase.io.read(solid / "out.extxyz")
    assert isinstance(relaxed, ase.Atoms)
    assert relaxed.get_potential_energy() == pytest.approx(energies[-1], abs=1e-6)
    assert relaxed.get_stress().all()  # of six components


def test_the_dynamics_of_a_solid_goes_on_as_if_unbroken(solid: Path) -> None:
    words = ["md.py", *WORDS, "every=2", "temperature=600", "thermostat=langevin"]
    done(solid, *words, "output=whole.traj", "steps=8")
    done(solid, *words, "output=parts.traj", "steps=4")
    done(solid, *words, "output=parts.traj", "steps=8")
    with Trajectory(solid / "whole.traj") as whole, Trajectory(solid / "parts.traj") as parts:
        assert [frame.info["step"] for frame in whole] == [0, 2, 4, 6, 8]
        for one, other in zip(whole, parts, strict=True):
            np.testing.assert_array_equal(one.positions, other.positions)
            np.testing.assert_array_equal(one.get_momenta(), other.get_momenta())
        assert np.ptp(whole[-1].get_momenta(), axis=0).min() > 0  # along all axes
        assert whole[0].get_number_of_degrees_of_freedom() == 3 * len(whole[0])
