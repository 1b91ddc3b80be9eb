"""How a training step is computed: what changes its time, and of its result the rounding alone."""

import torch
from torch import nn

from ednn.errors import InputError
from ednn.model import EDNN
from ednn.subnets import SiteWise

MATMUL = ("highest", "high", "medium")


def speed_up(
    model: nn.Module, compile: bool, channels_last: bool, matmul: str, forces: bool
) -> None:
    """Apply the settings of `speed` to a model and to this process.

    Args:
        compile: the subnetworks, by torch.compile.
        channels_last: memory format of the weights of convolutions in two dimensions.
        matmul: what torch.set_float32_matmul_precision takes.
        forces: whether the loss differentiates the model twice.

    Raises:
        InputError: an unknown `matmul`, or `forces` of a compiled model.
    """
    if matmul not in MATMUL:
        raise InputError(f"speed.matmul={matmul} is unknown; choose one of {', '.join(MATMUL)}.")
    if compile and forces:
        raise InputError(
            "speed.compile=true goes without forces in the loss, as torch.compile gives no second "
            "derivatives; leave it out or set task.force_weight=0."
        )
    torch.set_float32_matmul_precision(matmul)
    if channels_last:
        model.to(memory_format=torch.channels_last)
    for module in model.modules():
        if compile and isinstance(module, EDNN):
            _compile(module.subnet)


def _compile(subnet: nn.Module) -> None:
    """Compile a subnetwork, not the loop over its chunks, which would become one graph of all."""
    subnet.compile()
    if isinstance(subnet, SiteWise):  # is called in these ways, too
        for way in ("sites", "periodic_sites"):
            setattr(subnet, way, torch.compile(getattr(subnet, way)))
