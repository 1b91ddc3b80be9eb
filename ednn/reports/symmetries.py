"""How far predictions change where the property doesn't."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ednn.core.interface import ExtensiveModel, FieldModel
from ednn.core.shifts import ShiftMean
from ednn.core.structure_model import StructureModel
from ednn.data.module import ExtensiveData
from ednn.data.structures.module import StructureData
from ednn.reports.moves import Moves, of_fields, of_structures
from ednn.training.translation import translation_error

SAMPLES = 32  # of the test
SITES = 2**18  # of all these samples, which take some seconds
FORCE = "eV/Å per atom"


class Check(NamedTuple):
    """How far predictions change.

    Attributes:
        what: is done to samples.
        change: its root mean square over samples, in `unit`.
        unit: per site or atom.
        should: what the change should be, in a sentence.

    Example:
        >>> Check("mirrored along an axis", 0.02, "J per spin", "Nothing.").unit
        'J per spin'
    """

    what: str
    change: float
    unit: str
    should: str


def samples_to_check(data: ExtensiveData) -> Tensor:
    """Return numbers of test samples, evenly spaced: at most 32, fewer where they are large.

    Example:
        samples_to_check(data)  # once data.setup() has read it
    """
    test = torch.from_numpy(data.splits["test"])
    largest = int(data.dataset.sites[test].max())
    count = max(1, min(SAMPLES, len(test), SITES // largest))
    return test[torch.linspace(0, len(test) - 1, count).long()]


def checks(
    model: ExtensiveModel, data: ExtensiveData, shifts: int = 1, translation: float | None = None
) -> list[Check]:
    """Check what a model makes of some samples of the test that are moved, mirrored or repeated.

    Args:
        model: in evaluation mode, of fields or of structures.
        data: that is read.
        shifts: of structures: over how many of them predictions of the test were averaged.
        translation: of structures: the error of their translation, if it is known.

    Returns:
        Checks of the first output, per site or atom.

    Example:
        for check in checks(model, data):
            print(check.what, check.change, check.unit, check.should)
    """
    samples = [data.dataset.inputs(number) for number in samples_to_check(data).split(1)]
    if isinstance(model, FieldModel):
        return list(_changes(model, data, samples, of_fields(model, data, samples[0])))
    assert isinstance(model, StructureModel)
    assert isinstance(data, StructureData)
    whole = all(bool(model.fits(sample).all()) for sample in samples)
    found = list(_changes(model, data, samples, of_structures(model, data, whole)))
    if translation is None:
        translation = translation_error(ShiftMean(model, shifts), data, torch.device("cpu"))
    unit = data.info.outputs[0].unit_per_site
    should = "Small: the property knows no pixels. Means over shifts=8 make it smaller."
    found.insert(1, Check("moved by any part of that period", translation, unit, should))
    return [*found, _net_force(model, samples)]


def _changes(
    model: ExtensiveModel, data: ExtensiveData, samples: Sequence[Any], groups: Sequence[Moves]
) -> Iterator[Check]:
    """Yield what each kind of moves changes of the predictions per site of samples."""
    output = data.info.outputs[0]
    before = [_per_site(model, sample) for sample in samples]
    for what, should, moves in groups:
        changes = [
            _per_site(model, move(sample)) - was
            for sample, was in zip(samples, before, strict=True)
            for move in moves
        ]
        change = float(torch.stack(changes).square().mean().sqrt()) * output.per_unit
        yield Check(what, change, output.unit_per_site, should)


def _per_site(model: ExtensiveModel, sample: Any) -> Tensor:
    """Predict the first output of one sample, divided by its sites or atoms."""
    sites = prod(sample.shape[2:]) if isinstance(sample, Tensor) else sample.numbers.shape[1]
    with torch.no_grad():
        return model(sample)[0, 0].double() / sites


def _net_force(model: StructureModel, samples: Sequence[Any]) -> Check:
    """Return the root mean square of the net force on structures, divided by their atoms."""
    forces = [model.energy_and_forces(sample)[1][0].double() for sample in samples]  # (A, D) each
    net = torch.stack([own.mean(0).square().sum() for own in forces])
    should = "Small: no force from outside acts on the atoms. The pixels leave a little."
    return Check("net force", float(net.mean().sqrt()), FORCE, should)
