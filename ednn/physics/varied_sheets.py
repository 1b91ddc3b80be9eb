"""Flat sheets of graphene and hBN joined in many ways, as users' structures may be.

The heterostructures of `ednn.physics.sheets` are smooth regions of whole pairs. Those here also
have straight interfaces in every direction, islands, stripes, rows, single foreign atoms, strain
and larger displacements.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ednn.physics.sheets import (
    BORON,
    CARBON,
    LATTICE,
    NITROGEN,
    SITES,
    Repeat,
    crystal,
    placed,
)
from ednn.physics.structure import Structure

Generator = np.random.Generator
Numbers = NDArray[np.int64]  # atomic numbers, (sites,)

VACANCY_CHANCES = (0.5, 0.25, 0.25)  # of 0, 1 and 2 vacancies in each block of 60 sites
MAX_SIGMAS = (0.10, 0.15)  # Å; largest σ of the displacements: of most sheets, and of the rest
LARGER_SIGMA_CHANCE = 0.3
MAX_STRAIN = 0.02  # along an axis, and of a strain wave
CELL_STRAIN_CHANCE, WAVE_STRAIN_CHANCE = 0.3, 0.3
MAX_ISLANDS = 3  # per block
ISLAND_RADIUS = (1.5, 5.0)  # Å; smallest and largest
MAX_SUBSTITUTIONS = 6  # per block
MAX_STRIPES = 3  # periods of the stripes across the cell


def varied_sheet(seed: int, repeat: Repeat = (1, 1)) -> Structure:
    """Return the varied sheet of a seed.

    It is of one of seven kinds with equal chances (`KINDS`), with vacancies, strain and Gaussian
    displacements in the plane, moved by a random translation and wrapped into the cell. Each step
    has its own random stream.

    Args:
        seed: determines the sheet.
        repeat: number of blocks of 60 sites along x and y.

    Example:
        >>> sheet = varied_sheet(0)
        >>> sheet.positions.shape == (len(sheet.numbers), 2)
        True
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(1, *repeat))
    kind, species, vacancies, strain, disorder, shift = (
        np.random.default_rng(s) for s in sequence.spawn(6)
    )
    perfect = crystal(repeat)
    numbers = KINDS[list(KINDS)[kind.integers(len(KINDS))]](species, perfect)
    missing = vacancies.choice(len(VACANCY_CHANCES), size=_blocks(perfect), p=VACANCY_CHANCES).sum()
    occupied = np.ones(len(numbers), dtype=bool)
    occupied[vacancies.choice(len(numbers), missing, replace=False)] = False

    positions, sides = _strained(strain, perfect)
    largest = MAX_SIGMAS[int(disorder.random() < LARGER_SIGMA_CHANCE)]
    positions = positions + disorder.normal(0, disorder.uniform(0, largest), positions.shape)
    positions = placed(positions, sides, shift)
    return Structure(numbers[occupied], positions[occupied], np.diag(sides))


def _strained(rng: Generator, perfect: Structure) -> tuple[NDArray[np.float64], NDArray]:
    """Return positions and sides of the cell, strained homogeneously, by a wave, or not at all."""
    draw = rng.random()
    if draw < CELL_STRAIN_CHANCE:
        stretch = 1 + rng.uniform(-MAX_STRAIN, MAX_STRAIN, 2)
        return perfect.positions * stretch, perfect.sides * stretch
    if draw > CELL_STRAIN_CHANCE + WAVE_STRAIN_CHANCE:
        return perfect.positions, perfect.sides
    order = rng.integers(0, 2, 2)
    order[rng.integers(2)] = 1  # at least one period along an axis
    wave = 2 * np.pi * order / perfect.sides  # rad/Å
    direction = rng.normal(size=2)
    direction *= rng.uniform(0, MAX_STRAIN) / np.linalg.norm(wave) / np.linalg.norm(direction)  # Å
    phase = perfect.positions @ wave + rng.uniform(0, 2 * np.pi)
    return perfect.positions + np.sin(phase)[:, None] * direction, perfect.sides


def _pure(rng: Generator, perfect: Structure) -> Numbers:
    """Return graphene, or hBN of either polarity."""
    return _host(rng, len(perfect.numbers))


