"""Alloys of copper and gold in space: crystals, surfaces, clusters and what is nearly liquid."""

from collections.abc import Callable
from math import prod

import numpy as np
from numpy.typing import NDArray

from ednn.physics.sheets import RESOLUTION, Repeat
from ednn.physics.structure import Structure

Generator = np.random.Generator
Vectors = NDArray[np.float64]
Sites = NDArray[np.int64]  # of an fcc lattice, (n, 3) in half lattice constants: their sum is even

COPPER, GOLD = 29, 79
LATTICE = {COPPER: 3.61, GOLD: 4.08}  # Å; lattice constants, between which those of alloys lie
TILE = 1.2  # Å; cells have sides of whole tiles, so that most of them are strained by some percent
MAX_DILATION = 0.12  # relative, of the volume
MAX_STRAIN = 0.05  # of sheared cells, which are of no whole tiles: each component
BOXES = {  # edges in half lattice constants, and the chance of each
    "cube": (((4, 0, 0), (0, 4, 0), (0, 0, 4)), 0.50),  # 32 sites
    "long": (((6, 0, 0), (0, 4, 0), (0, 0, 4)), 0.12),  # 48
    "turned": (((3, 3, 0), (-3, 3, 0), (0, 0, 4)), 0.18),  # 36, turned by 45° around an axis
    "slab": (((4, 0, 0), (0, 4, 0), (0, 0, 4)), 0.15),  # with vacuum along an axis
    "cluster": (((6, 0, 0), (0, 6, 0), (0, 0, 6)), 0.05),  # a ball of it, with vacuum around
}
VACUUM = (4, 7)  # fewest and most tiles beside a slab, a cluster has the fewest
RADIUS = (3.0, 4.3)  # Å; smallest and largest of a cluster
PURE_CHANCE = 0.2
MAX_ANTISITES = 0.15  # share of the sites of an ordered alloy that are of the other element
VACANCY_CHANCES = (0.6, 0.25, 0.15)  # of 0, 1 and 2 vacancies in each box
MAX_SIGMA = 0.2  # Å, of the displacements
HOT_CHANCE = 0.25  # of molecular dynamics in place of displacements
TEMPERATURES = (600.0, 3500.0)  # K, of the bath
STEPS, STEP, FRICTION = 50, 6.0, 0.02  # of molecular dynamics; fs and 1/fs


def alloy(seed: int, repeat: Repeat = (1, 1, 1)) -> Structure:
    """Return the alloy of a seed, in a box whose sides are multiples of 1.2 Å.

    It is a crystal of about 32 sites, a slab or a cluster (`BOXES`); pure, random, ordered or of
    two domains; with vacancies and antisites; displaced by a Gaussian of one σ, or by 0.3 ps of
    molecular dynamics (EMT) at up to 3500 K. It is moved by a random translation. Each step has its
    own random stream.

    Args:
        seed: determines the alloy.
        repeat: number of boxes along each axis.

    Example:
        >>> structure = alloy(seed=0)
        >>> (structure.sides / TILE).round(9).tolist()
        [12.0, 6.0, 7.0]
    """
    return _alloy(seed, repeat, sheared=False)


def sheared_alloy(seed: int, repeat: Repeat = (1, 1, 1)) -> Structure:
    """Return an alloy as `alloy` does, but in a cell that is strained and sheared at random.

    Example:
        >>> sheared_alloy(seed=0).is_rectangular
        False
    """
    return _alloy(seed, repeat, sheared=True)


def _alloy(seed: int, repeat: Repeat, sheared: bool) -> Structure:
    sequence = np.random.SeedSequence(seed, spawn_key=(2 + sheared, *repeat))
    shape, species, strain, defects, motion, shift = (
        np.random.default_rng(s) for s in sequence.spawn(6)
    )
    name = shape.choice(list(BOXES), p=[chance for _, chance in BOXES.values()])
    order = shape.permutation(3)  # of the axes
    edges = np.array(BOXES[name][0])[order][:, order] * np.array(repeat)[:, None]
    sites, fractional = _sites(edges)
    numbers = _species(species, sites)

    natural = np.linalg.norm(edges, axis=1) / 2 * np.mean([LATTICE[z] for z in numbers])  # Å
    stretch = np.eye(3) + strain.uniform(-MAX_STRAIN, MAX_STRAIN, (3, 3))
    cell = np.diag(natural) @ stretch if sheared else np.diag(TILE * _tiles(strain, natural))
    positions = fractional @ cell
    occupied = _occupied(defects, len(sites), prod(repeat))
    if name == "slab":
        axis, tiles = defects.integers(3), defects.integers(*VACUUM, endpoint=True)
        cell[axis] *= 1 + tiles * TILE / np.linalg.norm(cell[axis])
    if name == "cluster":
        radius = defects.uniform(*RADIUS) * min(repeat)
        away = positions - cell.sum(0) / 2 - defects.uniform(-1, 1, 3)
        occupied &= np.linalg.norm(away, axis=1) < radius
        tiles = np.ceil(2 * radius / TILE) + VACUUM[0]
        cell *= tiles * TILE / np.linalg.norm(cell, axis=1, keepdims=True)
    numbers, positions = numbers[occupied], positions[occupied]
    positions = _moved(motion, Structure(numbers, positions, cell))
    return Structure(numbers, _placed(shift, positions, cell), cell)


