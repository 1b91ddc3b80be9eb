"""The random moves of training structures: a function of the batch, whatever the steps are."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from lightning import LightningModule, Trainer

from ednn.data.samples import Batch
from ednn.data.structures.dft import DFTData
from ednn.data.structures.samples import moved
from tests.commands.test_configs import composed


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
        expected = moved(still, np.random.default_rng([5, number, 0]))
        assert torch.equal(batch.inputs.positions, expected.inputs.positions)
        assert not torch.equal(batch.inputs.positions, still.inputs.positions)
