"""How far predicted energies move when all atoms move against the pixel grid."""

import torch

from ednn.core.shifts import ShiftMean, over_shifts
from ednn.core.structure_batch import StructureBatch
from ednn.data.structures.module import StructureData

STRUCTURES = 64  # most that are moved
SHIFTS = 8  # random ones, the same for all structures


def translation_error(predict: ShiftMean, data: StructureData, device: torch.device) -> float:
    """Return the standard deviation per atom of a predicted energy under random translations.

    A translation changes no energy, so this is an error of rendering on pixels. Up to 64 test
    structures, evenly spaced, undergo eight translations each, drawn with a fixed seed from the
    model's period; the variances are averaged over the structures.

    Args:
        predict: by a model of structures.
        data: whose test split is moved.
        device: of the model.

    Returns:
        The error of the first output, in the unit of its errors per site.

    Example:
        ednn evaluate ckpt_path=RUN data=dft  # test translation error (…)
    """
    test = torch.from_numpy(data.splits["test"])
    some = test[torch.linspace(0, len(test) - 1, min(STRUCTURES, len(test))).long()]
    period, generator = predict.model.translation_period, torch.Generator().manual_seed(0)
    shifts = period * torch.rand(SHIFTS, len(period), dtype=torch.float64, generator=generator)
    variances = []
    for sample in some.split(data.batch_size):
        inputs = StructureBatch(*(column.to(device) for column in data.dataset.inputs(sample)))
        (energies,) = over_shifts(predict, inputs, shifts)
        sites = data.dataset.sites[sample].to(device)
        variances.append((energies[..., 0].double() / sites).var(0))  # (B,)
    return float(torch.cat(variances).mean().sqrt()) * data.info.outputs[0].per_unit
