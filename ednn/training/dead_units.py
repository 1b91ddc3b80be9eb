"""A network with a layer of rectified units that are never active predicts a constant."""

from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn


class WarnOfDeadUnits(Callback):
    """Warn once if a layer's rectified units are zero in a whole validation.

    No gradient passes such a layer, so that the network learns no more. The paper's DNN dies so
    from some initial weights. Compiled networks are not looked at.

    Example:
        trainer = Trainer(callbacks=[WarnOfDeadUnits()])
    """

    def __init__(self) -> None:
        self._layers: list[nn.Module] = []
        self._active: dict[nn.Module, bool] = {}  # of the layers that have been looked at
        self._hooks: list[Any] = []
        self._warned = False

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or self._warned:
            return
        self._layers = [layer for layer in pl_module.modules() if isinstance(layer, nn.ReLU)]
        self._hooks = [layer.register_forward_hook(self._look) for layer in self._layers]

    def _look(self, layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        if not torch.compiler.is_compiling():  # a look would cut the compiled graph in two
            self._active[layer] = self._active.get(layer, False) or bool(output.any())

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for hook in self._hooks:
            hook.remove()
        unseen = not self._active  # in a compiled network
        reduced = trainer.strategy.reduce_boolean_decision  # a unit may be active in any process
        alive = [reduced(self._active.get(layer, unseen), all=False) for layer in self._layers]
        if not all(alive):
            self._warned = True
            rank_zero_warn(
                f"A layer of the network gave nothing but zeros in the validation of epoch "
                f"{trainer.current_epoch + 1}: no gradient passes it, predictions are constant, "
                f"and the network won't learn; start another run with another seed=…, or with "
                f"task=muon."
            )
        self._layers, self._active, self._hooks = [], {}, []
