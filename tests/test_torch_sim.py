"""A model of TorchSim: its own validator, and the ASE calculator's energies in one batch."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ase.build import graphene

from ednn.calculator import EDNNCalculator
from ednn.core.checkpoint import KEY, describe
from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo, Output

ts: Any = pytest.importorskip("torch_sim", reason="TorchSim wants Python 3.12")
from torch_sim.models.interface import validate_model_outputs  # noqa: E402

from ednn.core.build import build_model  # noqa: E402
from ednn.torch_sim import EDNNModel  # noqa: E402

NETWORK = "pretrained/graphene-hbn-gfn1"
CPU = torch.device("cpu")


def sheets() -> list[Any]:
    found = []
    for formula, cells in (("C2", 3), ("BN", 4), ("BN", 1)):
        sheet = graphene(formula, a=2.5, vacuum=5).repeat((cells, cells, 1))
        sheet.pbc = True
        sheet.rattle(0.03, seed=1)
        sheet.positions[:, 2] = 5
        found.append(sheet)
    return found


@pytest.fixture
def solids(tmp_path: Path) -> Path:
    """Checkpoint of an untrained network of the validator's elements, in three dimensions."""
    torch.manual_seed(0)
    pixel, species = (0.6, 0.6, 0.6), (1, 6, 12, 14, 26)
    info = DatasetInfo(
        (Output("energy", "eV"),), 3, 5, site="atom", species=species, pixel=pixel,
        grid=(8, 8, 8), gamma=0.6, per_element=True,
    )  # fmt: skip
    subnet = {"_target_": "FCN", "widths": [8], "stride": 2}
    field_model = {"_target_": "EDNN", "subnet": subnet, "focus": 2, "context": 2}
    model = build_model(field_model, info)
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    torch.save({"state_dict": state, KEY: describe(model, {})}, tmp_path / "solids.ckpt")
    return tmp_path / "solids.ckpt"


def test_torchsim_validates_it(solids: Path) -> None:
    model = EDNNModel(solids, device=CPU, dtype=torch.float64)
    validate_model_outputs(model, CPU, torch.float64)


@pytest.mark.parametrize("shifts", [1, 2])
def test_a_batch_has_the_energies_of_the_calculator(shifts: int) -> None:
    model = EDNNModel(NETWORK, device=CPU, shifts=shifts)
    state = ts.io.atoms_to_state(sheets(), CPU, torch.float64)
    found = model(state)
    calculator = partial(EDNNCalculator, NETWORK, float64=True, shifts=shifts)
    start = 0
    for number, sheet in enumerate(sheets()):
        sheet.calc = calculator()
        rows = slice(start, start := start + len(sheet))
        assert found["energy"][number].item() == pytest.approx(sheet.get_potential_energy())
        np.testing.assert_allclose(found["forces"][rows], sheet.get_forces(), atol=1e-8)
        stress = sheet.get_stress(voigt=False)
        np.testing.assert_allclose(found["stress"][number], stress, atol=1e-9)


def test_a_batch_is_relaxed() -> None:
    model = EDNNModel(NETWORK, device=CPU)
    before = model(ts.io.atoms_to_state(sheets(), CPU, torch.float64))["forces"].norm(dim=1)
    relaxed = ts.optimize(
        ts.io.atoms_to_state(sheets(), CPU, torch.float64),
        model,
        optimizer=ts.Optimizer.fire,
        convergence_fn=ts.generate_force_convergence_fn(0.1, include_cell_forces=False),
        max_steps=100,
    )
    assert model(relaxed)["forces"].norm(dim=1).max() < min(0.11, before.max())


def test_bent_sheets_are_refused() -> None:
    sheet = sheets()[0]
    sheet.positions[0, 2] += 1
    with pytest.raises(InputError, match="System 0 is 1 Å thick"):
        EDNNModel(NETWORK, device=CPU)(ts.io.atoms_to_state([sheet], CPU, torch.float64))


def test_a_sheet_may_lie_across_the_border_of_its_cell() -> None:
    sheet, across = sheets()[1], sheets()[1]
    across.positions[:, 2] = 0
    across.positions[::2, 2] = across.cell[2, 2] - 1e-3
    model = EDNNModel(NETWORK, device=CPU)
    found = [model(ts.io.atoms_to_state([one], CPU, torch.float64)) for one in (sheet, across)]
    assert found[0]["energy"].item() == pytest.approx(found[1]["energy"].item())


def test_systems_are_refused_every_time() -> None:
    model, bohr = EDNNModel(NETWORK, device=CPU), sheets()[1]
    assert torch.isfinite(model(ts.io.atoms_to_state([bohr], CPU, torch.float64))["energy"]).all()
    bohr.set_cell(bohr.cell / 0.529, scale_atoms=True)
    for _ in range(2):
        with pytest.raises(InputError, match="nearest neighbours"):
            model(ts.io.atoms_to_state([bohr], CPU, torch.float64))


def test_strained_sheets_are_warned_of_once() -> None:
    sheet = sheets()[1]
    sheet.set_cell(sheet.cell * [1.08, 1.08, 1], scale_atoms=True)
    model, state = EDNNModel(NETWORK, device=CPU), ts.io.atoms_to_state([sheet], CPU, torch.float64)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model(state)
        told = [str(warning.message) for warning in caught]
        model(state)
    assert "atoms per Å²" in told[0]
    assert "as uncertain per atom" in told[1]
    assert len(caught) == 2


def test_turned_sheets_are_predicted_as_by_the_calculator() -> None:
    turned = sheets()
    for degrees, sheet in zip((17, 0, 30), turned, strict=True):
        sheet.rotate(degrees, "z", rotate_cell=True)
    model = EDNNModel(NETWORK, device=CPU)
    found = model(ts.io.atoms_to_state(turned, CPU, torch.float64))
    start = 0
    for number, sheet in enumerate(turned):
        sheet.calc = EDNNCalculator(NETWORK, float64=True)
        rows = slice(start, start := start + len(sheet))
        assert found["energy"][number].item() == pytest.approx(sheet.get_potential_energy())
        np.testing.assert_allclose(found["forces"][rows], sheet.get_forces(), atol=1e-8)
        stress = sheet.get_stress(voigt=False)
        np.testing.assert_allclose(found["stress"][number], stress, atol=1e-9)
