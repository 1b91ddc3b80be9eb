"""The random moves of training structures: symmetries, and a function of the batch alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from lightning import LightningModule, Trainer

from ednn.core.errors import InputError
from ednn.core.structure_batch import StructureBatch
from ednn.data.samples import Batch
from ednn.data.structures.dft import DFTData
from ednn.data.structures.module import require_rotations
from ednn.data.structures.samples import StructureDataset, moved
from tests.commands.test_configs import composed
from tests.data.structures.sheets import some


class Seen(LightningModule):
    """Keeps every batch that it is trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.batches: list[Batch] = []

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        self.batches.append(batch)
        return self.weight**2

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.filterwarnings("ignore")  # Lightning's advice on loaders and logging
@pytest.mark.parametrize("accumulated", [1, 3])
def test_every_batch_is_moved_in_its_own_way(
    sheets: Path, monkeypatch: pytest.MonkeyPatch, accumulated: int
) -> None:
    monkeypatch.chdir(sheets)
    config = composed("data=dft", "data.batch_size=4", "seed=5").data
    data: DFTData = instantiate(config, _convert_="all")
    seen = Seen()
    trainer = Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=2,
        limit_train_batches=6,
        accumulate_grad_batches=accumulated,
        use_distributed_sampler=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    trainer.fit(seen, datamodule=data)
    assert len(seen.batches) == 12
    for number, batch in enumerate(seen.batches):
        still = data.dataset.__getitems__(batch.sample.tolist())
        expected = moved(still, np.random.default_rng([5, number, 0]), rotate=False)
        assert torch.equal(batch.inputs.positions, expected.inputs.positions)
        assert not torch.equal(batch.inputs.positions, still.inputs.positions)


def test_symmetries_change_positions_but_no_distance() -> None:
    batch = StructureDataset(some(range(4))).__getitems__([0, 1, 2, 3])
    after = moved(batch, np.random.default_rng(0), rotate=False)
    cell = batch.inputs.cell.diagonal(dim1=1, dim2=2)[:, None, None]

    def vectors(b: Batch) -> torch.Tensor:
        d = b.inputs.positions[:, :, None] - b.inputs.positions[:, None]
        return d - (d / cell).round() * cell

    real = (batch.inputs.numbers > 0)[:, :, None] & (batch.inputs.numbers > 0)[:, None]
    before, turned = vectors(batch).norm(dim=-1)[real], vectors(after).norm(dim=-1)[real]
    torch.testing.assert_close(turned, before, rtol=0, atol=1e-9)
    assert not torch.allclose(after.inputs.positions, batch.inputs.positions)
    # A mirrored force along a mirrored bond: the work of all forces in all bonds is the same.
    work = lambda b: torch.einsum("bad,bacd->bac", b.slopes["forces"].double(), vectors(b))[real]  # noqa: E731
    torch.testing.assert_close(work(after), work(batch), rtol=0, atol=1e-6)


def test_rotations_turn_cells_atoms_and_forces_together() -> None:
    batch = StructureDataset(some(range(4))).__getitems__([0, 1, 2, 3])
    before, after = batch.inputs, moved(batch, np.random.default_rng(0), rotate=True)
    turned = after.inputs
    torch.testing.assert_close(turned.cell @ turned.cell.mT, before.cell @ before.cell.mT)
    assert (turned.cell - before.cell).abs().amin(0).max() > 0.1  # by any angle
    real = before.numbers > 0
    inside = [s.positions @ torch.linalg.inv(s.cell) for s in (before, turned)]
    shift = inside[1] - inside[0]  # (B, A, 2) in lattice vectors, one for all atoms
    torch.testing.assert_close(shift[real], shift[:, :1].expand_as(shift)[real])
    work = [b.slopes["forces"].double() @ b.inputs.cell.mT for b in (batch, after)]
    torch.testing.assert_close(work[1][real], work[0][real], rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("rotate", [False, True])
def test_forces_and_stress_turn_with_the_cell(dims: int, rotate: bool) -> None:
    rng = np.random.default_rng(3)
    cell, positions, forces, stress = (
        torch.from_numpy(rng.normal(size=(2, n, dims))) for n in (dims, 5, 5, dims)
    )
    inputs = StructureBatch(torch.full((2, 5), 6), positions, cell)
    one = torch.ones(2, 1)
    stress = stress + stress.mT
    slopes = {"forces": forces, "stress": stress}
    before = Batch(inputs, one, one[:, 0], torch.arange(2), slopes)
    after = moved(before, rng, rotate)
    turn = torch.linalg.solve(cell, after.inputs.cell)  # (2, D, D)
    identity = torch.eye(dims, dtype=turn.dtype).expand_as(turn)
    torch.testing.assert_close(turn @ turn.mT, identity)
    assert rotate == bool((turn.abs() - identity).abs().max() > 1e-6)
    torch.testing.assert_close(after.slopes["forces"], forces @ turn)
    torch.testing.assert_close(after.slopes["stress"], turn.mT @ stress @ turn)


def test_rotations_know_no_direction() -> None:
    count, space = 20_000, torch.eye(3, dtype=torch.float64)
    cell = space.expand(count, 3, 3)
    atom = StructureBatch(torch.ones(count, 1), cell[:, :1], cell)
    batch = Batch(atom, torch.zeros(count), torch.zeros(count), torch.arange(count))
    turn = moved(batch, np.random.default_rng(1), rotate=True).inputs.cell
    assert turn.mean(0).abs().max() < 0.02  # a mean of 20,000 numbers of spread 0.58
    squares = turn.square()
    torch.testing.assert_close(squares.mean(0), torch.full_like(space, 1 / 3), rtol=0, atol=0.02)
    # <x⁴> of a unit vector's component is 1/5
    torch.testing.assert_close(squares.square().mean(0), space * 0 + 0.2, rtol=0, atol=0.02)


def test_impossible_rotations_are_refused() -> None:
    with pytest.raises(InputError, match=r"data\.rotate=1 is not possible"):
        require_rotations(1, augment=True)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="leave one out"):
        require_rotations(True, augment=False)
