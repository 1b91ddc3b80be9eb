"""Checkpoints of earlier versions, converted to the current format: one function per version."""

from collections.abc import Callable
from math import prod
from typing import Any

from ednn.core.errors import InputError

Checkpoint = dict[str, Any]

# Class paths of version 0 and their stable names since then.
CLASSES = {
    "ednn.model.EDNN": "EDNN",
    "ednn.multiscale.MultiScale": "MultiScale",
    "ednn.multiscale.DeepJoin": "DeepJoin",
    "ednn.branch.Branch": "Branch",
    "ednn.branch.Spectral": "Spectral",
    "ednn.subnets.ANN": "ANN",
    "ednn.subnets.DNN": "DNN",
    "ednn.fcn.FCN": "FCN",
    "ednn.site_ann.SiteANN": "SiteANN",
}
ATOMISTIC = "ednn.atomistic.AtomisticEDNN"
# Of each data set of version 0: the unit, and what totals are divided by. Its checkpoints stored
# neither.
DATASETS = {
    "IsingData": ("J", "spin"),
    "LaplacianData": ("X/pixel²", "pixel"),
    "CoulombData": ("A", "site"),
    "HDF5Data": ("", "site"),
    "DFTData": ("eV", "atom"),
    "AtomsData": ("eV", "atom"),
}
GENERATED = ("IsingData", "LaplacianData", "CoulombData")


def upgrade(checkpoint: Checkpoint) -> Checkpoint:
    """Convert a checkpoint to the current format.

    Raises:
        InputError: it was written by a newer version.

    Example:
        >>> upgrade({"ednn": {"version": 99}})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ednn.core.errors.InputError: this checkpoint has format 99, and this version of ednn ...
    """
    version = checkpoint.get("ednn", {"version": 0})["version"]
    if version > VERSION:
        raise InputError(
            f"this checkpoint has format {version}, and this version of ednn reads formats up to "
            f"{VERSION}; update ednn (pip install --upgrade ednn)."
        )
    for step in UPGRADES[version:]:
        checkpoint = step(checkpoint)
    return checkpoint


def _from_0(checkpoint: Checkpoint) -> Checkpoint:
    """Convert version 0, from release 0.1.0 to commit 7cb7bdb.

    It named classes by their module paths, scaled per tile, and had no entry of its own.
    Lightning's hyperparameters held the model's config, completed from the data, and the arguments
    of the error measures.
    """
    given = checkpoint["hyper_parameters"]
    outer = given["model"]
    atomistic = outer["_target_"] == ATOMISTIC
    inner = outer["field_model"] if atomistic else outer
    from_data = ("dims", "channels", "outputs", "alphabet")
    config = _renamed({key: value for key, value in inner.items() if key not in from_data})
    name = next((name for name in DATASETS if name in checkpoint), "")
    settings = dict(checkpoint.get(name, {}))
    if name in GENERATED:
        settings["generator"] = 1
    info = {
        "outputs": _outputs(given["errors"], name),
        "dims": inner.get("dims", 2),
        "channels": inner.get("channels", 1),
        "alphabet": inner.get("alphabet"),
        "site": DATASETS.get(name, ("", "atom" if atomistic else "site"))[1],
        "relative": given["errors"].get("relative", False),
        "flat_is_zero": name == "LaplacianData",
    }
    if atomistic:
        info |= {key: outer[key] for key in ("species", "pixel", "gamma")}
        info["grid"] = [inner["focus"]] * 2 if isinstance(inner["focus"], int) else inner["focus"]
    state = _state_from_0(checkpoint["state_dict"], config, info, atomistic)
    description = {
        "version": 1,
        "config": config,
        "info": info,
        "trained_on": {"data": name, "settings": settings},
    }
    upgraded = {**checkpoint, "state_dict": state, "ednn": description}
    return {**upgraded, name: settings} if name else upgraded


def _from_1(checkpoint: Checkpoint) -> Checkpoint:
    """Convert version 1, whose coarse branches in reciprocal space had |k| in rad per block.

    Their scaling of |k| brings it back to what the network learned.
    """
    config, state = checkpoint["ednn"]["config"], dict(checkpoint["state_dict"])
    for name, branch in config.get("branches", {}).items():
        coarse, space = branch.get("coarse", 1), branch.get("space", "real")
        if coarse > 1 and (space == "spectrum" or branch.get("wave_number", False)):
            key = f"model.branches.{name}.net.scaling.spread"
            spread = state[key].clone()  # |k| is the last channel
            spread[-1] /= coarse
            state[key] = spread
    return {**checkpoint, "state_dict": state, "ednn": {**checkpoint["ednn"], "version": 2}}


def _outputs(errors: Any, data: str) -> list[dict[str, Any]]:
    """Return the outputs that the arguments of the error measures name."""
    unit, site = DATASETS.get(data, ("", "site"))
    per_site = "meV per atom" if site == "atom" else f"{unit} per {site}".strip()
    factor = errors.get("site_factor", 1.0)
    return [
        {"name": name, "unit": unit, "unit_per_site": per_site, "per_unit": factor}
        for name in errors["names"]
    ]


def _state_from_0(state: Any, config: Any, info: Any, atomistic: bool) -> dict[str, Any]:
    """Rename the scaling of the field, and convert shift and scale per tile to those per site."""
    field_model = "model.field_model." if atomistic else "model."
    like = state[f"{field_model}scale"]
    channels = info["channels"]
    mean, spread = like.new_zeros(channels), like.new_ones(channels)
    new = dict(state)
    if atomistic:
        mean = new.pop("model.field_shift").reshape(1)
        spread = new.pop("model.field_scale").reshape(1)
    new |= {f"{field_model}scaling.mean": mean, f"{field_model}scaling.spread": spread}
    if config["_target_"] == "MultiScale":
        for name, branch in config["branches"].items():
            seen = _branch_channels(branch, channels)
            net = f"model.branches.{name}.net.scaling"
            new |= {f"{net}.mean": like.new_zeros(seen), f"{net}.spread": like.new_ones(seen)}
        return new
    focus = config["focus"]
    sites = focus ** info["dims"] if isinstance(focus, int) else prod(focus)
    for name in ("shift", "scale"):
        new[f"{field_model}{name}"] = state[f"{field_model}{name}"] / sites
    return new


def _branch_channels(branch: Any, channels: int) -> int:
    """Count the channels that a branch of a multi-scale model sees."""
    seen = {"complex": 2 * channels, "spectrum": 1}.get(branch.get("space", "real"), channels)
    return seen + bool(branch.get("wave_number", False))


def _renamed(value: Any) -> Any:
    """Replace the paths of this package's classes by their stable names."""
    if not isinstance(value, dict):
        return value
    plain = {key: _renamed(inner) for key, inner in value.items()}
    if "_target_" in plain:
        plain["_target_"] = CLASSES.get(plain["_target_"], plain["_target_"])
    return plain


UPGRADES: list[Callable[[Checkpoint], Checkpoint]] = [_from_0, _from_1]
VERSION = len(UPGRADES)
