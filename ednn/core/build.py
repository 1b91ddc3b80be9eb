"""Models from plain values: from a config, or from what a checkpoint stores."""

from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from inspect import signature
from math import ceil, lcm
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
MAX_PIXEL = 1.25  # in units of γ: 4 % of a Gaussian's spectrum is left at the shortest wave

# The names of this package's classes in checkpoints: they stay when the code moves.
STABLE_NAMES: dict[str, type[nn.Module]] = {
    "EDNN": EDNN,
    "MultiScale": multiscale.MultiScale,
    "DeepJoin": multiscale.DeepJoin,
    "Branch": Branch,
    **{name: getattr(subnets, name) for name in subnets.__all__},
}


def build_model(config: Config, info: DatasetInfo) -> ExtensiveModel:
    """Make a new, untrained model for a data set.

    Args:
        config: `_target_`, the stable or full name of the model's class, and its arguments. An
            argument that has a `_target_` itself (a subnetwork, a branch) becomes a function that
            makes it.
        info: what the model has to know of the data.

    Raises:
        InputError: a name is not that of an `nn.Module`, arguments don't fit, or the data hold
            structures and the model takes fields alone.

    Example:
        >>> from ednn.core.info import Output
        >>> config = {"_target_": "EDNN", "subnet": {"_target_": "ANN"}, "focus": 1, "context": 1}
        >>> build_model(config, DatasetInfo((Output("energy"),))).info.names
        ('energy',)
    """
    if info.takes == "structures":
        _require_renderable(config, info)
    from_data = {
        "dims": info.dims,
        "channels": info.channels,
        "outputs": len(info.outputs),
        "alphabet": None if info.alphabet is None else list(info.alphabet),
    }
    field_model = _make({**config, **from_data})
    if not isinstance(field_model, FieldModel):
        raise InputError(
            f"model._target_={config['_target_']} is no model; give EDNN or MultiScale, and your "
            f"own network as model.subnet._target_."
        )
    field_model.info = info
    model: ExtensiveModel = field_model
    if info.takes == "structures":
        model = AtomisticEDNN(field_model, info.species, info.pixel, info.gamma, info.per_element)
    model.info, model.config = info, _with_stable_names(config)
    return model


def _require_renderable(config: Config, info: DatasetInfo) -> None:
    """Check that a model can take the fields on which structures are rendered.

    Pixels have to resolve the Gaussians, or the energy would change when atoms move relative to the
    grid: of a Gaussian's spectrum, pixels of width d leave exp(−(πγ/d)²/2) at their shortest wave.

    Raises:
        InputError: the model has several scales, its tiles don't fit the grid, another padding
            than periodic, or pixels that are too coarse.
    """
    if "focus" not in config:
        raise InputError(
            f"{config['_target_']} takes fields, but this data set holds structures; give "
            f"model=ann, dnn or fcn."
        )
    if (padding := config.get("padding", "periodic")) != "periodic":
        raise InputError(
            f"tile.padding={padding} doesn't suit structures, which are rendered with their "
            f"periodic images; give tile.padding=periodic."
        )
    tiling = Tiling(info.dims, config["focus"], config["context"])
    tiling.grid(info.grid)
    widest = max(info.pixel)  # Å
    if widest > MAX_PIXEL * info.gamma:
        side = info.grid[info.pixel.index(widest)]
        focus = lcm(*tiling.focus)
        least = ceil(widest * side / (MAX_PIXEL * info.gamma) / focus) * focus
        raise InputError(
            f"data.grid={side} makes pixels {widest:.3g} Å wide, too coarse for Gaussians "
            f"of data.gamma={info.gamma} Å: give a multiple of tile.f of at least "
            f"data.grid={least}, or wider Gaussians."
        )


def _make(config: Config) -> nn.Module:
    """Make a module from the name of its class, `_target_`, and its arguments."""
    factory = _factory(config)
    try:
        return factory()
    except InputError:
        raise
    except Exception as error:  # whatever impossible sizes make torch or a user's class raise
        raise InputError(
            f"{config['_target_']} cannot be made: {error}; check the arguments beside `_target_`."
        ) from error


def _factory(config: Config) -> partial[nn.Module]:
    """Return a function that makes the module of a config; it may be given more arguments."""
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
    """Turn what has a `_target_` into a factory, also inside a mapping (a model's branches)."""
    if not isinstance(value, Mapping):
        return value
    if "_target_" in value:
        return _factory(value)
    return {key: _argument(inner) for key, inner in value.items()}


def _module_class(name: str) -> type[nn.Module]:
    if name in STABLE_NAMES:
        return STABLE_NAMES[name]
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
    """Return a config in which this package's classes have their stable names."""
    stable = {cls: name for name, cls in STABLE_NAMES.items()}

    def renamed(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return deepcopy(value)
        plain = {key: renamed(inner) for key, inner in value.items()}
        if "_target_" in plain:
            plain["_target_"] = stable.get(_module_class(plain["_target_"]), plain["_target_"])
        return plain

    named: dict[str, Any] = renamed(config)
    return named
