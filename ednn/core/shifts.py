"""Atoms moved against the pixel grid, which changes no energy but the predicted one."""

from collections.abc import Callable, Sequence
from math import ceil, gcd, sqrt
from typing import Any

import torch
from torch import Tensor

from ednn.core.errors import InputError
from ednn.core.info import Takes
from ednn.core.interface import ExtensiveModel
from ednn.core.structure_batch import StructureBatch

GOLDEN = (sqrt(5) - 1) / 2


def check_shifts(shifts: Any, takes: Takes) -> None:
    """Make sure that predictions can be averaged over so many shifts.

    Raises:
        InputError: no whole number of at least 1, or several for a model of fields.

    Example:
        >>> check_shifts(8, takes="structures")
        >>> check_shifts(0, takes="structures")
        Traceback (most recent call last):
        ednn.core.errors.InputError: shifts=0 is not possible; give a whole number of at least 1 ...
    """
    if isinstance(shifts, bool) or not isinstance(shifts, int) or shifts < 1:
        raise InputError(
            f"shifts={shifts} is not possible; give a whole number of at least 1, such as 8."
        )
    if shifts > 1 and takes == "fields":
        raise InputError(
            f"shifts={shifts} is for models of structures, and this one takes fields; leave it out."
        )


def shift_lattice(count: int, dims: int = 2) -> Tensor:
    """Return points (count, D) of the unit square or cube, evenly spread: the first is the origin.

    In the plane they are the lattice (k, a k mod n) / n of n points, so that each of n columns and
    of n rows holds one. The whole number a is the one nearest to n times the golden ratio (0.618…)
    that has no divisor in common with n. In space they are (k, a k, a² k mod n) / n, with the a for
    which the longest wave that a mean over them doesn't remove is shortest.

    Example:
        >>> shift_lattice(1).tolist(), shift_lattice(4).tolist()
        ([[0.0, 0.0]], [[0.0, 0.0], [0.25, 0.75], [0.5, 0.5], [0.75, 0.25]])
    """
    coprime = [a for a in range(1, count + 1) if gcd(a, count) == 1]
    step = min(coprime, key=lambda a: abs(a - GOLDEN * count))
    steps = [1, step]
    if dims == 3:
        steps = max(([1, a, a**2] for a in range(count)), key=lambda own: _kept(own, count))
    k = torch.arange(count)[:, None]
    return (k * torch.tensor(steps) % count).double() / count


def _kept(steps: list[int], count: int) -> float:
    """Return the squared wave number of the longest wave that a lattice of points leaves."""
    most = ceil(count ** (1 / 3)) + 1
    waves = torch.cartesian_prod(*[torch.arange(-most, most + 1)] * len(steps))
    squared = waves.square().sum(1)  # (n,)
    kept = (waves @ torch.tensor(steps) % count == 0) & (squared > 0)
    return float(squared[kept].min())


def even_shifts(model: ExtensiveModel, count: int) -> Tensor:
    """Return translations (count, D) in Å that are evenly spread over a model's period.

    Their first is none. A mean over them has hardly an error of translation left: what the pixels
    do to a prediction repeats from period to period.

    Example:
        >>> from ednn.core.atomistic import AtomisticEDNN
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> model = AtomisticEDNN(EDNN(ANN, 4, 2), [6], [0.25, 0.5], gamma=0.4)
        >>> even_shifts(model, 2).tolist()
        [[0.0, 0.0], [0.5, 1.0]]
    """
    period = model.translation_period
    return shift_lattice(count, len(period)) * period


def moved(structures: StructureBatch, shift: Tensor) -> StructureBatch:
    """Return structures whose atoms are all moved by a shift (D,) in Å.

    Example:
        >>> one = StructureBatch(torch.tensor([[6]]), torch.ones(1, 1, 2), torch.eye(2)[None] * 9)
        >>> moved(one, torch.tensor([0.0, 0.5])).positions.tolist()
        [[[1.0, 1.5]]]
    """
    return structures._replace(positions=structures.positions + shift.to(structures.positions))


def over_shifts(
    predict: Callable[[StructureBatch], Sequence[Tensor]],
    structures: StructureBatch,
    shifts: Tensor,
) -> list[Tensor]:
    """Return what is predicted of structures under every shift: tensors (n, …) of each kind.

    Args:
        predict: returns a tensor of each kind, such as energies and forces.
        structures: as they are.
        shifts: (n, D) in Å.

    Example:
        >>> one = StructureBatch(torch.tensor([[6]]), torch.ones(1, 1, 2), torch.eye(2)[None] * 9)
        >>> over_shifts(lambda s: [s.positions.sum()], one, torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
        [tensor([2., 4.])]
    """
    found = [predict(moved(structures, shift)) for shift in shifts]
    return [torch.stack(kind) for kind in zip(*found, strict=True)]


class ShiftMean:
    """Predicts by a model: of structures, the mean over even shifts against the pixels.

    Args:
        model: of structures or of fields.
        shifts: how many; 1 for none, and for fields.

    Example:
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> (energy,) = ShiftMean(EDNN(ANN, 2, 1), shifts=1)(torch.ones(3, 1, 4, 4))
        >>> energy.shape
        torch.Size([3, 1])
    """

    def __init__(self, model: ExtensiveModel, shifts: int) -> None:
        self.model, self.shifts = model, shifts

    def __call__(self, inputs: Any, *slopes: str) -> list[Tensor]:
        """Return (B, outputs) and derivatives by their names, as `with_slopes` of the model does.

        Of structures, the forces have to be among them if the stress is. Features stand behind the
        outputs if the model has a posterior.
        """

        def predict(inputs: Any) -> Sequence[Tensor]:
            found: Sequence[Tensor] = self.model.call("with_slopes", inputs, slopes)
            return found

        if self.shifts == 1:
            return list(predict(inputs))
        shifts = even_shifts(self.model, self.shifts)
        found = over_shifts(predict, inputs, shifts)
        if "stress" in slopes:
            stress, forces = (1 + slopes.index(name) for name in ("stress", "forces"))
            found[stress] = found[stress] + _of_shifts(shifts, found[forces], inputs.cell)
        return [kind.mean(0) for kind in found]


def _of_shifts(shifts: Tensor, forces: Tensor, cell: Tensor) -> Tensor:
    """Return what stress lacks as a strain would stretch the shifts, too: (n, B, D, D).

    That is Σ_i s ⊗ F_i / V, which only the pixels keep from being zero.

    Args:
        shifts: s, (n, D) in Å.
        forces: under every shift, (n, B, A, D).
        cell: (B, D, D) in Å.
    """
    pull = forces.sum(2)[:, :, None] * shifts.to(forces)[:, None, :, None]  # (n, B, D, D)
    return (pull + pull.mT) / 2 / torch.linalg.det(cell).abs()[:, None, None]