def _interface(rng: Generator, perfect: Structure) -> Numbers:
    """Return one straight region of hBN in graphene, in any direction that fits the cell."""
    return _striped(rng, perfect, most=1)


def _stripes(rng: Generator, perfect: Structure) -> Numbers:
    """Return several stripes of hBN in graphene."""
    return _striped(rng, perfect, most=MAX_STRIPES)


def _islands(rng: Generator, perfect: Structure) -> Numbers:
    """Return discs of one crystal in the other; those of hBN have either polarity."""
    numbers = _host(rng, len(perfect.numbers))
    in_graphene = numbers[0] == CARBON
    for _ in range(rng.integers(1, MAX_ISLANDS * _blocks(perfect) + 1)):
        away = perfect.positions - rng.uniform(0, perfect.sides)
        away -= perfect.sides * np.round(away / perfect.sides)
        inside = np.linalg.norm(away, axis=1) < rng.uniform(*ISLAND_RADIUS)
        island = _boron_nitride(rng, len(numbers)) if in_graphene else CARBON
        numbers = np.where(inside, island, numbers)
    return numbers


def _rows(rng: Generator, perfect: Structure) -> Numbers:
    """Return zigzag rows, each of carbon or of boron and nitrogen in either order."""
    height = LATTICE / np.sqrt(3) * 1.5  # Å between rows
    row = np.rint((perfect.positions[:, 1] - LATTICE / np.sqrt(12) / 2) / height).astype(int)
    numbers = perfect.numbers.copy()
    for number in np.unique(row):
        if rng.random() < 0.5:
            pair = _boron_nitride(rng, len(numbers))
            numbers = np.where(row == number, pair, numbers)
    return numbers


def _substituted(rng: Generator, perfect: Structure) -> Numbers:
    """Return a crystal in which single atoms are of another element."""
    numbers = _host(rng, len(perfect.numbers))
    count = rng.integers(1, MAX_SUBSTITUTIONS * _blocks(perfect) + 1)
    for site in rng.choice(len(numbers), count, replace=False):
        others = [z for z in (BORON, CARBON, NITROGEN) if z != numbers[site]]
        numbers[site] = rng.choice(others)
    return numbers


def _mixed(rng: Generator, perfect: Structure) -> Numbers:
    """Return random pairs of neighbours: carbon, or boron and nitrogen in either order."""
    pairs = rng.choice(
        [(CARBON, CARBON), (BORON, NITROGEN), (NITROGEN, BORON)],
        size=len(perfect.numbers) // 2,
        p=_shares(rng),
    )
    return pairs.reshape(-1)


def _striped(rng: Generator, perfect: Structure, most: int) -> Numbers:
    """Return stripes of hBN in graphene, where a wave that fits the cell is high."""
    order = rng.integers(-most, most + 1, 2)
    if not order.any():
        order[rng.integers(2)] = rng.integers(1, most + 1)
    phase = perfect.positions @ (2 * np.pi * order / perfect.sides) + rng.uniform(0, 2 * np.pi)
    chosen = np.cos(phase) > np.cos(np.pi * rng.uniform(0.15, 0.85))
    return np.where(chosen, _boron_nitride(rng, len(chosen)), CARBON)


def _blocks(perfect: Structure) -> int:
    """Count the blocks of a crystal."""
    return len(perfect.numbers) // SITES


def _host(rng: Generator, sites: int) -> Numbers:
    """Return a whole crystal, graphene or hBN with equal chances."""
    if rng.random() < 0.5:
        return np.full(sites, CARBON)
    return _boron_nitride(rng, sites)


def _boron_nitride(rng: Generator, sites: int) -> Numbers:
    """Return hBN of either polarity."""
    pair = (BORON, NITROGEN) if rng.integers(2) else (NITROGEN, BORON)
    return np.tile(pair, sites // 2)


def _shares(rng: Generator) -> NDArray[np.float64]:
    """Return the chances of carbon and of the two orders of boron and nitrogen."""
    nitride = rng.uniform(0.1, 0.9)
    return np.array([1 - nitride, nitride / 2, nitride / 2])


KINDS: dict[str, Callable[[Generator, Structure], Numbers]] = {
    "pure": _pure,
    "interface": _interface,
    "stripes": _stripes,
    "islands": _islands,
    "rows": _rows,
    "substituted": _substituted,
    "mixed": _mixed,
}
