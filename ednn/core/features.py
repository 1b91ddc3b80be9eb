"""Extensive features: what a network's last layer sees, summed over a system as the property is.

A subnetwork that ends in a linear layer returns W h + b for the values h of the layer before, so
the property is linear in the sum of h over all sites. With the rows of an identity below W, the
subnetwork returns h as well, and whatever evaluates a field (tiles, blocks, chunks) sums it, too.
"""

from math import prod
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.conv import _ConvNd

from ednn.core.errors import InputError

TOLERANCE = 1000  # units in the last place, up to which a layer's outputs count as linear


class Shares(NamedTuple):
    """A property divided among tiles, and the features of whole fields or blocks.

    Attributes:
        tiles: what each tile contributes, (B, *grid, outputs).
        features: summed over all sites, (B, features) in double precision; none of them unless the
            model was called by `Featured.with_features`.

    Example:
        >>> Shares(torch.zeros(3, 4, 4, 1), torch.zeros(3, 0)).features.shape
        torch.Size([3, 0])
    """

    tiles: Tensor
    features: Tensor


class Deviation(Protocol):
    """Tells from features how uncertain a prediction is."""

    def deviation(self, features: Tensor) -> Tensor:
        """Map features (B, features) to standard deviations (B, outputs) in physical units."""

    def extrapolation(self, deviation: Tensor, sites: Tensor) -> Tensor:
        """Tell how many times as uncertain, per site, systems are as usual ones: (B,), or zeros."""


class Featured(nn.Module):
    """Base of models whose outputs are linear in extensive features.

    Attributes:
        posterior: how uncertain the outputs are, given the features; None where that is not known.

    Example:
        >>> from ednn import EDNN
        >>> from ednn.core.subnets import ANN
        >>> model = EDNN(ANN, focus=2, context=1)
        >>> model.with_features("forward", torch.ones(5, 1, 8, 8)).shape  # 512 units, one for b
        torch.Size([5, 514])
    """

    posterior: Deviation | None = None

    def feature_tensors(self) -> dict[str, Tensor]:
        """Return the parameters, by name, with which features stand behind the outputs.

        Raises:
            InputError: the model's outputs are not known to be linear in features.
        """
        raise InputError(f"{type(self).__name__} is not linear in the features of one last layer.")

    def with_features(self, method: str, *arguments: Any) -> Any:
        """Call a method by its name; the totals it returns have their features behind them.

        `forward` and `with_slopes` return (B, outputs + features), and `shares` and
        `block_shares` their features apart.

        Raises:
            InputError: the model's outputs are not known to be linear in features.
        """
        tensors = {f"model.{name}": value for name, value in self.feature_tensors().items()}
        return functional_call(_Call(self), tensors, (method, *arguments))

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method by its name, with features if these tell how uncertain the outputs are."""
        if self.posterior is None:
            return getattr(self, method)(*arguments)
        return self.with_features(method, *arguments)

    def uncertainty(self, inputs: Any) -> Tensor:
        """Return the standard deviations of the predictions of a batch: (B, outputs).

        Raises:
            InputError: the model has no posterior.
        """
        if self.posterior is None:
            raise InputError(
                "This model doesn't know how uncertain it is; train it by train.py of this "
                "version, with validation samples and subnetworks whose last layer is linear."
            )
        _, deviation = self.split(self.with_features("forward", inputs))
        return deviation

    def split(self, totals: Tensor) -> tuple[Tensor, Tensor]:
        """Divide what `call` returns into predictions and their standard deviations.

        Returns:
            Both (B, outputs); (B, 0) for the deviations if the model has no posterior.
        """
        outputs = len(self.info.outputs)  # type: ignore[union-attr, arg-type]
        prediction, features = totals[:, :outputs], totals[:, outputs:]
        known = self.posterior is not None
        return prediction, self.posterior.deviation(features) if known else features  # type: ignore[union-attr]


class _Call(nn.Module):
    """Calls any method of a model, as `functional_call` knows only `forward`."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, method: str, *arguments: Any) -> Any:
        return getattr(self.model, method)(*arguments)


def last_layer(subnet: nn.Module, tiles: Tensor, outputs: int) -> str:
    """Return the name of the linear layer that a subnetwork ends in, after a trial.

    Args:
        subnet: maps tiles (n, channels, *window) to (n, outputs).
        tiles: on which it is tried.
        outputs: number of extensive properties.

    Raises:
        InputError: it ends in none: what follows changes the layer's outputs, or it is of another
            kind than Linear or a 1 × 1 convolution.

    Example:
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(9, 4), nn.Tanh(), nn.Linear(4, 1))
        >>> last_layer(net, torch.randn(8, 1, 3, 3), outputs=1)
        '3'
    """
    names = [name for name, module in subnet.named_modules() if _is_linear(module, outputs)]
    if names:
        layer: Any = subnet.get_submodule(names[-1])
        tensors = {f"{names[-1]}.{name}": t for name, t in with_identity(layer).items()}
        try:
            with torch.no_grad(), torch.random.fork_rng([]):
                values = functional_call(subnet, tensors, (tiles,))  # (n, outputs + features)
        except (RuntimeError, ValueError, IndexError):  # what follows wants so many outputs
            values = tiles.new_zeros(0, 0)
        weight, bias = layer.weight.detach(), layer.bias
        if values.shape == (len(tiles), outputs + weight.shape[1] + (bias is not None)):
            features = values[:, outputs:].double()
            rows = [weight.flatten(1)] if bias is None else [weight.flatten(1), bias[:, None]]
            linear = features @ torch.cat(rows, 1).detach().double().T
            size = TOLERANCE * torch.finfo(values.dtype).eps * (1 + features.abs().max())
            if (values[:, :outputs] - linear).abs().max() <= size * max(1, weight.abs().max()):
                return names[-1]
    raise InputError(
        f"The subnetwork {type(subnet).__name__} does not end in a linear layer with a row for "
        f"each output."
    )


def _is_linear(module: nn.Module, outputs: int) -> bool:
    """Tell whether a module is a linear layer, at every site, with so many rows."""
    if "weight" not in module._parameters:  # a parametrised weight is none of its own
        return False
    if isinstance(module, _ConvNd):
        one = prod((*module.kernel_size, *module.stride, module.groups)) == 1
        return one and module.out_channels == outputs and not any(module.padding)
    return isinstance(module, nn.Linear) and module.out_features == outputs


def with_identity(layer: Any) -> dict[str, Tensor]:
    """Return weight and bias of a linear layer that returns what it is given, too.

    Behind the outputs come the inputs and, if there is a bias, a one.

    Example:
        >>> tensors = with_identity(nn.Linear(2, 1))
        >>> tensors["weight"][1:].tolist(), tensors["bias"][1:].tolist()
        ([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [0.0, 0.0, 1.0])
    """
    weight, bias = layer.weight.detach(), layer.bias
    width = weight.shape[1]
    rows = torch.eye(width + (bias is not None), width).to(weight).view(-1, *weight.shape[1:])
    tensors = {"weight": torch.cat([weight, rows])}
    if bias is not None:
        one = torch.eye(1, width + 1).flip(1)[0]
        tensors["bias"] = torch.cat([bias.detach(), one.to(bias)])
    return tensors
