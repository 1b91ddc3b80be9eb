"""How a training step is computed: what changes its time, and of its result the rounding alone."""

import torch
from torch import nn

from ednn.core.interface import ExtensiveModel
from ednn.core.model import networks_of
from ednn.core.subnets import SiteWise


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
    if isinstance(subnet, SiteWise):  # is called in these ways, too
        for way in ("sites", "periodic_sites"):
            setattr(subnet, way, torch.compile(getattr(subnet, way)))