def _sites(edges: Sites) -> tuple[Sites, Vectors]:
    """Return the sites of an fcc lattice in a box, and their positions as shares of its edges."""
    corners = np.indices((2, 2, 2)).reshape(3, -1).T @ edges
    low, high = corners.min(0), corners.max(0)
    points = np.indices(high - low).reshape(3, -1).T + low
    points = points[points.sum(1) % 2 == 0]
    shares = (points @ np.linalg.inv(edges)).round(9)
    inside = ((shares >= 0) & (shares < 1)).all(1)
    return points[inside], shares[inside]


def _tiles(rng: Generator, natural: Vectors) -> NDArray[np.int64]:
    """Return whole numbers of tiles for the sides of a box, about as large as its natural ones."""
    wanted = natural / TILE
    while True:
        tiles = np.floor(wanted + rng.random(3)).astype(int)  # on average as wanted
        if abs(tiles.prod() / wanted.prod() - 1) <= MAX_DILATION:
            return tiles


def _occupied(rng: Generator, sites: int, boxes: int) -> NDArray[np.bool_]:
    """Return which sites are no vacancies."""
    missing = rng.choice(len(VACANCY_CHANCES), size=boxes, p=VACANCY_CHANCES).sum()
    occupied = np.ones(sites, dtype=bool)
    occupied[rng.choice(sites, missing, replace=False)] = False
    return occupied


def _moved(rng: Generator, structure: Structure) -> Vectors:
    """Return positions displaced at random, or by molecular dynamics from small displacements."""
    hot, sigma = rng.random() < HOT_CHANCE, rng.uniform(0, MAX_SIGMA)
    positions = structure.positions + rng.normal(0, sigma, structure.positions.shape)
    if not hot:
        return positions
    from ase import Atoms, units
    from ase.calculators.emt import EMT
    from ase.md.langevin import Langevin

    atoms = Atoms(structure.numbers, positions, cell=structure.cell, pbc=True, calculator=EMT())
    temperature = rng.uniform(*TEMPERATURES)
    spread = np.sqrt(atoms.get_masses() * units.kB * temperature)  # (n,), of momenta
    atoms.set_momenta(rng.standard_normal(positions.shape) * spread[:, None])
    Langevin(
        atoms,
        STEP * units.fs,
        temperature_K=temperature,
        friction=FRICTION / units.fs,
        fixcm=False,
        rng=rng,
    ).run(STEPS)
    return atoms.positions


def _placed(rng: Generator, positions: Vectors, cell: Vectors) -> Vectors:
    """Move positions (n, 3) at random, wrap them into the cell and round them."""
    fractional = positions @ np.linalg.inv(cell) + rng.random(3)
    return np.floor(fractional % 1 @ cell / RESOLUTION) * RESOLUTION


def _species(rng: Generator, sites: Sites) -> NDArray[np.int64]:
    """Return the atomic number of every site, (n,), of one of the kinds with equal chances."""
    if rng.random() < PURE_CHANCE:
        return np.full(len(sites), rng.choice([COPPER, GOLD]))
    kind = list(KINDS)[rng.integers(len(KINDS))]
    gold = KINDS[kind](rng, sites)
    if rng.random() < 0.5:
        gold = ~gold
    return np.where(gold, GOLD, COPPER)


def _random(rng: Generator, sites: Sites) -> NDArray[np.bool_]:
    """Return a share of the sites."""
    return rng.random(len(sites)) < rng.random()


def _layered(rng: Generator, sites: Sites) -> NDArray[np.bool_]:
    """Return every other layer of atoms along an axis, as in CuAu."""
    return _with_antisites(rng, sites[:, rng.integers(3)] % 2 == 0)


def _cornered(rng: Generator, sites: Sites) -> NDArray[np.bool_]:
    """Return the corners of the cubic cells, as in Cu₃Au."""
    return _with_antisites(rng, (sites % 2 == 0).all(1))


def _divided(rng: Generator, sites: Sites) -> NDArray[np.bool_]:
    """Return one side of a plane of any direction."""
    along = sites @ rng.normal(size=3)
    return along < np.quantile(along, rng.uniform(0.2, 0.8))


def _with_antisites(rng: Generator, gold: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return an order in which single sites are of the other element."""
    return gold ^ (rng.random(len(gold)) < rng.uniform(0, MAX_ANTISITES))


KINDS: dict[str, Callable[[Generator, Sites], NDArray[np.bool_]]] = {
    "random": _random,
    "layered": _layered,
    "cornered": _cornered,
    "divided": _divided,
}
