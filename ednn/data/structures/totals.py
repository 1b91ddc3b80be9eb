"""Energies are totals, and those of atoms or formula units are told from them."""

import warnings

import numpy as np
from numpy.typing import NDArray

from ednn.data.structures.file import LabelledSet

SIZES = 1.3  # ratio of the numbers of atoms from which on totals can be told from others
BETTER = 5.0  # times the error of a fit to totals over that to energies per atom


def warn_of_energies_per_atom(labels: LabelledSet, path: str) -> None:
    """Warn if energies of structures of several sizes don't grow with the number of atoms.

    Energies of the elements are fitted to totals and, beside that, to energies per atom.

    Example:
        >>> from ednn.data.structures.file import read
        >>> warn_of_energies_per_atom(read("data/dft/gfn1_120.h5"), "gfn1_120.h5")
    """
    counts = _counts(labels)  # (N, species)
    size = counts.sum(1)  # (N,)
    # energies of elements fit so few structures either way, and rounding would decide
    if len(counts) <= counts.shape[1] + 1 or size.max() < SIZES * size.min():
        return
    as_totals = _missed(counts, labels.energy)
    per_atom = _missed(counts / size[:, None], labels.energy)
    if as_totals > BETTER * per_atom:
        warnings.warn(
            f"{path}: the energies don't grow with the number of atoms ({size.min():.0f} to "
            f"{size.max():.0f}): energies of elements fit them to {per_atom:.3g} eV as energies "
            f"per atom, to {as_totals:.3g} eV as totals. Labels are totals in eV: multiply by the "
            f"number of atoms.",
            stacklevel=2,
        )


def _counts(labels: LabelledSet) -> NDArray[np.float64]:
    """Return the numbers of atoms of every element, (N, species)."""
    species, element = np.unique(labels.numbers, return_inverse=True)
    counts = np.zeros((len(labels), len(species)))
    np.add.at(counts, (np.repeat(np.arange(len(labels)), np.diff(labels.offsets)), element), 1)
    return counts


def _missed(columns: NDArray[np.float64], energy: NDArray[np.float64]) -> float:
    """Return the root mean squared error of a least squares fit in eV."""
    found, *_ = np.linalg.lstsq(columns, energy, rcond=None)
    return float(np.sqrt(np.mean((columns @ found - energy) ** 2)))
