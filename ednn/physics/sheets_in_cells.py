"""Flat sheets of graphene and hBN in cells as users have them: hexagonal, oblique and strained."""

import numpy as np
from numpy.typing import NDArray

from ednn.physics.sheets import BORON, CARBON, LATTICE, MAX_SIGMA, NITROGEN, RESOLUTION, Repeat
from ednn.physics.structure import Structure
from ednn.physics.varied_sheets import VACANCY_CHANCES

PRIMITIVE = LATTICE * np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])  # Å
SIDE = (5, 6)  # primitive cells along a lattice vector, smallest and largest: 50 to 72 sites
MAX_SKEW = 2  # primitive cells, by which the second vector of an oblique cell leans
STRAIN = 0.03  # largest entry of the strain
CHANCE = 0.5  # of an oblique cell, and of a strained one


def sheet_in_cell(seed: int, repeat: Repeat = (1, 1)) -> Structure:
    """Return the sheet of a seed, in a hexagonal or an oblique cell, strained or not.

    It is graphene or hBN of either polarity, oriented as those of `ednn.physics.sheets`, with up to
    two vacancies, Gaussian displacements in the plane of one σ ~ U(0, 0.10 Å), and a random
    translation. Each step has its own random stream.

    Args:
        seed: determines the sheet.
        repeat: by which the numbers of primitive cells along the lattice vectors are multiplied.

    Example:
        >>> sheet_in_cell(0).cell.shape
        (2, 2)
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(2, *repeat))
    kind, shape, vacancies, strain, disorder, shift = (
        np.random.default_rng(s) for s in sequence.spawn(6)
    )
    counts = np.full(2, shape.integers(SIDE[0], SIDE[1] + 1))  # of a hexagonal cell
    matrix = np.diag(counts)
    if shape.random() < CHANCE:
        matrix[1] = shape.integers((-MAX_SKEW, SIDE[0]), (MAX_SKEW + 1, SIDE[1] + 1))
    matrix *= np.array(repeat)[:, None]
    cell = matrix @ PRIMITIVE
    numbers, positions = _crystal(kind, matrix)

    missing = vacancies.choice(len(VACANCY_CHANCES), size=repeat[0] * repeat[1], p=VACANCY_CHANCES)
    occupied = np.ones(len(numbers), dtype=bool)
    occupied[vacancies.choice(len(numbers), missing.sum(), replace=False)] = False

    if strain.random() < CHANCE:
        entries = strain.uniform(-STRAIN, STRAIN, (2, 2))
        stretch = np.eye(2) + (entries + entries.T) / 2
        cell, positions = cell @ stretch, positions @ stretch
    positions = positions + disorder.normal(0, disorder.uniform(0, MAX_SIGMA), positions.shape)
    positions = positions + shift.uniform(size=2) @ cell
    positions = np.floor(positions / RESOLUTION) * RESOLUTION
    return Structure(numbers[occupied], positions[occupied], cell)


def _crystal(
    rng: np.random.Generator, matrix: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Fill the cell that a matrix makes of the primitive vectors: (N,) and (N, 2) in Å."""
    low, high = matrix.clip(max=0).sum(0), matrix.clip(min=0).sum(0)
    corners = np.stack(np.meshgrid(*map(np.arange, low, high)), -1).reshape(-1, 2)
    fractional = corners @ np.linalg.inv(matrix) + 1e-9
    inside = ((fractional >= 0) & (fractional < 1)).all(1)
    basis = np.array([[0.0, 0.0], PRIMITIVE.sum(0) / 3])  # Å
    pairs = [(CARBON, CARBON), (BORON, NITROGEN), (NITROGEN, BORON)]
    chosen = pairs[rng.choice(3, p=[0.5, 0.25, 0.25])]
    positions = (corners[inside] @ PRIMITIVE)[:, None] + basis  # (cells, 2, 2)
    return np.tile(chosen, len(positions)), positions.reshape(-1, 2)
