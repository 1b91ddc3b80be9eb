"""Samplers of Ising configurations: evenly over all energies, and in the canonical ensemble.

Both walk in bond units (J = 1), where every configuration has an integer energy and one flip
changes it by a multiple of 4. Their walkers start from an ordered state, which keeps them out of
metastable stripes, and give a snapshot every 10 sweeps, after 100 sweeps and at least 32,768
updates.
"""

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError
from ednn.core.terminal import Progress
from ednn.physics.ising import Bonds, Floats, Spins, bonds_of, check_lattice, energy
from ednn.physics.sampling import evenly

Integers = NDArray[np.int64]
LogWeight = Callable[[Floats], Floats]

WALKERS = 1024  # simulated together; a step of fewer would take hardly less time
EQUILIBRATION_SWEEPS = 100  # least number of sweeps before the first snapshot
EQUILIBRATION_UPDATES = 32_768  # least number of updates per walker before it, for small lattices
SWEEPS_APART = 10  # number of sweeps between two snapshots of one walker
POOL_FACTOR = 3  # snapshots per configuration asked for, from which `sample_flat` chooses


def sample_flat(
    lattice: tuple[int, ...],
    count: int,
    rng: np.random.Generator,
    J: float = 1.0,
    bonds: Bonds | None = None,
) -> Spins:
    """Draw configurations that cover the whole range of energies evenly, by umbrella sampling.

    Of 3 × `count` snapshots, each energy level (or each of `count` equal intervals, if there are
    more levels) gives the same number as long as it has any left. Within a level, all
    configurations are equally likely once the walk has relaxed; on large lattices near the critical
    energy, long-range order relaxes more slowly. Levels of few configurations (2 of lowest energy)
    give repeats.

    Args:
        lattice: sides.
        count: number of configurations.
        rng: random numbers; the same state gives the same configurations.
        J: coupling; only checked, because evenness in energy is the same for every J.
        bonds: offsets of the neighbours; None for those along the axes.

    Returns:
        Spins ±1, (count, *lattice).

    Raises:
        InputError: a side below 2, a count below 1, or J = 0, without a range of energies.

    Example:
        >>> sample_flat((8, 8), 5, np.random.default_rng(0), J=0.0)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ednn.core.errors.InputError: J is 0.0, but the coupling must be finite and not 0; ...
    """
    check_lattice(lattice)
    _check_count(count)
    _check_coupling(J)
    bonds = bonds or bonds_of("axes", len(lattice))
    ferromagnet, antiferromagnet = _ordered(lattice, bonds)
    low, high = energy(np.stack([ferromagnet, antiferromagnet]), bonds=bonds)  # ends of the range
    targets, log_weight = _umbrellas(low, high, ferromagnet.size, bonds)
    start = np.where(targets < 0, ferromagnet[..., None], antiferromagnet[..., None])
    snapshots = math.ceil(POOL_FACTOR * count / WALKERS)
    pool, energies = _snapshots(start, log_weight, snapshots, rng, bonds)
    levels = int(high - low) // 4 + 1
    bins = min(levels, count)
    chosen = evenly((energies - low).astype(np.int64) // 4 * bins // levels, count, rng)
    return _unpack(pool[chosen], lattice)


def _umbrellas(low: float, high: float, sites: int, bonds: Bonds) -> tuple[Floats, LogWeight]:
    """Return each walker's target energy E*, and the walkers' log weights −(E − E*)² / 2σ².

    σ is 4 per bond of a site. Targets are spread evenly, also beyond both ends of the range of
    energies, because entropy pulls a walker inwards by σ² dS/dE.

    Source: G. M. Torrie and J. P. Valleau, J. Comput. Phys. 23, 187 (1977).
    """
    sigma = 4 * len(bonds)
    margin = 2 * sigma * math.log(sites)  # keeps the outermost walkers at the ends of the range
    targets = np.linspace(low - margin, high + margin, WALKERS)
    return targets, lambda energies: -((energies - targets) ** 2) / (2 * sigma**2)


def sample_canonical(
    lattice: tuple[int, ...],
    count: int,
    rng: np.random.Generator,
    temperatures: Sequence[float],
    J: float = 1.0,
    bonds: Bonds | None = None,
) -> tuple[Spins, Floats]:
    """Draw configurations from the canonical ensemble, in equal shares per temperature.

    Args:
        lattice: sides.
        count: number of configurations.
        rng: random numbers; the same state gives the same configurations.
        temperatures: in the unit of J, with k_B = 1.
        J: coupling, above 0 for a ferromagnet.
        bonds: offsets of the neighbours; None for those along the axes.

    Returns:
        Spins ±1, (count, *lattice), and the temperature of each, (count,).

    Raises:
        InputError: a side below 2, a count below 1, J = 0 or a temperature not above 0.

    Example:
        >>> sample_canonical((1, 8), 5, np.random.default_rng(0), [2.27])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ednn.core.errors.InputError: The lattice is (1, 8), but ... every side at least 2; ...
    """
    check_lattice(lattice)
    _check_count(count)
    _check_coupling(J)
    if not len(temperatures) or not all(0 < t < math.inf for t in temperatures):
        raise InputError(
            f"temperatures is {list(temperatures)}, but every temperature must be a positive "
            "number in the unit of J; give at least one, such as [2.27]."
        )
    repeats = math.ceil(WALKERS / len(temperatures))
    bath = np.tile(np.asarray(temperatures, dtype=np.float64), repeats)  # (walkers,)
    bonds = bonds or bonds_of("axes", len(lattice))
    ferromagnet, antiferromagnet = _ordered(lattice, bonds)
    ground = ferromagnet if J > 0 else antiferromagnet
    start = np.repeat(ground[..., None], len(bath), axis=-1)
    snapshots = math.ceil(count / len(bath))
    pool, _ = _snapshots(start, lambda energies: -J * energies / bath, snapshots, rng, bonds)
    return _unpack(pool[:count], lattice), np.resize(bath, count)


def _walk(
    spins: Spins,
    energies: Floats,
    log_weight: LogWeight,
    sweeps: int,
    rng: np.random.Generator,
    bonds: Bonds,
) -> None:
    """Advance all walkers in place by single-flip heat-bath (Glauber) sweeps.

    A sweep visits each site once, in random order, and all walkers visit the same site at a time:
    every step is a few operations on rows. Metropolis acceptance would then move hot walkers in
    lockstep, because they accept everything; the heat bath doesn't depend on the old spin.

    Args:
        spins: (*lattice, walkers).
        energies: (walkers,), in bond units.
        log_weight: logarithm of the weight of each walker's energy.
        sweeps: number of sweeps.
        rng: random numbers.
        bonds: offsets of the neighbours.
    """
    neighbours = _neighbours(spins.shape[:-1], bonds)  # (sites, 2 bonds)
    rows = spins.reshape(len(neighbours), -1)  # (sites, walkers), a view
    current = log_weight(energies)
    with np.errstate(over="ignore"):  # exp → inf: never flip
        for _ in range(sweeps):
            for site in rng.permutation(len(rows)):
                row = rows[site]
                change = 2 * row * rows[neighbours[site]].sum(axis=0, dtype=np.int8)
                new = log_weight(energies + change)
                flip = rng.random(len(energies)) < 1 / (1 + np.exp(current - new))
                row *= 1 - 2 * flip.view(np.int8)  # arithmetic: masked copies cost twice as much
                energies += flip * change
                current = np.where(flip, new, current)


def _snapshots(
    start: Spins,
    log_weight: LogWeight,
    snapshots: int,
    rng: np.random.Generator,
    bonds: Bonds,
) -> tuple[NDArray[np.uint8], Floats]:
    """Equilibrate walkers from `start` (*lattice, walkers) and collect snapshots of each.

    Returns:
        Configurations as bits (snapshots · walkers, ⌈sites / 8⌉), and energies in bond units.
    """
    walkers = start.shape[-1]
    spins = start * rng.choice(np.array([-1, 1], dtype=np.int8), walkers)  # both signs of the order
    energies = energy(np.moveaxis(spins, -1, 0), bonds=bonds)
    sites = spins.size // walkers
    equilibration = max(EQUILIBRATION_SWEEPS, EQUILIBRATION_UPDATES // sites)
    bits, values = [], []
    with Progress(
        total=equilibration + snapshots * SWEEPS_APART, desc="Ising", unit="sweep", disable=None
    ) as bar:
        for _ in range(equilibration // SWEEPS_APART):
            _walk(spins, energies, log_weight, SWEEPS_APART, rng, bonds)
            bar.update(SWEEPS_APART)
        for _ in range(snapshots):
            _walk(spins, energies, log_weight, SWEEPS_APART, rng, bonds)
            bits.append(np.packbits(spins.reshape(sites, walkers).T > 0, axis=1))
            values.append(energies.copy())
            bar.update(SWEEPS_APART)
    return np.concatenate(bits), np.concatenate(values)


def _unpack(bits: NDArray[np.uint8], lattice: tuple[int, ...]) -> Spins:
    """Turn (N, ⌈sites / 8⌉) bits back into spins (N, *lattice)."""
    sites = np.unpackbits(bits, axis=1, count=math.prod(lattice)).astype(np.int8)
    return (2 * sites - 1).reshape(-1, *lattice)


def _ordered(lattice: tuple[int, ...], bonds: Bonds) -> tuple[Spins, Spins]:
    """Return the states of lowest and of highest energy at J = 1, (*lattice) each.

    The second alternates along the axes where that frustrates no bond, and in stripes on the
    triangular lattice. A line of odd length has a frustrated bond in any case.
    """
    positions = np.indices(lattice, dtype=np.int64)  # (d, *lattice)
    axes = product((0, 1), repeat=len(lattice))
    states = np.stack([1 - 2 * (np.tensordot(along, positions, 1) % 2) for along in axes])
    highest = int(energy(states.astype(np.int8), bonds=bonds).argmax())
    return np.ones(lattice, dtype=np.int8), states[highest].astype(np.int8)


def _neighbours(lattice: tuple[int, ...], bonds: Bonds) -> Integers:
    """Return the neighbours of every site in the flattened lattice, (sites, 2 · bonds)."""
    index = np.arange(math.prod(lattice)).reshape(lattice)
    axes = range(index.ndim)
    shifted = [
        np.roll(index, [sign * n for n in bond], axes).ravel() for bond in bonds for sign in (-1, 1)
    ]
    return np.stack(shifted, axis=1)


def _check_count(count: int) -> None:
    if count < 1:
        raise InputError(f"count is {count}, but it must be at least 1; ask for one or more.")


def _check_coupling(J: float) -> None:
    if J == 0 or not math.isfinite(J):
        raise InputError(f"J is {J}, but the coupling must be finite and not 0; 1.0 is usual.")
