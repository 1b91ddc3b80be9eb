"""Training that goes on from the weights of a checkpoint: what must be the same, what is new."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ednn.core.checkpoint import KEY, load_weights
from ednn.core.elements import symbols
from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo
from ednn.core.interface import ExtensiveModel
from ednn.core.renderer import CELL_TOLERANCE
from ednn.core.structure_model import StructureModel
from ednn.data.fields.spacing import require_same_spacing
from ednn.data.module import SPLITS, ExtensiveData
from ednn.training.alike_labels import require_alike_labels


def prepare(data: ExtensiveData, checkpoint: Mapping[str, Any]) -> str:
    """Check that training may go on from a checkpoint with some data, and turn sheets as it asks.

    Returns:
        What was done, if anything.

    Raises:
        InputError: the weights mean nothing for these data, or the checkpoint has seen what is
            test data here.

    Example:
        ednn train experiment=dft_finetune data=atoms data.path=turned.extxyz data.grid=32
    """
    before = DatasetInfo.from_plain(checkpoint[KEY]["info"])
    require_kind(before, data)
    for training in trainings(checkpoint):
        require_unseen_test(training, data)
    data.go_on_from(before)
    note = data.orient(before, SPLITS)
    require_same_rendering(before, data.info)
    return note


def info_of(data: ExtensiveData, checkpoint: Mapping[str, Any] | None) -> DatasetInfo:
    """Return the info of a model of some data, with all elements of a checkpoint it goes on from.

    Example:
        >>> from ednn.data.fields.ising import IsingData
        >>> shared = {"batch_size": 1, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> data = IsingData(L=4, dims=2, J=1.0, n_train=1, n_val=1, n_test=1, **shared)
        >>> info_of(data, None) == data.info
        True
    """
    if checkpoint is None:
        return data.info
    before = DatasetInfo.from_plain(checkpoint[KEY]["info"])
    channels = before.channels if before.per_element else data.info.channels
    return replace(data.info, species=before.species, channels=channels)


def trainings(checkpoint: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the data sets that a checkpoint's model was trained on, the last one first.

    Example:
        >>> about = {"data": "DFTData", "settings": {}, "before": [{"data": "AtomsData"}]}
        >>> [training["data"] for training in trainings({"ednn": {"trained_on": about}})]
        ['DFTData', 'AtomsData']
    """
    about = checkpoint[KEY]["trained_on"]
    return [about, *about.get("before", [])]


def start_from(model: ExtensiveModel, checkpoint: Mapping[str, Any], data: ExtensiveData) -> None:
    """Copy the weights of a checkpoint into a new model, for data that it may go on with.

    Reference energies are fitted again, as those of another theory have another zero.

    Raises:
        InputError: the checkpoint is of a model of another shape, or labels are in other units.

    Example:
        ednn train experiment=dft_finetune data.theory=pbe
    """
    # none of several scales, which stands as 0 here
    there, here = (of.get("context", 0) for of in (checkpoint[KEY]["config"], model.config))
    if not np.all(np.equal(there, here)):  # 19 and [19, 19] are the same
        raise InputError(
            f"The checkpoint's weights are those of tile.c={there}, and this model has "
            f"tile.c={here}; give tile.c={there}, or train without ckpt_path."
        )
    load_weights(model, checkpoint)
    model.trained_before = [
        {"data": training["data"], "settings": training["settings"]}
        for training in trainings(checkpoint)
    ]
    if isinstance(model, StructureModel):
        require_alike_labels(model, data)
    model.fit_references((batch.inputs, batch.target) for batch in data.evaluation_loader("train"))


def require_kind(before: DatasetInfo, data: ExtensiveData) -> None:
    """Make sure that a checkpoint's model takes what a data set holds.

    Raises:
        InputError: it takes fields instead of structures, structures instead of fields, another
            number of dimensions, or fields of another spacing.

    Example:
        >>> from ednn.core.info import Output
        >>> from ednn.data.fields.ising import IsingData
        >>> shared = {"batch_size": 1, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> data = IsingData(L=4, dims=2, J=1.0, n_train=1, n_val=1, n_test=1, **shared)
        >>> require_kind(DatasetInfo((Output("energy"),), species=(6,)), data)
        Traceback (most recent call last):
        ednn.core.errors.InputError: The checkpoint's model takes structures, but this data set ...
    """
    if before.takes != data.info.takes:
        raise InputError(
            f"The checkpoint's model takes {before.takes}, but this data set holds "
            f"{data.info.takes}; give data of the kind that it was trained on."
        )
    if before.dims != data.info.dims:
        raise InputError(
            f"The checkpoint's model takes {before.takes} in {before.dims} dimensions, but those "
            f"of this data set have {data.info.dims}; give data of as many, or another ckpt_path."
        )
    require_same_spacing(before.spacing, data.info.spacing, str(data.path))


def require_same_rendering(before: DatasetInfo, here: DatasetInfo) -> None:
    """Make sure that structures are rendered as they were when weights were trained.

    Raises:
        InputError: elements that weren't there, other pixels, Gaussians or channels.

    Example:
        >>> from ednn.core.info import Output
        >>> before = DatasetInfo((Output("energy"),), species=(6,), pixel=(0.4, 0.4), gamma=0.4)
        >>> require_same_rendering(before, before)
    """
    unknown = sorted({*here.species} - {*before.species})
    if unknown:
        raise InputError(
            f"The checkpoint was trained on {symbols(before.species)}, and this data has "
            f"{symbols(unknown)}, too; give data of those elements, or train without ckpt_path."
        )
    for name in ("pixel", "gamma", "per_element"):
        there, own = getattr(before, name), getattr(here, name)
        if np.shape(own) != np.shape(there) or not np.allclose(own, there, rtol=CELL_TOLERANCE):
            raise InputError(
                f"The checkpoint was trained with {name}={_plain(there)}, this data has "
                f"{_plain(own)}; its weights mean nothing here: give {_rendering(before)}, or "
                f"train without ckpt_path."
            )


def require_unseen_test(trained_on: Mapping[str, Any], data: ExtensiveData) -> None:
    """Make sure that a model which was trained on the same samples has not seen the test split.

    Raises:
        InputError: the test splits differ.

    Example:
        >>> from hydra import compose, initialize_config_dir
        >>> from ednn.runs.configs import CONF
        >>> from ednn.training.train import make_data
        >>> with initialize_config_dir(str(CONF), version_base="1.3"):
        ...     data = make_data(compose("train", ["data=dft", "data.theory=pbe"]))
        >>> require_unseen_test({"data": "DFTData", "settings": data.settings | {"seed": 1}}, data)
        Traceback (most recent call last):
        ednn.core.errors.InputError: The checkpoint was trained on other splits of these ...
    """
    settings = trained_on["settings"]
    if trained_on["data"] != data.kind or not data.same_samples(settings):
        return
    before, here = _test_split(settings), _test_split(data.settings)
    if before != here:
        raise InputError(
            f"The checkpoint was trained on other splits of these samples, so it knows part of the "
            f"test split here ({here}); give the data settings that it was trained with: {before}."
        )


def _test_split(settings: Mapping[str, Any]) -> str:
    """Say how a data set is split: by the file itself, or by shares."""
    splits = settings["splits"]
    if isinstance(splits, str):
        return splits
    return f"data.seed={settings['seed']} data.test={splits['test']}"


def _rendering(info: DatasetInfo) -> str:
    """Return the settings that render structures as a checkpoint had them."""
    sides = [round(n * side, 6) for n, side in zip(info.grid, info.pixel, strict=True)]
    channels = "element" if info.per_element else "Z"
    return (
        f"data.cell={_typed(sides)} data.grid={_typed(info.grid)} data.gamma={info.gamma:g} "
        f"data.channels={channels}"
    )


def _typed(values: Sequence[float]) -> str:
    return f"[{','.join(f'{value:.10g}' for value in values)}]"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
