"""The Ising model on a periodic d-dimensional lattice: exact labels and two samplers.

A lattice of any symmetry is an array of sites in the axes of its unit cell, skewed or not, with
bonds to the sites at some offsets. Sampling works in bond units (J = 1), where every configuration
has an integer energy and one flip changes it by a multiple of 4.
"""

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ednn.core.errors import InputError
from ednn.physics.sampling import evenly

Spins = NDArray[np.int8]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LogWeight = Callable[[Floats], Floats]
Bonds = tuple[tuple[int, ...], ...]  # offsets, one of every two that are opposite


WALKERS = 1024  # a step of fewer walkers takes hardly less time
EQUILIBRATION_SWEEPS = 100  # at the least; small lattices get
EQUILIBRATION_UPDATES = 32_768  # this many updates per walker
SWEEPS_APART = 10  # between two snapshots of one walker
POOL = 3  # snapshots taken per configuration asked for, by the flat sampler
FFT_ELEMENTS = 2**21  # per chunk: 16 MiB of float64


def bonds_of(kind: str, dims: int) -> Bonds:
    """Return the bonds of nearest neighbours: "axes" (2 dims of them) or "triangular" (six).

    The axes of a triangular lattice are at 60°, so that the sixth neighbours are at ±(1, −1).

    Raises:
        InputError: another kind, or a triangular lattice that isn't two-dimensional.
    """
    if kind not in ("axes", "triangular") or (kind == "triangular" and dims != 2):
        raise InputError(
            f"data.bonds={kind} is not possible in {dims} dimension(s); use axes, or in two "
            f"dimensions triangular."
        )
    axes = tuple(tuple(int(i == axis) for i in range(dims)) for axis in range(dims))
    return (*axes, (1, -1)) if kind == "triangular" else axes


def energy(spins: Spins, J: float = 1.0, bonds: Bonds | None = None) -> Floats:
    """H = -J Σ s_i s_j over nearest neighbours: a sum over sites i and bonds of s_i s_(i + bond).

    On a side of 2 both neighbours along that axis are the same site, so its bond counts twice.

    spins: (N, *lattice), ±1.  Returns (N,) float64, in the unit of J.
    Raises InputError for a side below 2 or a spin other than ±1.
    """
    spins = np.asarray(spins)
    _check_spins(spins)
    axes = tuple(range(1, spins.ndim))
    aligned = sum(
        (spins * np.roll(spins, [-n for n in bond], axes)).sum(axes, dtype=np.int64)
        for bond in bonds or bonds_of("axes", len(axes))
    )  # (N,)
    return np.asarray(-float(J) * aligned + 0.0)  # no -0.0


def magnetisation(spins: Spins) -> Floats:
    """M = Σ s_i: how many more spins are up than down, (N, *lattice) of ±1 → (N,) float64.

    Raises InputError as `energy` does.
    """
    spins = np.asarray(spins)
    _check_spins(spins)
    return np.asarray(spins.sum(tuple(range(1, spins.ndim)), dtype=np.float64))


