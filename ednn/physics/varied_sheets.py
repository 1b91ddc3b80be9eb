"""Flat sheets of graphene and hBN joined in many ways: what a user's structure may look like.

Beside `ednn.physics.sheets`, whose heterostructures are smooth regions of whole pairs, these have
straight interfaces in every direction, islands, stripes, rows, single foreign atoms, strain and
larger displacements.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ednn.physics.sheets import (
    BORON,
    CARBON,
    LATTICE,
    NITROGEN,
    RESOLUTION,
    Repeat,
    Structure,
    crystal,
)

Generator = np.random.Generator
Numbers = NDArray[np.int64]  # atomic numbers, (sites,)

VACANCIES = (0.5, 0.25, 0.25)  # chances of 0, 1 and 2 for each block of 60 sites
SIGMA = (0.10, 0.15)  # Å; largest displacements: of most sheets, and of the rest
LARGER = 0.3  # chance of the larger displacements
STRAIN = 0.02  # largest strain along an axis, and of a strain wave
CELL_STRAINED, WAVE_STRAINED = 0.3, 0.3  # chances of a strained cell, and of a wave of strain
MOST_ISLANDS = 3  # per block
ISLAND = (1.5, 5.0)  # Å, radius
MOST_SUBSTITUTIONS = 6  # per block
ORDER = 3  # most periods of a stripe across a block


def varied_sheet(seed: int, repeat: Repeat = (1, 1)) -> Structure:
    """Return the varied sheet that belongs to `seed`: `repeat` blocks of 60 sites.

    One of seven kinds with equal chances (`KINDS`); vacancies, strain and Gaussian displacements in
    the plane; a random rigid translation; wrapped into the cell. Each step has its own random
    stream.

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
    blocks = repeat[0] * repeat[1]
    numbers = KINDS[list(KINDS)[kind.integers(len(KINDS))]](species, perfect, blocks)
    missing = vacancies.choice(len(VACANCIES), size=blocks, p=VACANCIES).sum()
    kept = np.ones(len(numbers), dtype=bool)
    kept[vacancies.choice(len(numbers), missing, replace=False)] = False

    positions, cell = _strained(strain, perfect)
    largest = SIGMA[int(disorder.random() < LARGER)]
    positions = positions + disorder.normal(0, disorder.uniform(0, largest), positions.shape)
    wrapped = (positions + shift.uniform(0, cell)) % cell
    rounded = np.floor(wrapped / RESOLUTION) * RESOLUTION % cell
    return Structure(numbers[kept], rounded[kept], cell)


def _strained(rng: Generator, perfect: Structure) -> tuple[NDArray[np.float64], NDArray]:
    """Return positions and cell under homogeneous strain, under a wave of strain, or under none."""
    draw = rng.random()
    if draw < CELL_STRAINED:
        stretch = 1 + rng.uniform(-STRAIN, STRAIN, 2)
        return perfect.positions * stretch, perfect.cell * stretch
    if draw > CELL_STRAINED + WAVE_STRAINED:
        return perfect.positions, perfect.cell
    order = rng.integers(0, 2, 2)
    order[rng.integers(2)] = 1  # at least one period along an axis
    wave = 2 * np.pi * order / perfect.cell  # rad/Å
    direction = rng.normal(size=2)
    direction *= rng.uniform(0, STRAIN) / np.linalg.norm(wave) / np.linalg.norm(direction)  # Å
    phase = perfect.positions @ wave + rng.uniform(0, 2 * np.pi)
    return perfect.positions + np.sin(phase)[:, None] * direction, perfect.cell


def _pure(rng: Generator, perfect: Structure, blocks: int) -> Numbers:
    """Graphene, or hBN of either polarity."""
    return _host(rng, len(perfect.numbers))


def _interface(rng: Generator, perfect: Structure, blocks: int) -> Numbers:
    """One region of hBN in graphene with straight borders, in any direction that fits the cell."""
    return _striped(rng, perfect, most=1)


def _stripes(rng: Generator, perfect: Structure, blocks: int) -> Numbers:
    """Several stripes of both."""
    return _striped(rng, perfect, most=ORDER)


