"""A structure: atoms and the cell in which they repeat."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ednn.core.elements import SYMBOLS
from ednn.core.errors import InputError

ELEMENTS = len(SYMBOLS) - 1  # the largest atomic number


@dataclass(frozen=True)
class Structure:
    """Atoms in a cell, along the two axes of a plane or the three of space.

    Attributes:
        numbers: atomic numbers (N,).
        positions: (N, D) in Å, inside the cell or not.
        cell: lattice vectors, (D, D) in Å, one per row; a row of zeros is a direction along which
            nothing repeats.
        turned_by: degrees by which it has been turned (`ednn.physics.orientation`).

    Example:
        >>> carbon, hexagonal = np.array([6]), np.array([[2.46, 0.0], [-1.23, 2.13]])
        >>> Structure(carbon, np.zeros((1, 2)), hexagonal).is_rectangular
        False
    """

    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    turned_by: float = field(default=0.0, kw_only=True)

    @property
    def count(self) -> int:
        """Number of atoms."""
        return len(self.numbers)

    @property
    def is_rectangular(self) -> bool:
        """Whether the lattice vectors lie along the axes, and there is one along each."""
        return bool((self.cell == np.diag(self.sides)).all() and (self.sides > 0).all())

    @property
    def sides(self) -> NDArray[np.float64]:
        """Sides (D,) of a rectangular cell in Å."""
        return np.diagonal(self.cell).copy()

    @property
    def is_open(self) -> bool:
        """Whether there are directions along which nothing repeats."""
        return not self.cell.any(1).all()

    def require_finite(self, name: str) -> None:
        """Check that all positions are finite.

        Args:
            name: what the sentence calls the structure.

        Raises:
            InputError: one isn't.
        """
        finite = np.isfinite(self.positions).all(1)
        if not finite.all():
            atom = int(finite.argmin())
            raise InputError(
                f"{name}: atom {atom} stands at {self.positions[atom]}; give finite positions in Å."
            )

    def require_elements(self, name: str) -> None:
        """Check that all atoms are of elements: the number 0, that of dummy atoms, is padding here.

        Args:
            name: what the sentence calls the structure.

        Raises:
            InputError: an atom has another atomic number.
        """
        dummy = (self.numbers < 1) | (self.numbers > ELEMENTS)
        if dummy.any():
            atom = int(dummy.argmax())
            raise InputError(
                f"{name}: atom {atom} has the atomic number {self.numbers[atom]}, which is no "
                f"element's; leave dummy atoms out."
            )


def in_cell(structure: Structure, edge: float) -> Structure:
    """Return a structure with its atoms inside of the cell, if that repeats along all axes.

    The vectors of a rectangle, or a box, may stand in any order and point either way: the crystal
    is the same.

    Args:
        structure: as it is.
        edge: by how many Å the corners of a rectangle may be off, which is then made one.

    Example:
        >>> cell = np.array([[0.0, 3.0], [-4.0, 0.0]])
        >>> own = in_cell(Structure(np.array([6]), np.array([[-1.0, 3.5]]), cell), edge=1e-3)
        >>> own.positions.tolist(), own.cell.tolist()
        ([[3.0, 0.5]], [[4.0, 0.0], [0.0, 3.0]])
    """
    cell, positions = structure.cell, structure.positions
    if structure.is_open:
        return structure
    axes = np.arange(len(cell))
    axis_of = abs(cell).argmax(1)  # the axis along each vector
    along = cell[axis_of.argsort(), axes]  # (D,)
    off = cell.copy()
    off[axes, axis_of] = 0
    if set(axis_of) == {*axes} and abs(off).max() <= edge:
        cell, positions = np.diag(abs(along)), positions - np.minimum(along, 0)
    return replace(structure, positions=_wrapped(positions, cell), cell=cell)


def _wrapped(positions: NDArray[np.float64], cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move atoms (N, D) that are outside of a cell into it; the others stay as they are."""
    fractional = positions @ np.linalg.inv(cell)
    cells = np.floor(fractional)
    return np.where(cells.any(1, keepdims=True), positions - cells @ cell, positions)