def sample_flat(
    lattice: tuple[int, ...],
    count: int,
    rng: np.random.Generator,
    J: float = 1.0,
    bonds: Bonds | None = None,
) -> Spins:
    """Draw configurations that cover the whole energy range evenly.

    Umbrella sampling (Torrie and Valleau, J. Comput. Phys. 23, 187 (1977)): every walker has a
    target energy E* and the weight exp(-(E - E*)² / 2σ²), σ = 4 per bond of a site; targets are
    spread evenly, beyond both ends too, because entropy pulls a walker inwards by σ² dS/dE. It
    starts from the ordered state on its side of E = 0 and is heated from there, which keeps it out
    of metastable stripes. Of a pool of 3 × `count` snapshots, taken 10 sweeps apart after 100
    sweeps and at least 32,768 updates, each energy level (each of `count` equal energy intervals,
    where there are more levels) gives the same number as long as it has any left.

    The weights and the choice depend on the energy alone, so within a level all configurations are
    equally likely once the walk has relaxed; on large lattices close to the critical energy,
    long-range order relaxes more slowly than that. Levels with few configurations (2 of lowest
    energy) hold repeats. Flat in energy means the same for every J, which is only checked.

    Returns (count, *lattice) int8 of ±1; the same generator state gives the same configurations.
    Raises InputError for a side below 2, a count below 1, or J = 0, which has no energy range.
    """
    _check_lattice(lattice)
    _check_count(count)
    _check_coupling(J)
    bonds = bonds or bonds_of("axes", len(lattice))
    ferromagnet, antiferromagnet = _ordered(lattice, bonds)
    low, high = energy(np.stack([ferromagnet, antiferromagnet]), bonds=bonds)  # ends of the range
    sigma = 4 * len(bonds)
    margin = 2 * sigma * math.log(ferromagnet.size)  # holds the outermost walkers at the very end
    targets = np.linspace(low - margin, high + margin, WALKERS)
    start = np.where(targets < 0, ferromagnet[..., None], antiferromagnet[..., None])

    def log_weight(energies: Floats) -> Floats:
        return -((energies - targets) ** 2) / (2 * sigma**2)

    snapshots = math.ceil(POOL * count / WALKERS)
    pool, energies = _snapshots(start, log_weight, snapshots, rng, bonds)
    levels = int(high - low) // 4 + 1
    bins = min(levels, count)
    chosen = evenly((energies - low).astype(np.int64) // 4 * bins // levels, count, rng)
    return _unpack(pool[chosen], lattice)


def sample_canonical(
    lattice: tuple[int, ...],
    count: int,
    rng: np.random.Generator,
    temperatures: Sequence[float],
    J: float = 1.0,
    bonds: Bonds | None = None,
) -> tuple[Spins, Floats]:
    """Draw configurations from the canonical ensemble, in equal shares per temperature.

    The same walk as `sample_flat` with the weight exp(-E / T), k_B = 1: walkers start ordered and
    give a snapshot every 10 sweeps after 100 sweeps and at least 32,768 updates.

    temperatures: in the unit of J.
    Returns spins (count, *lattice) int8 of ±1 and the temperature of each (count,).
    Raises InputError for a side below 2, a count below 1, J = 0 or a temperature not above 0.
    """
    _check_lattice(lattice)
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


def fingerprint(spins: Spins) -> NDArray[np.uint64]:
    """Hash configurations so that all translated copies of one share a number.

    The hash is taken of the autocorrelation Σ_x s(x) s(x + r) in exact integers. Inverted
    (x → -x) and globally flipped copies share the number too, and so do the rare configurations
    with equal autocorrelations that no symmetry relates; different energies never share one, short
    of a chance collision of 64-bit hashes.

    spins: (N, *lattice), ±1.  Returns (N,) uint64, comparable on the same lattice only.
    """
    lattice, sites = spins.shape[1:], math.prod(spins.shape[1:])
    axes = tuple(range(1, spins.ndim))
    weights = np.random.PCG64(0).random_raw(sites) | np.uint64(1)  # (sites,), odd
    hashes = np.empty(len(spins), dtype=np.uint64)
    step = max(1, FFT_ELEMENTS // sites)
    for i in range(0, len(spins), step):
        power = np.abs(np.fft.rfftn(spins[i : i + step], axes=axes)) ** 2
        correlation = np.rint(np.fft.irfftn(power, s=lattice, axes=axes)).astype(np.int64)
        flat = correlation.reshape(-1, sites).view(np.uint64)
        hashes[i : i + step] = (flat * weights).sum(axis=1)  # modulo 2^64, which is meant
    return hashes


def _walk(
    spins: Spins,
    energies: Floats,
    log_weight: LogWeight,
    sweeps: int,
    rng: np.random.Generator,
    bonds: Bonds,
) -> None:
    """Advance all walkers in place by single-flip heat-bath (Glauber) sweeps.

    A sweep visits each site once, in random order. All walkers visit the same site at a time, which
    makes every step a few operations on rows. Metropolis acceptance would then move hot walkers in
    lockstep (they accept everything); the heat bath forgets the old spin.

    spins: (*lattice, walkers); energies: (walkers,), bond units.
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
    """Equilibrate walkers from `start` (*lattice, walkers) and collect their snapshots.

    Returns configurations as bits (snapshots * walkers, ⌈sites / 8⌉) and energies in bond units.
    """
    walkers = start.shape[-1]
    spins = start * rng.choice(np.array([-1, 1], dtype=np.int8), walkers)  # both signs of the order
    energies = energy(np.moveaxis(spins, -1, 0), bonds=bonds)
    sites = spins.size // walkers
    equilibration = max(EQUILIBRATION_SWEEPS, EQUILIBRATION_UPDATES // sites)
    bits, values = [], []
    with tqdm(
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
    """Turn (N, ⌈sites / 8⌉) bits back into (N, *lattice) spins."""
    sites = np.unpackbits(bits, axis=1, count=math.prod(lattice)).astype(np.int8)
    return (2 * sites - 1).reshape(-1, *lattice)


def _ordered(lattice: tuple[int, ...], bonds: Bonds) -> tuple[Spins, Spins]:
    """The states of lowest and of highest energy at J = 1, (*lattice) each.

    The second alternates along some of the axes: along all of them where that frustrates no bond,
    in stripes on the triangular lattice. A line of odd length has a frustrated bond in any case.
    """
    place = np.indices(lattice, dtype=np.int64)  # (d, *lattice)
    axes = product((0, 1), repeat=len(lattice))
    states = np.stack([1 - 2 * (np.tensordot(along, place, 1) % 2) for along in axes])
    highest = int(energy(states.astype(np.int8), bonds=bonds).argmax())
    return np.ones(lattice, dtype=np.int8), states[highest].astype(np.int8)


def _neighbours(lattice: tuple[int, ...], bonds: Bonds) -> Integers:
    """The neighbours of every site in the flattened lattice, (sites, 2 bonds)."""
    index = np.arange(math.prod(lattice)).reshape(lattice)
    axes = range(index.ndim)
    shifted = [
        np.roll(index, [sign * n for n in bond], axes).ravel() for bond in bonds for sign in (-1, 1)
    ]
    return np.stack(shifted, axis=1)


def _check_lattice(lattice: tuple[int, ...]) -> None:
    if not lattice or min(lattice) < 2:
        raise InputError(
            f"The lattice is {tuple(lattice)}, but a periodic Ising lattice needs at least one "
            "axis and every side at least 2; give for example (8, 8)."
        )


def _check_spins(spins: Spins) -> None:
    _check_lattice(spins.shape[1:])
    if not (np.abs(spins) == 1).all():
        raise InputError(
            f"spins hold values from {spins.min()} to {spins.max()}, but Ising spins are -1 or +1; "
            "map other encodings first (2 * bits - 1)."
        )


def _check_count(count: int) -> None:
    if count < 1:
        raise InputError(f"count is {count}, but it must be at least 1; ask for one or more.")


def _check_coupling(J: float) -> None:
    if J == 0 or not math.isfinite(J):
        raise InputError(f"J is {J}, but the coupling must be finite and not 0; 1.0 is usual.")
