"""A validation in which a layer gives nothing but zeros is warned of, once."""

import warnings
from pathlib import Path

import torch
from lightning import LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ednn.training.dead_units import WarnOfDeadUnits


class Layers(nn.Module):
    """Rectified units between linear layers."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 2), nn.Linear(2, 1)
        self.between = nn.ReLU(inplace=True)
        nn.init.constant_(self.first.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.between(self.first(x)))


class Net(LightningModule):
    """Learns to give zeros."""

    def __init__(self, bias: float, compiled: bool) -> None:
        super().__init__()
        self.layers = Layers(bias)
        if compiled:
            self.layers.compile(backend="eager", fullgraph=True)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return self.layers(batch).square().mean()

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.layers(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 1e-3)


def told(folder: Path, bias: float, compiled: bool = False) -> list[str]:
    """What is said of dead units in three epochs."""
    trainer = Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        max_epochs=3,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        callbacks=[WarnOfDeadUnits()],
    )
    batches: DataLoader[Tensor] = DataLoader([*torch.rand(8, 3)], 4)  # type: ignore[arg-type]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(Net(bias, compiled), batches, batches)
    return [text for one in caught if "nothing but zeros" in (text := str(one.message))]


def test_dead_units_are_warned_of_once(tmp_path: Path) -> None:
    assert not told(tmp_path, bias=1.0)
    (sentence,) = told(tmp_path, bias=-9.0)
    assert "in the validation of epoch 1: " in sentence


def test_a_compiled_network_stays_one_graph(tmp_path: Path) -> None:
    assert not told(tmp_path, bias=-9.0, compiled=True)  # dynamo refuses to cut a full graph