def _islands(rng: Generator, perfect: Structure, blocks: int) -> Numbers:
    """Discs of one crystal in the other; those of hBN have either polarity."""
    numbers = _host(rng, len(perfect.numbers))
    in_graphene = numbers[0] == CARBON
    for _ in range(rng.integers(1, MOST_ISLANDS * blocks + 1)):
        away = perfect.positions - rng.uniform(0, perfect.cell)
        away -= perfect.cell * np.round(away / perfect.cell)
        inside = np.linalg.norm(away, axis=1) < rng.uniform(*ISLAND)
        island = _boron_nitride(rng, len(numbers)) if in_graphene else CARBON
        numbers = np.where(inside, island, numbers)
    return numbers


def _rows(rng: Generator, perfect: Structure, blocks: int) -> Numbers:
    """Zigzag rows, each of carbon or of boron and nitrogen in either order."""
    height = LATTICE / np.sqrt(3) * 1.5  # Å between rows
    row = np.rint((perfect.positions[:, 1] - LATTICE / np.sqrt(12) / 2) / height).astype(int)
    numbers = perfect.numbers.copy()
    for number in np.unique(row):
        if rng.random() < 0.5:
            pair = _boron_nitride(rng, len(numbers))
            numbers = np.where(row == number, pair, numbers)
    return numbers


def _substituted(rng: Generator, perfect: Structure, blocks: int) -> Numbers:
    """A crystal in which single atoms are of another element."""
    numbers = _host(rng, len(perfect.numbers))
    count = rng.integers(1, MOST_SUBSTITUTIONS * blocks + 1)
    for site in rng.choice(len(numbers), count, replace=False):
        others = [z for z in (BORON, CARBON, NITROGEN) if z != numbers[site]]
        numbers[site] = rng.choice(others)
    return numbers


def _mixed(rng: Generator, perfect: Structure, blocks: int) -> Numbers:
    """Pairs of neighbours at random: carbon, or boron and nitrogen in either order."""
    pairs = rng.choice(
        [(CARBON, CARBON), (BORON, NITROGEN), (NITROGEN, BORON)],
        size=len(perfect.numbers) // 2,
        p=_shares(rng),
    )
    return pairs.reshape(-1)


def _striped(rng: Generator, perfect: Structure, most: int) -> Numbers:
    """Stripes of hBN in graphene: where a wave with whole periods across the cell is high."""
    order = rng.integers(-most, most + 1, 2)
    if not order.any():
        order[rng.integers(2)] = rng.integers(1, most + 1)
    phase = perfect.positions @ (2 * np.pi * order / perfect.cell) + rng.uniform(0, 2 * np.pi)
    chosen = np.cos(phase) > np.cos(np.pi * rng.uniform(0.15, 0.85))
    return np.where(chosen, _boron_nitride(rng, len(chosen)), CARBON)


def _host(rng: Generator, sites: int) -> Numbers:
    """A whole crystal: graphene or, as often, hBN."""
    if rng.random() < 0.5:
        return np.full(sites, CARBON)
    return _boron_nitride(rng, sites)


def _boron_nitride(rng: Generator, sites: int) -> Numbers:
    """hBN of either polarity."""
    pair = (BORON, NITROGEN) if rng.integers(2) else (NITROGEN, BORON)
    return np.tile(pair, sites // 2)


def _shares(rng: Generator) -> NDArray[np.float64]:
    """Chances of carbon and of the two orders of boron and nitrogen."""
    nitride = rng.uniform(0.1, 0.9)
    return np.array([1 - nitride, nitride / 2, nitride / 2])


KINDS: dict[str, Callable[[Generator, Structure, int], Numbers]] = {
    "pure": _pure,
    "interface": _interface,
    "stripes": _stripes,
    "islands": _islands,
    "rows": _rows,
    "substituted": _substituted,
    "mixed": _mixed,
}


def kind_of(seed: int, repeat: Repeat = (1, 1)) -> str:
    """Name the kind of the sheet that belongs to `seed`."""
    sequence = np.random.SeedSequence(seed, spawn_key=(1, *repeat))
    draw = np.random.default_rng(sequence.spawn(1)[0]).integers(len(KINDS))
    return list(KINDS)[draw]
