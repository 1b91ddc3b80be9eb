"""What is done to samples and leaves their property per site as it is, in words for a reader."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ednn.core.interface import FieldModel
from ednn.core.shifts import moved
from ednn.core.structure_batch import StructureBatch
from ednn.core.structure_model import StructureModel
from ednn.data.fields.generated import Labelling
from ednn.data.module import ExtensiveData
from ednn.data.structures.module import StructureData

ROUNDING = "Nothing but rounding"
ELSEWHERE = (
    "Small, as some cells are not whole tiles: their periodic images lie elsewhere on the pixels."
)
TURNS = 4  # in random directions


class Moves(NamedTuple):
    """Moves of one kind.

    Attributes:
        what: they do, in words.
        should: what they should change of a prediction, in a sentence.
        each: maps the inputs of one sample to those of a moved one.

    Example:
        >>> flip = Moves("mirrored", "Nothing.", [lambda field: field.flip(2)])
        >>> flip.each[0](torch.tensor([[[1.0, 2.0]]])).tolist()
        [[[2.0, 1.0]]]
    """

    what: str
    should: str
    each: Sequence[Callable[[Any], Any]]


def of_fields(model: FieldModel, data: ExtensiveData, example: Tensor) -> list[Moves]:
    """Return what can be done to fields like an example (1, C, *L).

    Periodic fields are moved and repeated. All are mirrored, and turned where they are squares, but
    for what changes the exact labels of the example, where the data set knows them.

    Example:
        >>> from ednn import EDNN
        >>> from ednn.core.subnets import ANN
        >>> from ednn.data.fields.ising import IsingData
        >>> shared = {"batch_size": 1, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> data = IsingData(L=4, dims=2, J=1.0, n_train=1, n_val=1, n_test=1, **shared)
        >>> found = of_fields(EDNN(ANN, focus=2, context=1), data, torch.ones(1, 1, 4, 4))
        >>> [moves.what for moves in found][:2]
        ['moved by 2 spins', 'moved by one spin']
    """
    axes, site = list(range(2, example.ndim)), data.info.site
    found = _translations(model, example, site) if model.tiling.padding == "periodic" else []
    mirrors = [partial(torch.flip, dims=(axis,)) for axis in axes]
    turns = []
    if len(axes) > 1 and example.shape[2] == example.shape[3]:
        turns = [partial(torch.rot90, k=1, dims=(2, 3))]
    label = data.label if isinstance(data, Labelling) and example.shape[1] == 1 else None
    should = "Small: the exact labels stay the same."
    if label is None:
        should = "Small if the property stays the same, which these data don't tell."
    for what, moves in (("mirrored along an axis", mirrors), ("turned by 90°", turns)):
        kept = [move for move in moves if label is None or _keeps(label, example, move)]
        if kept:
            found.append(Moves(what, should, kept))
    if model.tiling.padding == "periodic":
        should = f"{ROUNDING}: every {site} of the copies has the surroundings that it had."
        if model.indivisible:
            should = f"Small; the model doesn't ensure it, as {model.indivisible}."
        twice = [1, 1, *[2] * len(axes)]
        what = f"repeated: {2 ** len(axes)} copies, two along every axis"
        found.append(Moves(what, should, [lambda field: field.repeat(twice)]))
    return found


def _translations(model: FieldModel, example: Tensor, site: str) -> list[Moves]:
    """Return translations by the model's period, and by one site, of periodic fields."""
    sides, period = example.shape[2:], model.period
    found = []
    if whole := _rolls(period, sides):
        size = " × ".join(map(str, period if len(set(period)) > 1 else period[:1]))
        should = f"{ROUNDING}: so far apart, the network treats all {site}s alike."
        sites = site if set(period) == {1} else f"{site}s"
        found.append(Moves(f"moved by {size} {sites}", should, whole))
    if max(period) > 1:
        should = "Small: the borders of tiles fall elsewhere, and the property has none."
        found.append(Moves(f"moved by one {site}", should, _rolls([1] * len(sides), sides)))
    return found


def _rolls(steps: Sequence[int], sides: Sequence[int]) -> list[Callable[[Any], Any]]:
    """Return translations along each axis, but for those by whole sides, which change nothing."""
    return [
        partial(torch.roll, shifts=step, dims=2 + axis)
        for axis, (step, side) in enumerate(zip(steps, sides, strict=True))
        if step % side
    ]


def _keeps(label: Callable[[Any], Any], example: Tensor, move: Callable[[Any], Any]) -> bool:
    """Tell whether a move leaves the exact label of a field (1, 1, *L) as it is."""
    before, after = (label(field[:, 0].numpy()) for field in (example, move(example)))
    return np.allclose(before, after)


def of_structures(model: StructureModel, data: StructureData, whole: bool) -> list[Moves]:
    """Return what can be done to structures; they are turned only if those of the training were.

    Args:
        model: that predicts.
        data: of its training, or others.
        whole: whether all cells are whole tiles.

    Example:
        >>> from ednn.core.loading import load_structure_model
        >>> from ednn.data.structures.dft import DFTData
        >>> drawn = {"grid": 32, "gamma": 0.4, "augment": True, "val": 0.1, "test": 0.2}
        >>> shared = {"batch_size": 1, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> file = ("gfn1", "plain", "data/dft/gfn1_120.h5", 0, None, (2, 1))
        >>> model = load_structure_model("pretrained/graphene-hbn-gfn1")
        >>> data = DFTData(*file, **drawn, **shared)
        >>> [moves.what for moves in of_structures(model, data, whole=True)][1:]
        ['mirrored along an axis', 'repeated: two copies along every axis that repeats']
    """
    period, dims = model.translation_period, model.info.dims
    size = " × ".join(f"{length:.3g}" for length in period.tolist())
    shifts = [partial(moved, shift=row) for row in torch.diag(period)]
    mirrors = [torch.diag(1.0 - 2.0 * (torch.arange(dims) == axis)) for axis in range(dims)]
    trained = " Training structures were mirrored at random." if data.augment else ""
    found = [
        Moves(
            f"moved by a period of the pixels ({size} Å)",
            f"{ROUNDING}: the pixels show the same." if whole else ELSEWHERE,
            shifts,
        ),
        Moves(
            "mirrored along an axis",
            f"Small: a mirror image has the same energy.{trained}",
            [partial(_turned, turn=mirror.double()) for mirror in mirrors],
        ),
    ]
    if data.rotate:
        drawn = np.random.default_rng(0).normal(size=(TURNS, dims, dims))
        turns = torch.from_numpy(np.linalg.svd(drawn)[0])
        should = "Small: no direction is special. Training structures were turned at random."
        each = [partial(_turned, turn=turn) for turn in turns]
        found.append(Moves("turned by a random angle", should, each))
    what = "repeated: two copies along every axis that repeats"
    should = f"{ROUNDING}: every atom of the copies has the surroundings that it had."
    if model.indivisible:
        should = f"Small; the model doesn't ensure it, as {model.indivisible}."
    should = should if whole else ELSEWHERE
    return [*found, Moves(what, should, [_repeated])]


def _turned(structures: StructureBatch, turn: Tensor) -> StructureBatch:
    positions, cell = (part @ turn for part in (structures.positions, structures.cell))
    return structures._replace(positions=positions, cell=cell)


def _repeated(structures: StructureBatch) -> StructureBatch:
    """Return one structure twice along every axis along which it repeats."""
    for axis, row in enumerate(structures.cell[0]):
        if row.any():
            cell = structures.cell.clone()
            cell[:, axis] *= 2
            numbers = structures.numbers.repeat(1, 2)
            both = [structures.positions, structures.positions + row]
            structures = StructureBatch(numbers, torch.cat(both, 1), cell)
    return structures
