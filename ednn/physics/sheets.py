"""Flat sheets of graphene, hexagonal boron nitride (hBN) and both, with vacancies and disorder."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ednn.physics.structure import Structure

Kind = Literal["graphene", "hBN", "heterostructure"]
Repeat = tuple[int, ...]  # blocks along each axis

KINDS: tuple[Kind, ...] = ("graphene", "hBN", "heterostructure")
BORON, CARBON, NITROGEN = 5, 6, 7
LATTICE = 2.5  # Å; lattice constant of both crystals, so that they join without strain
BLOCK = (5, 3)  # rectangular four-atom cells: 60 sites on 12.5 × 12.990 Å
SITES = 4 * BLOCK[0] * BLOCK[1]  # of a block
MAX_VACANCIES = 2  # per block
MAX_SIGMA = 0.10  # Å, of the displacements
RESOLUTION = 2.0**-16  # Å; positions are multiples of it, which single precision holds exactly


def crystal(repeat: Repeat = (1, 1), boron_first: bool | None = None) -> Structure:
    """Return a perfect sheet of graphene or hBN.

    Sites 2i and 2i + 1 are bonded neighbours on the two sublattices.

    Args:
        repeat: number of blocks of 60 sites along x and y.
        boron_first: puts boron on the first sublattice (True) or on the second (False) of hBN; None
            gives graphene.

    Example:
        >>> sheet = crystal((2, 1))
        >>> len(sheet.numbers), sheet.sides.round(2).tolist()
        (120, [25.0, 12.99])
    """
    bond = LATTICE / np.sqrt(3)
    columns, rows = BLOCK[0] * repeat[0], BLOCK[1] * repeat[1]
    basis = np.array([[0, 0], [LATTICE / 2, bond / 2], [LATTICE / 2, 1.5 * bond], [0, 2 * bond]])
    spacing = np.array([LATTICE, 3 * bond])
    corners = np.indices((columns, rows)).reshape(2, -1).T * spacing  # (cells, 2)
    positions = (corners[:, None] + basis).reshape(-1, 2)
    pair = {None: (CARBON, CARBON), True: (BORON, NITROGEN), False: (NITROGEN, BORON)}[boron_first]
    numbers = np.tile(pair, len(positions) // 2)
    return Structure(numbers, positions, np.diag([columns, rows] * spacing))


def sheet(seed: int, repeat: Repeat = (1, 1)) -> Structure:
    """Return the random sheet of a seed.

    It is graphene, hBN or a heterostructure with equal chances; with 0, 1 or 2 vacancies for each
    block; with Gaussian displacements in the plane of one σ ~ U(0, 0.10 Å) for the whole sheet;
    moved by a random translation and wrapped into the cell. Each step has its own random stream.

    Args:
        seed: determines the sheet.
        repeat: number of blocks of 60 sites along x and y.

    Example:
        >>> structure = sheet(seed=0)
        >>> 58 <= len(structure.numbers) <= 60
        True
    """
    sequence = np.random.SeedSequence(seed, spawn_key=repeat)
    species, vacancies, disorder, shift = (np.random.default_rng(s) for s in sequence.spawn(4))
    perfect = crystal(repeat)
    sites, sides = perfect.positions, perfect.sides

    occupied = np.ones(len(sites), dtype=bool)
    missing = vacancies.integers(0, MAX_VACANCIES + 1, size=repeat[0] * repeat[1]).sum()
    occupied[vacancies.choice(len(sites), missing, replace=False)] = False

    displaced = sites + disorder.normal(0, disorder.uniform(0, MAX_SIGMA), sites.shape)
    positions, numbers = placed(displaced, sides, shift), _species(species, perfect, repeat)
    return Structure(numbers[occupied], positions[occupied], perfect.cell)


def placed(
    positions: NDArray[np.float64], sides: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Move positions (sites, 2) in a rectangle at random, wrap them into the cell and round them.

    Example:
        >>> sides = np.array([3.0, 4.0])
        >>> moved = placed(np.array([[2.0, -9.0]]), sides, np.random.default_rng(0))
        >>> bool(((0 <= moved) & (moved < sides)).all())
        True
    """
    wrapped = (positions + rng.uniform(0, sides)) % sides
    return np.floor(wrapped / RESOLUTION) * RESOLUTION % sides


def _species(rng: np.random.Generator, perfect: Structure, repeat: Repeat) -> NDArray[np.int64]:
    """Return the atomic number of every site, (sites,)."""
    kind = KINDS[rng.integers(len(KINDS))]
    if kind == "graphene":
        return perfect.numbers
    hbn = crystal(repeat, boron_first=bool(rng.integers(2))).numbers
    if kind == "hBN":
        return hbn
    return np.where(_domain(rng, perfect, repeat), hbn, perfect.numbers)


def _domain(rng: np.random.Generator, perfect: Structure, repeat: Repeat) -> NDArray[np.bool_]:
    """Return which sites, (sites,), lie in a random periodic region of 20 to 80 % of the sheet.

    The region is where a random sum of plane waves, none shorter than a block, is highest. It
    consists of whole pairs of neighbours, so that boron and nitrogen balance as they do in the
    crystals.
    """
    orders = np.indices([2 * n + 1 for n in repeat]).reshape(2, -1).T - repeat  # (waves, 2)
    centres = perfect.positions.reshape(-1, 2, 2).mean(1)  # (pairs, 2)
    waves = 2 * np.pi * orders / perfect.sides  # rad/Å
    phases = centres @ waves.T + rng.uniform(0, 2 * np.pi, len(orders))  # (pairs, waves)
    field = np.cos(phases) @ rng.normal(size=len(orders))  # (pairs,)
    chosen = field > np.quantile(field, rng.uniform(0.2, 0.8))
    return np.repeat(chosen, 2)
