"""A validation in which a layer gives nothing but zeros is warned of, once."""

import warnings
from pathlib import Path

import torch
from lightning import LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ednn.training.dead_units import WarnOfDeadUnits


class Net(LightningModule):
    """Two rectified units between linear layers."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        first = nn.Linear(3, 2)
        nn.init.constant_(first.bias, bias)
        self.layers = nn.Sequential(first, nn.ReLU(inplace=True), nn.Linear(2, 1))

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return self.layers(batch).square().mean()

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.layers(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 1e-3)


def told(folder: Path, bias: float) -> list[str]:
    """What is said of dead units in three epochs."""
    trainer = Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        max_epochs=3,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        callbacks=[WarnOfDeadUnits()],
    )
    batches: DataLoader[Tensor] = DataLoader([*torch.rand(8, 3)], 4)  # type: ignore[arg-type]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(Net(bias), batches, batches)
    return [text for one in caught if "nothing but zeros" in (text := str(one.message))]


def test_dead_units_are_warned_of_once(tmp_path: Path) -> None:
    assert not told(tmp_path, bias=1.0)
    (sentence,) = told(tmp_path, bias=-9.0)
    assert "in the validation of epoch 1: " in sentence
