"""How a training step is computed: what changes its time, and of its result the rounding alone."""

import os
import shutil
from typing import Any

import torch
from torch import nn

from ednn.core.errors import InputError
from ednn.core.interface import ExtensiveModel
from ednn.core.model import networks_of
from ednn.core.subnets import SiteWise, Stemmed


def speed_up(model: ExtensiveModel, compile: bool, channels_last: bool, tf32: bool) -> None:
    """Apply the settings of `speed` to a model and to this process.

    Args:
        model: changed in place.
        compile: the subnetworks, by torch.compile.
        channels_last: memory format of the weights of convolutions in two dimensions.
        tf32: matrix products of a GPU in TensorFloat32.

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> speed_up(EDNN(ANN, 1, 1), compile=False, channels_last=True, tf32=False)
    """
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    for module in model.modules():
        if channels_last and isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    for network in networks_of(model) if compile else ():
        _compile(network.subnet)


def _compile(subnet: nn.Module) -> None:
    """Compile a subnetwork, not the loop over its chunks, which would become one graph of all."""
    subnet.compile()
    called = {SiteWise: ("sites", "periodic_sites"), Stemmed: ("of_tiles",)}  # in these ways, too
    for kind, ways in called.items():
        for way in ways if isinstance(subnet, kind) else ():
            setattr(subnet, way, torch.compile(getattr(subnet, way)))


def check_speed(compile: Any, channels_last: Any, tf32: Any, slopes: bool) -> None:
    """Make sure that the settings of `speed` are possible.

    Args:
        compile: what the user gave for `speed.compile`.
        channels_last: for `speed.channels_last`.
        tf32: for `speed.tf32`.
        slopes: whether forces or stress in the loss differentiate the model twice.

    Raises:
        InputError: not true or false, no compiler, or forces of a compiled model.

    Example:
        >>> check_speed(compile=False, channels_last=True, tf32=False, slopes=True)
        >>> check_speed(compile="yes", channels_last=False, tf32=False, slopes=False)
        Traceback (most recent call last):
        ednn.core.errors.InputError: speed.compile=yes is not possible; give true or false.
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
    if compile and slopes:
        raise InputError(
            "speed.compile=true goes without derivatives in the loss, as torch.compile gives no "
            "second derivatives; leave it out, or set task.force_weight=0, task.stress_weight=0 "
            "and task.derivative_weight=0."
        )
