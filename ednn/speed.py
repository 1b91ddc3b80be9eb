"""How a training step is computed: what changes its time, and of its result the rounding alone."""

import os
import shutil
from typing import Any

import torch
from torch import nn

from ednn.errors import InputError
from ednn.model import EDNN
from ednn.subnets import SiteWise


def check_speed(compile: Any, channels_last: Any, tf32: Any, forces: bool) -> None:
    """Make sure that the settings of `speed` are possible.

    Args:
        forces: whether the loss differentiates the model twice.

    Raises:
        InputError: not true or false, no compiler, or forces of a compiled model.
    """
    given = {"compile": compile, "channels_last": channels_last, "tf32": tf32}
    for name, value in given.items():
        if not isinstance(value, bool):
            raise InputError(f"speed.{name}={value} is not possible; give true or false.")
    if compile and not shutil.which(compiler := os.environ.get("CXX", "g++")):
        raise InputError(
            f"speed.compile=true needs a C++ compiler, and there is no {compiler} here; install "
            f"one, or leave it out."
        )
    if compile and forces:
        raise InputError(
            "speed.compile=true goes without forces in the loss, as torch.compile gives no second "
            "derivatives; leave it out or set task.force_weight=0."
        )


def speed_up(model: nn.Module, compile: bool, channels_last: bool, tf32: bool) -> None:
    """Apply the settings of `speed` to a model and to this process.

    Args:
        compile: the subnetworks, by torch.compile.
        channels_last: memory format of the weights of convolutions in two dimensions.
        tf32: matrix products of a GPU in TensorFloat32.
    """
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    for module in list(model.modules()):
        if channels_last and isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
        if compile and isinstance(module, EDNN):
            _compile(module.subnet)


def _compile(subnet: nn.Module) -> None:
    """Compile a subnetwork, not the loop over its chunks, which would become one graph of all."""
    subnet.compile()
    if isinstance(subnet, SiteWise):  # is called in these ways, too
        for way in ("sites", "periodic_sites"):
            setattr(subnet, way, torch.compile(getattr(subnet, way)))
