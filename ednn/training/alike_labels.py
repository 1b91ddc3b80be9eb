"""Labels beside what a checkpoint predicts, which tell a wrong sign, a wrong unit, or no totals."""

from pathlib import Path

import torch
from torch import Tensor

from ednn.core.errors import InputError
from ednn.core.structure_model import StructureModel
from ednn.data.module import ExtensiveData

SOME = 16  # structures that are compared
ALIKE = 0.5  # correlation from which two sets of labels are the same but for a factor
FACTOR = 5.0  # by which labels of two theories never differ
COMPONENTS = 30  # of forces, at least
NOISE = 0.3  # eV/Å, by which pixels push atoms that are at rest
SURE = 0.8  # correlation, of energies, which are few
FREE = 4  # structures more than elements, whose energies are fitted
CLEAR = 5e-3  # eV per atom by which predicted energies differ, several times the networks' errors


def require_alike_labels(model: StructureModel, data: ExtensiveData) -> None:
    """Compare labels of some training structures with what weights predict that training starts at.

    Energies are compared without what energies of the elements explain, as theories differ in that.

    Raises:
        InputError: forces are the predicted ones times a negative, tiny or huge factor, or energies
            differ much less than the predicted ones.

    Example:
        ednn train experiment=dft_finetune data=atoms data.path=hartree.extxyz data.grid=32
    """
    train = torch.from_numpy(data.splits["train"])
    some = train[torch.linspace(0, len(train) - 1, min(SOME, len(train))).long()]
    forces: list[Tensor] = []
    energies: list[Tensor] = []
    counts: list[Tensor] = []
    for batch in some.split(data.batch_size):
        inputs, slopes = data.dataset.inputs(batch), data.dataset.slopes(batch)
        energy, predicted = model.energy_and_forces(inputs)
        real = inputs.numbers > 0  # (B, A)
        if "forces" in slopes:
            pair = predicted[real], slopes["forces"][real]  # (n, D)
            forces.append(torch.stack([part.flatten() for part in pair]))  # (2, n · D)
        energies.append(torch.cat([energy.detach(), data.dataset.labels[batch]], 1).T)  # (2, B)
        counts.append(model.renderer.elements(inputs.numbers).sum(1))  # (B, species)
    if forces:
        _require_forces(torch.cat(forces, 1).double(), data.path)
    count = torch.cat(counts).double()
    both = torch.cat(energies, 1).double().T  # (structures, 2)
    left = both - count @ torch.linalg.lstsq(count, both, driver="gelsd").solution
    _require_energies(left.T, int(count.sum(1).max()), count.shape[1], data.path)


def _compared(pair: Tensor) -> tuple[float, float]:
    """Return how predicted and labelled values (2, n) correlate, and the factor between them."""
    ratio = (pair[0] * pair[1]).sum() / pair[0].square().sum()
    return float(pair.corrcoef()[0, 1]), float(ratio)


def _require_forces(pair: Tensor, path: Path) -> None:
    """Refuse forces in another unit or of another sign, if enough is predicted to tell."""
    if pair.shape[1] < COMPONENTS or pair[0].square().mean().sqrt() < NOISE:
        return
    correlation, ratio = _compared(pair)
    if correlation < -ALIKE:
        raise InputError(
            f"The forces of {path} point against those that the checkpoint predicts "
            f"(correlation {correlation:.2f}): they look like gradients; store the negative of "
            f"them, or leave ckpt_path out."
        )
    if correlation > ALIKE and not 1 / FACTOR < ratio < FACTOR:
        raise InputError(
            f"The forces of {path} are {ratio:.3g} times those that the checkpoint predicts: "
            f"are they in eV/Å? A Hartree per Bohr is 51.4 of these, a kcal/mol per Å 0.0434; "
            f"convert forces and energies, or leave ckpt_path out."
        )


def _require_energies(pair: Tensor, atoms: int, species: int, path: Path) -> None:
    """Refuse energies that differ much less than is predicted, if enough is predicted to tell.

    More is no sign: a network that has learned little predicts hardly any differences.
    """
    if pair.shape[1] < species + FREE or pair[0].std() / atoms < CLEAR:
        return
    correlation, ratio = _compared(pair)
    if correlation > SURE and ratio < 1 / FACTOR:
        raise InputError(
            f"The energies of {path} differ between structures {ratio:.3g} times as much as those "
            f"that the checkpoint predicts: are they totals in eV? Multiply energies per atom by "
            f"the number of atoms (up to {atoms} here), Hartree by 27.2; or leave ckpt_path out."
        )
