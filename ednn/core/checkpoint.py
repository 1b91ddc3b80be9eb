"""Checkpoints: what they remember of a model, and how a model comes back from one.

Lightning's checkpoint holds one more entry, `ednn`: the version of its format, the model's config
and the `DatasetInfo` of its data, and what it was trained on. All are plain values, so that
`torch.load(weights_only=True)` reads them, and our own classes go by names that stay.
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
from ednn.core.interface import ExtensiveModel, FieldModel, StructureModel
from ednn.core.upgrades import VERSION, upgrade

KEY = "ednn"
PREFIX = "model."  # of the model's weights among the task's


def describe(model: ExtensiveModel, trained_on: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint remembers of a model beside its weights, as plain values.

    Args:
        model: made by `build_model`.
        trained_on: the class's name and the settings of the data set.
    """
    return {
        "version": VERSION,
        "config": dict(model.config),
        "info": model.info.to_plain(),
        "trained_on": dict(trained_on),
    }


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a training checkpoint with `weights_only=True`, in today's format.

    Raises:
        InputError: there is no such file, it is not a checkpoint of this package, or it is one of
            a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"There is no checkpoint {path}; give one such as RUN/checkpoints/best.ckpt."
        )
    try:
        checkpoint = upgrade(torch.load(path, map_location="cpu", weights_only=True))
        checkpoint[KEY]["info"]["outputs"]
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except Exception as error:  # torch.load raises whatever a foreign file makes its reader raise
        raise InputError(
            f"{path} is not an ednn checkpoint ({type(error).__name__}); "
            f"give one that train.py wrote, such as RUN/checkpoints/best.ckpt."
        ) from error
    return checkpoint


def build_from(checkpoint: Mapping[str, Any]) -> ExtensiveModel:
    """Make the model of a checkpoint, with its weights in the precision that they have there."""
    about = checkpoint[KEY]
    model = build_model(about["config"], DatasetInfo.from_plain(about["info"]))
    load_weights(model, checkpoint, assign=True)
    return model


def load_weights(
    model: ExtensiveModel, checkpoint: Mapping[str, Any], assign: bool = False
) -> None:
    """Copy the model's part of a checkpoint into a model.

    Args:
        assign: in the checkpoint's precision, not the model's own.

    Raises:
        InputError: the checkpoint belongs to a model of another shape.
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
    """Load a trained model from a checkpoint, in eval mode; needs torch alone.

    The model maps fields (B, C, *L), L any multiple of its focus, or a `StructureBatch`, to
    extensive properties (B, outputs) in physical units.

    Raises:
        InputError: the file is missing or not a checkpoint of this package.
    """
    return build_from(read_checkpoint(path)).eval()


def load_field_model(path: str | Path) -> FieldModel:
    """Load a trained model of fields, as `load_model` does.

    Raises:
        InputError: it is one of structures.
    """
    model = load_model(path)
    if not isinstance(model, FieldModel):
        raise InputError(f"{path} takes {model.info.takes}, not fields; give one that does.")
    return model


def load_structure_model(path: str | Path) -> StructureModel:
    """Load a trained model of structures, as `load_model` does.

    Raises:
        InputError: it is one of fields.
    """
    model = load_model(path)
    if not isinstance(model, StructureModel):
        raise InputError(f"{path} takes {model.info.takes}, not structures; give one that does.")
    return model
