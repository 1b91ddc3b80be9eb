"""The optimizer of a model: one of torch's, or Muon with AdamW beside it."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from typing import Any

from hydra.utils import instantiate
from torch import Tensor
from torch.optim import Optimizer

from ednn.core.errors import InputError
from ednn.core.interface import ExtensiveModel
from ednn.core.model import networks_of


def make_optimizer(config: Mapping[str, Any], model: ExtensiveModel) -> Optimizer:
    """Make the optimizer of a config for the weights of a model.

    Args:
        config: Hydra config of a partial: of a function that asks for `model`, or of a class that
            takes the parameters, as torch's do.
        model: what is trained.

    Raises:
        InputError: a setting that the optimizer refuses.

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> config = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 1e-3}
        >>> type(make_optimizer(config, EDNN(ANN, focus=1, context=1))).__name__
        'Adam'
    """
    make = instantiate(config, _convert_="all")
    with settings_of("optimizer", config):
        if "model" in signature(make).parameters:
            optimizer: Optimizer = make(model=model)
        else:
            optimizer = make(model.parameters())
    return optimizer


@contextmanager
def settings_of(name: str, config: Mapping[str, Any]) -> Iterator[None]:
    """Say in a sentence which settings a constructor refuses, with whatever error it does so.

    Errors that come from missing packages or from bugs stay as they are.

    Args:
        name: of the part of the config: optimizer or scheduler.
        config: Hydra's, which names the constructor.

    Raises:
        InputError: the constructor refuses its settings.

    Example:
        >>> with settings_of("optimizer", {"_target_": "torch.optim.Adam"}):
        ...     raise ValueError("Invalid learning rate: -1")
        Traceback (most recent call last):
        ednn.core.errors.InputError: task.optimizer does not go with torch.optim.Adam: Invalid ...
    """
    try:
        yield
    except (InputError, ImportError, AttributeError, KeyError):
        raise
    except Exception as error:
        words = str(error).rstrip(".")
        raise InputError(
            f"task.{name} does not go with {config['_target_']}: {words}; conf/task has settings "
            f"that go together."
        ) from error


def muon(model: ExtensiveModel, lr: float, adamw_lr: float) -> Optimizer:
    """Make a Muon for the matrices of a model but the last, with AdamW for its other parameters.

    Muon makes each step of a weight matrix orthogonal, by five Newton–Schulz steps on its Nesterov
    momentum (0.95), and multiplies its rate by √max(1, rows / columns). A kernel of a convolution
    is a matrix of a row per output channel. The first layer, which in language models is AdamW's,
    is learned better by Muon here (docs/trials.md).

    Args:
        model: what is trained.
        lr: rate of the kernels and matrices.
        adamw_lr: rate of biases and gains, of the last layer of every subnetwork, and of what joins
            branches.

    Returns:
        An optimizer of two groups, in this order: the kernels and matrices, all others.

    Source: K. Jordan et al., Muon, https://kellerjordan.github.io/posts/muon/ (2024).

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import FCN
        >>> groups = muon(EDNN(FCN, focus=2, context=4), lr=0.01, adamw_lr=2e-3).param_groups
        >>> [(len(group["params"]), group["use_muon"]) for group in groups]
        [(5, True), (7, False)]
    """
    from pytorch_optimizer import Muon  # takes a second to import

    matrices = weights_before_last(model)
    if not matrices:
        warnings.warn(
            "The model has no weights before a last layer, which Muon would train: "
            "AdamW trains all of it.",
            stacklevel=2,
        )
    among = {id(weight) for weight in matrices}
    others = [parameter for parameter in model.parameters() if id(parameter) not in among]
    return Muon(
        [{"params": matrices, "use_muon": True}, {"params": others, "use_muon": False}],
        lr=lr,
        adamw_lr=adamw_lr,
    )


def weights_before_last(model: ExtensiveModel) -> list[Tensor]:
    """Return the kernels and matrices of all subnetworks without the last of each.

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import FCN
        >>> model = EDNN(FCN(focus=(2,), context=(2,), widths=(8, 9, 7)), 2, 2, dims=1)
        >>> [tuple(weight.shape) for weight in weights_before_last(model)]
        [(8, 1, 3), (9, 8, 3), (7, 9, 1)]
    """
    return [
        weight
        for network in networks_of(model)
        for weight in [p for p in network.subnet.parameters() if p.ndim > 1][:-1]
    ]
