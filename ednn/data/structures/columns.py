"""Energies, forces and stress of ASE's frames: what ASE knows as such, or what has a name."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ednn.core.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

SHOWN = 20  # names in a sentence, at most
# Columns of three numbers per atom that are no forces.
OTHERS = {"positions", "momenta", "velocities", "initial_magmoms", "magmoms", "stress", "virial"}


def number(value: Any) -> float | None:
    """Return a finite real number, or None for whatever else a file may give as an energy.

    Example:
        >>> number(np.array([-1.5])), number("-1.0D+01"), number(True), number("-10.0 eV")
        (-1.5, -10.0, None, None)
    """
    try:
        array = np.asarray(value)
        if array.size != 1 or array.dtype.kind not in "iufU":
            return None
        item = array.item()
        found = float(re.sub("[dD]", "e", item) if isinstance(item, str) else item)  # Fortran's D
    except ValueError:  # a ragged list, or text
        return None
    return found if np.isfinite(found) else None


def energy(frame: "Atoms", name: str | None, where: str) -> float:
    """Return a frame's energy in eV.

    Args:
        frame: as ASE has read it.
        name: where it stands in `info` or among the results; None for ASE's own energy.
        where: what the sentence calls the structure.

    Raises:
        InputError: it has none, or one that is no finite number.

    Example:
        >>> from ase import Atoms
        >>> energy(Atoms("C", info={"REF_energy": -1029.5}), "REF_energy", "mine")
        -1029.5
        >>> energy(Atoms("C", info={"REF_energy": -1029.5}), None, "mine")
        Traceback (most recent call last):
        ednn.core.errors.InputError: mine has no finite energy; give it in eV, as ASE stores it ...
    """
    found = _values(frame) if name else _results(frame)
    value = found.get(name or "energy")
    result = number(value)
    if result is not None:
        return result
    have = energy_like(frame)
    named = f", or name one of its numbers in data.energy=…: {_list(have)}" if have else ""
    if value is not None:
        raise InputError(
            f"{where} has {name or 'energy'}={value!s}, which is no finite energy; give a number "
            f"alone, in eV, such as -1029.5{named}."
        )
    if name:
        raise InputError(f"{where} has no number {name!r}; expected its energy in eV{named}.")
    raise InputError(
        f"{where} has no finite energy; give it in eV, as ASE stores it (in extxyz: energy=… in "
        f"the comment line){named}."
    )


def forces(frame: "Atoms", name: str | None, where: str) -> np.ndarray | None:
    """Return a frame's forces (N, 3) in eV/Å; None if it has none.

    Args:
        frame: as ASE has read it.
        name: of the column; None for ASE's own forces.
        where: what the sentence calls the structure.

    Raises:
        InputError: they aren't three real numbers per atom.

    Example:
        >>> from ase import Atoms
        >>> frame = Atoms("C")
        >>> frame.new_array("REF_forces", np.array([[0.1, 0.0, 0.0]]))
        >>> forces(frame, "REF_forces", "mine").tolist()
        [[0.1, 0.0, 0.0]]
    """
    found = {**_values(frame), **frame.arrays} if name else _results(frame)
    value = found.get(name or "forces")
    if value is None:
        return None
    column = np.asarray(value)
    if column.shape != (len(frame), 3) or column.dtype.kind not in "iuf":
        raise InputError(
            f"{where} has {name or 'forces'} of shape {column.shape} and type {column.dtype}; "
            f"expected forces in eV/Å, three real numbers for each of its {len(frame)} atoms."
        )
    return column


def stress(frame: "Atoms", name: str | None, where: str) -> np.ndarray | None:
    """Return a frame's stress (3, 3) in eV/Å³; None if it has none.

    Args:
        frame: as ASE has read it.
        name: where it stands in `info` or among the results; None for ASE's own stress.
        where: what the sentence calls the structure.

    Raises:
        InputError: it is neither nine nor six real numbers (xx, yy, zz, yz, xz, xy).

    Example:
        >>> from ase import Atoms
        >>> frame = Atoms("C", info={"REF_stress": [1.0, 2.0, 3.0, 0.4, 0.5, 0.6]})
        >>> stress(frame, "REF_stress", "mine").tolist()
        [[1.0, 0.6, 0.5], [0.6, 2.0, 0.4], [0.5, 0.4, 3.0]]
    """
    found = _values(frame) if name else _results(frame)
    value = found.get(name or "stress")
    if value is None:
        return None
    column = np.asarray(value)
    if column.size not in (6, 9) or column.dtype.kind not in "iuf":
        raise InputError(
            f"{where} has {name or 'stress'} of shape {column.shape} and type {column.dtype}; "
            f"expected a stress in eV/Å³, nine real numbers or six (xx, yy, zz, yz, xz, xy)."
        )
    order = [0, 5, 4, 5, 1, 3, 4, 3, 2] if column.size == 6 else slice(None)
    return column.reshape(-1)[order].reshape(3, 3).astype(float)


def energy_like(frame: "Atoms") -> list[str]:
    """Return the names of a frame's numbers, which may be energies.

    Example:
        >>> from ase import Atoms
        >>> energy_like(Atoms("C", info={"REF_energy": -1029.5, "name": "mine"}))
        ['REF_energy']
    """
    return [name for name, value in _values(frame).items() if number(value) is not None]


def force_like(frame: "Atoms") -> list[str]:
    """Name the columns of a frame that may hold forces.

    Example:
        >>> from ase import Atoms
        >>> frame = Atoms("C")
        >>> frame.new_array("REF_forces", np.zeros((1, 3)))
        >>> force_like(frame)
        ['REF_forces']
    """
    found = {**_values(frame), **frame.arrays}
    return [
        name
        for name, column in found.items()
        if name not in OTHERS
        and np.shape(column) == (len(frame), 3)
        and np.asarray(column).dtype.kind in "iuf"
    ]


def _results(frame: "Atoms") -> dict[str, Any]:
    return {} if frame.calc is None else frame.calc.results


def _values(frame: "Atoms") -> dict[str, Any]:
    """Return what a frame's `info` and results hold, by name."""
    return frame.info | _results(frame)


def _list(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
