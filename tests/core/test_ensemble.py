"""Ensembles: means over the members, and their spread, whichever way they are evaluated."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ednn.core.checkpoint import read_checkpoint
from ednn.core.ensemble import ensemble
from ednn.core.errors import InputError
from ednn.core.loading import as_paths, build_models
from ednn.core.model import EDNN
from ednn.core.seen import SeenValues
from ednn.core.subnets import ANN
from tests.core.test_atomistic import batched, model
from tests.core.test_checkpoint import made, save


def nets(count: int = 3, **settings: Any) -> list[EDNN]:
    torch.manual_seed(0)
    return [EDNN(ANN, 2, 1, outputs=2, **settings).double().eval() for _ in range(count)]


@torch.no_grad()
def test_fields() -> None:
    members, field = nets(), torch.randn(4, 1, 8, 12, dtype=torch.float64)
    joined: Any = ensemble(members)
    each = torch.stack([member(field) for member in members])
    torch.testing.assert_close(joined(field), each.mean(0))
    torch.testing.assert_close(joined.uncertainty(field), each.std(0), rtol=1e-12, atol=0)
    shares = joined.with_features("shares", field)
    torch.testing.assert_close(shares.tiles.flatten(1, 2).sum(1), each.mean(0))
    torch.testing.assert_close(joined.posterior.deviation(shares.features), each.std(0))
    block = joined.with_features("block_shares", joined.tiling.pad(field))
    torch.testing.assert_close(block.features, shares.features)


def test_structures_with_references_of_their_own() -> None:
    members, sheets = [model(), model(), model()], batched(1, 2)
    for number, member in enumerate(members):
        member.references += number
        for weight in member.parameters():
            weight.data *= 1 + number / 10
    joined = ensemble(members)
    found = [member.energy_and_forces(sheets) for member in members]
    energies, forces = (torch.stack(kind).detach() for kind in zip(*found, strict=True))
    energy, force = joined.with_slopes(sheets, ["forces"])
    torch.testing.assert_close(energy.detach(), energies.mean(0))
    torch.testing.assert_close(force, forces.mean(0))
    deviation = joined.uncertainty(sheets).detach()
    torch.testing.assert_close(deviation, energies.std(0), rtol=1e-9, atol=0)
    assert (deviation > 10).all()  # a reference more for each of 60 atoms, and the next
    shares = joined.with_features("shares", sheets)
    totals = energies.movedim(0, 1).flatten(1)
    torch.testing.assert_close(shares.features.detach(), totals, rtol=1e-11, atol=0)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"context": 2}, "tiles"),
        ({"padding": "zeros"}, "tiles"),
        ({"outputs": 2}, "outputs"),
        ({"channels": 3}, "channels"),
    ],
)
def test_members_that_predict_something_else(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError, match=f"differ in their {name}") as error:
        ensemble([made(), made(**changes)])
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="differ in their inputs: fields and structures"):
        ensemble([made(), model()])


def test_members_of_another_spacing_have_other_derivatives() -> None:
    members = [made(), made()]
    for member, step in zip(members, (0.25, 0.5), strict=True):
        member.info = replace(member.info, spacing=(step, step))
    with pytest.raises(InputError, match=r"differ in their spacing: 0\.25 × 0\.25 and 0\.5 × 0\.5"):
        ensemble(members)


def test_values_that_no_member_has_seen_can_be_allowed() -> None:
    members = nets(2)
    for member in members:
        member.values_seen = SeenValues.of_alphabet((-1.0, 1.0), 1)
    joined, field = ensemble(members), torch.zeros(1, 1, 4, 4)
    with pytest.raises(InputError, match="holds 0"):
        joined(field)
    joined.values_seen = None
    assert joined(field).shape == (1, 2)


def test_from_checkpoints(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{name}.ckpt", made()) for name in "ab"]
    joined = build_models([read_checkpoint(path) for path in as_paths(paths)])
    field = torch.randn(2, 1, 4, 4)
    assert not joined.training
    assert (joined.uncertainty(field) > 0).all()
    with pytest.raises(InputError, match="is no ensemble; give two checkpoints or more"):
        as_paths(paths[:1])
