"""Models from plain values: a config's, or those that a checkpoint remembers."""

from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from inspect import signature
from math import ceil
from pydoc import ErrorDuringImport, locate
from typing import Any

from torch import nn

from ednn.core import multiscale, subnets
from ednn.core.atomistic import AtomisticEDNN
from ednn.core.branch import Branch
from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo
from ednn.core.interface import ExtensiveModel, FieldModel
from ednn.core.model import EDNN
from ednn.core.tiling import Tiling

Config = Mapping[str, Any]
COARSEST = 1.25  # γ per pixel: 4 % of a Gaussian is left at the shortest wave

# What checkpoints call our own classes: names that stay when the code moves.
STABLE: dict[str, type[nn.Module]] = {
    "EDNN": EDNN,
    "MultiScale": multiscale.MultiScale,
    "DeepJoin": multiscale.DeepJoin,
    "Branch": Branch,
    **{name: getattr(subnets, name) for name in subnets.__all__},
}


def build_model(config: Config, info: DatasetInfo) -> ExtensiveModel:
    """Make a new model for some data.

    Args:
        config: `_target_`, the full or stable name of a model's class, and its arguments; what has
            a `_target_` among these (a subnetwork, the branches) is made by the model.
        info: what the model has to know of the data.

    Raises:
        InputError: a name isn't that of an `nn.Module`, arguments don't fit, or the model takes
            no structures.

    Example:
        >>> from ednn.core.info import Output
        >>> config = {"_target_": "EDNN", "subnet": {"_target_": "ANN"}, "focus": 1, "context": 1}
        >>> build_model(config, DatasetInfo((Output("energy"),))).info.names
        ('energy',)
    """
    if info.takes == "structures":
        _require_rendered(config, info)
    seen = {
        "dims": info.dims,
        "channels": info.channels,
        "outputs": len(info.outputs),
        "alphabet": None if info.alphabet is None else list(info.alphabet),
    }
    field_model = _make({**config, **seen})
    if not isinstance(field_model, FieldModel):
        raise InputError(
            f"model._target_={config['_target_']} is no model; give EDNN or MultiScale, and your "
            f"own network as model.subnet._target_."
        )
    field_model.info = info
    model: ExtensiveModel = field_model
    if info.takes == "structures":
        model = AtomisticEDNN(field_model, info.species, info.pixel, info.gamma)
    model.info, model.config = info, _with_stable_names(config)
    return model


def _require_rendered(config: Config, info: DatasetInfo) -> None:
    """Make sure that a model can take the fields that structures are rendered on.

    Pixels must resolve the Gaussians, or energies would move with the grid: one on pixels d wide
    has exp(−(πγ/d)²/2) of its height left at the shortest wave.

    Raises:
        InputError: it has several scales, its tiles don't fit the grid, or pixels are too coarse.
    """
    if "focus" not in config:
        raise InputError(
            f"{config['_target_']} takes fields, but this data set holds structures; give "
            f"model=ann, dnn or fcn."
        )
    Tiling(info.dims, config["focus"], config["context"]).grid(info.grid)
    widest = max(info.pixel)  # Å
    if widest > COARSEST * info.gamma:
        side = info.grid[info.pixel.index(widest)]
        raise InputError(
            f"data.grid={side} makes pixels {widest:.3g} Å wide, too coarse for Gaussians "
            f"of data.gamma={info.gamma} Å: give a multiple of tile.f of at least data.grid="
            f"{ceil(widest * side / (COARSEST * info.gamma))}, or wider Gaussians."
        )


def _make(config: Config) -> nn.Module:
    """Make a module from its class's name `_target_` and its arguments."""
    maker = _maker(config)
    try:
        return maker()
    except TypeError as error:
        raise InputError(
            f"{config['_target_']} cannot be made: {error}; check the arguments beside `_target_`."
        ) from error


def _maker(config: Config) -> partial[nn.Module]:
    arguments = {key: _argument(value) for key, value in config.items() if key != "_target_"}
    module = _module_class(config["_target_"])
    try:
        signature(module).bind_partial(**arguments)
    except TypeError as error:
        raise InputError(
            f"{config['_target_']} {error}; check the names beside `_target_`."
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
    if name in STABLE:
        return STABLE[name]
    try:
        found = locate(name)
    except ErrorDuringImport as error:
        raise InputError(f"_target_={name} cannot be imported: {error.value}.") from error
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise InputError(
            f"_target_={name} is not a torch.nn.Module that can be imported; "
            f"give a full name such as ednn.core.subnets.ANN."
        )
    return found


def _with_stable_names(config: Config) -> dict[str, Any]:
    """Return a config in which our own classes have the names that stay."""
    stable = {cls: name for name, cls in STABLE.items()}

    def renamed(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return deepcopy(value)
        plain = {key: renamed(inner) for key, inner in value.items()}
        if "_target_" in plain:
            plain["_target_"] = stable.get(_module_class(plain["_target_"]), plain["_target_"])
        return plain

    named: dict[str, Any] = renamed(config)
    return named
