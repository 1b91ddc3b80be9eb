"""Checkpoints: what they store about a model, and how the model is loaded from one.

Lightning's checkpoint gets one more entry, `ednn`: the version of its format, the model's config,
the `DatasetInfo` of its data, what it was trained on and, if known, how uncertain it is. All are
plain values or tensors, which `torch.load(weights_only=True)` can read, and this package's classes
have stable names in them.
"""

from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor

from ednn.core.build import build_model
from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo
from ednn.core.interface import ExtensiveModel, FieldModel
from ednn.core.pretrained import require_checkpoint
from ednn.core.seen import SeenValues
from ednn.core.uncertainty import Posterior
from ednn.core.upgrades import VERSION, upgrade

KEY = "ednn"  # the entry of a checkpoint that describes the model
POSTERIOR = "posterior"  # in that entry: how uncertain the model is, once its training has ended
PREFIX = "model."  # of the names of the model's weights in the state of the training task


def describe(model: ExtensiveModel, trained_on: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint stores about a model besides its weights, as plain values.

    Args:
        model: made by `build_model`.
        trained_on: class name and settings of the data set, and the values of its fields.

    Example:
        >>> from ednn.core.info import unnamed_outputs
        >>> config = {"_target_": "EDNN", "subnet": {"_target_": "ANN"}, "focus": 1, "context": 1}
        >>> model = build_model(config, DatasetInfo(unnamed_outputs(1)))
        >>> describe(model, {"data": "IsingData"})["trained_on"]
        {'data': 'IsingData'}
    """
    before = {"before": list(model.trained_before)} if model.trained_before else {}
    return {
        "version": VERSION,
        "config": dict(model.config),
        "info": model.info.to_plain(),
        "trained_on": {**trained_on, **before},
    }


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a training checkpoint with `weights_only=True` and upgrade it to the current format.

    Raises:
        InputError: the file is missing, is not a checkpoint of this package, or was written by a
            newer version.

    Example:
        >>> read_checkpoint("missing.ckpt")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ednn.core.errors.InputError: There is no checkpoint missing.ckpt; ...
    """
    path = require_checkpoint(path)
    try:
        checkpoint = upgrade(torch.load(path, map_location="cpu", weights_only=True))
        checkpoint[KEY]["info"]["outputs"]
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except Exception as error:  # of a foreign file, torch.load raises exceptions of many kinds
        raise InputError(
            f"{path} is not an ednn checkpoint ({type(error).__name__}); "
            f"give one that train.py wrote, such as RUN/checkpoints/best.ckpt."
        ) from error
    return checkpoint


def build_from(checkpoint: Mapping[str, Any]) -> ExtensiveModel:
    """Make the model of a checkpoint, with its weights in the precision in which they are stored.

    Example:
        >>> from ednn.core.info import unnamed_outputs
        >>> config = {"_target_": "EDNN", "subnet": {"_target_": "ANN"}, "focus": 1, "context": 1}
        >>> model = build_model(config, DatasetInfo(unnamed_outputs(1))).double()
        >>> state = {f"model.{name}": value for name, value in model.state_dict().items()}
        >>> build_from({"state_dict": state, "ednn": describe(model, {})}).precision
        torch.float64
    """
    about = checkpoint[KEY]
    model = build_model(about["config"], DatasetInfo.from_plain(about["info"]))
    load_weights(model, checkpoint, assign=True)
    model.values_seen = _values_seen(about, model.info)
    if POSTERIOR in about:
        model.posterior = Posterior.from_plain(about[POSTERIOR])
    return model


def _values_seen(about: Mapping[str, Any], info: DatasetInfo) -> SeenValues | None:
    """Return the values that a model was trained on, as far as its checkpoint tells."""
    if plain := about["trained_on"].get("values"):
        return SeenValues.from_plain(plain)
    return SeenValues.of_alphabet(info.alphabet, info.channels) if info.alphabet else None


def load_weights(
    model: ExtensiveModel, checkpoint: Mapping[str, Any], assign: bool = False
) -> None:
    """Copy the weights of a checkpoint into a model.

    Args:
        model: of the same shape as the checkpoint's model.
        checkpoint: as `read_checkpoint` returns it.
        assign: takes the precision of the checkpoint instead of that of the model.

    Raises:
        InputError: the checkpoint belongs to a model of another shape.

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> trained, model = EDNN(ANN, focus=1, context=1), EDNN(ANN, focus=1, context=1)
        >>> state = {f"model.{name}": value for name, value in trained.state_dict().items()}
        >>> load_weights(model, {"state_dict": state})
        >>> spins = torch.ones(1, 1, 4, 4)
        >>> torch.equal(model(spins), trained(spins))
        True
    """
    try:
        model.load_state_dict(_state(checkpoint), assign=assign)
    except RuntimeError as error:
        first = shorten(str(error).splitlines()[1], 150, placeholder=" …")
        raise InputError(
            f"The checkpoint doesn't fit this model ({first}); "
            f"use the model, tile and data settings that it was trained with."
        ) from error


def _state(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    return {
        name.removeprefix(PREFIX): value
        for name, value in checkpoint["state_dict"].items()
        if name.startswith(PREFIX)
    }


def load_model(path: str | Path) -> ExtensiveModel:
    """Load a trained model from a checkpoint, in evaluation mode; needs torch alone.

    The model maps fields (B, C, *L), where L is any multiple of its focus, or a `StructureBatch` to
    extensive properties (B, outputs) in physical units.

    Raises:
        InputError: the file is missing or not a checkpoint of this package.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from ednn.core.info import unnamed_outputs
        >>> config = {"_target_": "EDNN", "subnet": {"_target_": "ANN"}, "focus": 1, "context": 1}
        >>> model = build_model(config, DatasetInfo(unnamed_outputs(1)))
        >>> state = {f"model.{name}": value for name, value in model.state_dict().items()}
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "best.ckpt")
        ...     torch.save({"state_dict": state, "ednn": describe(model, {})}, path)
        ...     load_model(path)(torch.ones(3, 1, 6, 6)).shape
        torch.Size([3, 1])
    """
    return build_from(read_checkpoint(path)).eval()


def pretrained(name: str) -> ExtensiveModel:
    """Load a trained network that comes with the package, in evaluation mode.

    Its model card stands beside it (ednn/core/pretrained/NAME.md): data, errors by kind, limits.

    Args:
        name: such as "graphene-hbn-gfn1".

    Raises:
        InputError: there is none of that name.

    Example:
        >>> pretrained("graphene-hbn-gfn1").info.species
        (5, 6, 7)
    """
    return load_model(Path("pretrained", name))


def load_field_model(path: str | Path) -> FieldModel:
    """Load a trained model of fields, as `load_model` does.

    Raises:
        InputError: the file is no checkpoint, or one of a model of structures.

    Example:
        >>> load_field_model("missing.ckpt")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ednn.core.errors.InputError: There is no checkpoint missing.ckpt; ...
    """
    model = load_model(path)
    if not isinstance(model, FieldModel):
        raise InputError(f"{path} takes {model.info.takes}, not fields; give one that does.")
    return model
