"""Models as plain values: what a checkpoint stores, and how a model comes back from it."""

from collections.abc import Mapping
from functools import partial
from inspect import signature
from pathlib import Path
from pydoc import ErrorDuringImport, locate
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor, nn

from ednn.errors import InputError

Spec = Mapping[str, Any]

ATOMISTIC = "ednn.atomistic.AtomisticEDNN"  # takes structures; all others take fields


def build(spec: Spec) -> nn.Module:
    """Make a module from its class name `_target_` and its arguments.

    An argument with a `_target_` of its own becomes a maker of that module, so that the outer
    module can add what only it knows (a subnetwork's window, channels and outputs).

    Raises:
        InputError: the name is not that of an `nn.Module`, or the arguments don't fit it.
    """
    maker = _maker(spec)
    try:
        return maker()
    except TypeError as error:
        raise InputError(
            f"{spec['_target_']} cannot be made: {error}; check the arguments beside `_target_`."
        ) from error


def _maker(spec: Spec) -> partial[nn.Module]:
    arguments = {key: _argument(value) for key, value in spec.items() if key != "_target_"}
    module = _module_class(spec["_target_"])
    try:
        signature(module).bind_partial(**arguments)
    except TypeError as error:
        raise InputError(
            f"{spec['_target_']} {error}; check the names beside `_target_`."
        ) from error
    return partial(module, **arguments)


def _argument(value: Any) -> Any:
    """Turn what has a `_target_` into a maker, also inside a mapping (the branches of a model)."""
    if not isinstance(value, Mapping):
        return value
    if "_target_" in value:
        return _maker(value)
    return {key: _argument(inner) for key, inner in value.items()}


def _module_class(name: str) -> type[nn.Module]:
    try:
        found = locate(name)
    except ErrorDuringImport as error:
        raise InputError(f"_target_={name} cannot be imported: {error.value}.") from error
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise InputError(
            f"_target_={name} is not a torch.nn.Module that can be imported; "
            f"give a full name such as ednn.subnets.ANN."
        )
    return found


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a training checkpoint with `weights_only=True`.

    Raises:
        InputError: there is no such file, or it is not a checkpoint of this package.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"There is no checkpoint {path}; give one such as RUN/checkpoints/best.ckpt."
        )
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint["hyper_parameters"]["model"]["_target_"]
    except Exception as error:  # torch.load raises whatever a foreign file makes its reader raise
        raise InputError(
            f"{path} is not an ednn checkpoint ({type(error).__name__}); "
            f"give one that train.py wrote, such as RUN/checkpoints/best.ckpt."
        ) from error
    return checkpoint


def load_weights(model: nn.Module, checkpoint: Mapping[str, Any]) -> None:
    """Copy the model's part of a checkpoint into a model, in that model's precision.

    Raises:
        InputError: the checkpoint belongs to a model of another shape.
    """
    try:
        model.load_state_dict(_state(checkpoint))
    except RuntimeError as error:
        first = shorten(str(error).splitlines()[1], 150, placeholder=" …")
        raise InputError(
            f"The checkpoint doesn't fit this model ({first}); "
            f"use the model, tile and data settings that it was trained with."
        ) from error


def restore(model: nn.Module, checkpoint: Mapping[str, Any]) -> None:
    """Copy the model's part of a checkpoint into a model, in the precision of the training.

    Raises:
        InputError: the checkpoint belongs to a model of another shape.
    """
    if all(value.dtype != torch.float32 for value in _state(checkpoint).values()):
        model.double()  # single precision would round the sum of a large lattice
    load_weights(model, checkpoint)


def _state(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    prefix = "model."
    return {
        name.removeprefix(prefix): value
        for name, value in checkpoint["state_dict"].items()
        if name.startswith(prefix)
    }


def load_model(path: str | Path) -> nn.Module:
    """Load a trained model from a checkpoint, in eval mode; needs torch alone.

    The model maps fields (B, C, *L), L any multiple of its focus, or `Structures`, to extensive
    properties (B, outputs) in physical units.

    Raises:
        InputError: the file is missing or not a checkpoint of this package.
    """
    checkpoint = read_checkpoint(path)
    model = build(checkpoint["hyper_parameters"]["model"])
    restore(model, checkpoint)
    return model.eval()
