"""Labelled forces beside those that a checkpoint predicts, which tell a wrong sign or unit."""

import torch

from ednn.core.errors import InputError
from ednn.core.structure_model import StructureModel
from ednn.data.module import ExtensiveData

SOME = 16  # structures that are compared
ALIKE = 0.5  # correlation from which two sets of forces are the same but for a factor
FACTOR = 5.0  # by which forces of two theories never differ


def require_alike_forces(model: StructureModel, data: ExtensiveData) -> None:
    """Compare forces of some training structures with those of weights that training goes on from.

    Raises:
        InputError: the labels are these forces times a negative, tiny or huge factor.

    Example:
        ednn train experiment=dft_finetune data=atoms data.path=hartree.extxyz data.grid=32
    """
    train = torch.from_numpy(data.splits["train"])
    some = train[torch.linspace(0, len(train) - 1, min(SOME, len(train))).long()]
    if "forces" not in data.dataset.slopes(some):
        return
    pairs = []
    for batch in some.split(data.batch_size):
        inputs, labels = data.dataset.inputs(batch), data.dataset.slopes(batch)["forces"]
        _, predicted = model.energy_and_forces(inputs)
        real = inputs.numbers > 0  # (B, A)
        pairs.append(torch.stack([predicted[real].flatten(), labels[real].flatten()]))  # (2, n)
    pair = torch.cat(pairs, 1).double()  # (2, n of all)
    correlation = float(pair.corrcoef()[0, 1])
    ratio = float((pair[0] * pair[1]).sum() / pair[0].square().sum())
    if correlation < -ALIKE:
        raise InputError(
            f"The forces of {data.path} point against those that the checkpoint predicts "
            f"(correlation {correlation:.2f}): they look like gradients; store the negative of "
            f"them, or leave ckpt_path out."
        )
    if correlation > ALIKE and not 1 / FACTOR < ratio < FACTOR:
        raise InputError(
            f"The forces of {data.path} are {ratio:.3g} times those that the checkpoint predicts: "
            f"are they in eV/Å? A Hartree per Bohr is 51.4 of these, a kcal/mol per Å 0.0434; "
            f"convert forces and energies, or leave ckpt_path out."
        )
