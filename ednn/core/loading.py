"""The model of a checkpoint that a user names, or of several as an ensemble."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ednn.core.checkpoint import build_from, read_checkpoint
from ednn.core.ensemble import ensemble
from ednn.core.errors import InputError
from ednn.core.interface import ExtensiveModel
from ednn.core.pretrained import located
from ednn.core.structure_model import StructureModel


def as_paths(ckpt_path: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the paths of one checkpoint, or those of an ensemble.

    Raises:
        InputError: a list of fewer than two.

    Example:
        >>> [path.name for path in as_paths(["a.ckpt", "b.ckpt"])], len(as_paths("a.ckpt"))
        (['a.ckpt', 'b.ckpt'], 1)
    """
    if isinstance(ckpt_path, str | Path):
        return [located(ckpt_path)]
    if len(ckpt_path) < 2:
        raise InputError(
            f"ckpt_path={[*map(str, ckpt_path)]} is no ensemble; give two checkpoints or more, or "
            f"one without brackets."
        )
    return [located(path) for path in ckpt_path]


def build_models(checkpoints: Sequence[Mapping[str, Any]]) -> ExtensiveModel:
    """Make the model of one checkpoint, or the ensemble of those of several; in evaluation mode.

    Raises:
        InputError: the models don't predict the same.

    Example:
        >>> build_models([read_checkpoint(path) for path in as_paths("missing.ckpt")])
        Traceback (most recent call last):
        ednn.core.errors.InputError: There is no checkpoint missing.ckpt; ...
    """
    models = [build_from(checkpoint).eval() for checkpoint in checkpoints]
    return models[0] if len(models) == 1 else ensemble(models)


def load_models(ckpt_path: str | Path | Sequence[str | Path]) -> ExtensiveModel:
    """Load the model of a checkpoint, or the ensemble of several, in evaluation mode.

    Raises:
        InputError: there is no such checkpoint, or the models don't predict the same.

    Example:
        >>> load_models("pretrained/graphene-hbn-gfn1").info.species
        (5, 6, 7)
    """
    return build_models([read_checkpoint(path) for path in as_paths(ckpt_path)])


def load_structure_model(ckpt_path: str | Path | Sequence[str | Path]) -> StructureModel:
    """Load what `load_models` does, where it has to be of structures.

    Raises:
        InputError: as there, or the model takes fields.

    Example:
        >>> load_structure_model("pretrained/graphene-hbn-gfn1").has_slope("stress")
        True
    """
    model = load_models(ckpt_path)
    if not isinstance(model, StructureModel):
        raise InputError(f"{ckpt_path} takes fields, not structures; give one that does.")
    return model
