"""Labelled structures turned into the orientation of a training, and their labels with them."""

from collections.abc import Iterable
from dataclasses import replace

from ednn.data.structures.as_structure import EDGE
from ednn.data.structures.file import LabelledSet
from ednn.physics.orientation import oriented, turned_rows, turned_tensor
from ednn.physics.structure import Structure


def turned_labels(
    labels: LabelledSet, rows: Iterable[int], known: float
) -> tuple[LabelledSet, list[Structure]]:
    """Turn flat structures that stand otherwise than those of a training, with forces and stress.

    Args:
        labels: of all structures.
        rows: those that are turned if need be.
        known: the orientation of the training in degrees.

    Returns:
        All labels, and the structures of the rows.

    Example:
        >>> from ednn.data.structures.file import read
        >>> labels = read("data/dft/gfn1_120.h5")  # which stand aright
        >>> after, structures = turned_labels(labels, range(3), known=30.0)
        >>> [structure.turned_by for structure in structures]
        [0.0, 0.0, 0.0]
    """
    positions, cell = labels.positions.copy(), labels.cell.copy()
    forces, stress = labels.forces.copy(), labels.stress.copy()
    found = []
    for i in rows:
        found.append(after := oriented(labels.structure(i), known, EDGE))
        atoms, degrees = labels.atoms(i), after.turned_by
        positions[atoms], cell[i] = after.positions, after.cell
        if len(forces):
            forces[atoms] = turned_rows(forces[atoms].astype(float), degrees)
        if len(stress):
            stress[i] = turned_tensor(stress[i], degrees)
    return replace(labels, positions=positions, cell=cell, forces=forces, stress=stress), found
