"""The Ising model on a periodic lattice of any dimension: energies, and equality up to translation.

A lattice of any symmetry is an array of sites along the axes of its unit cell, skewed or not, with
bonds to the sites at given offsets.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError

Spins = NDArray[np.int8]
Floats = NDArray[np.float64]
Bonds = tuple[tuple[int, ...], ...]  # offsets of neighbours, one of each pair of opposite ones

FFT_ELEMENTS = 2**21  # largest number of values transformed at once: 16 MiB of float64


def bonds_of(kind: str, dims: int) -> Bonds:
    """Return the bonds of nearest neighbours, one of each pair of opposite ones.

    Args:
        kind: "axes", or "triangular": six neighbours on axes at 60°, the last ones at ±(1, −1).
        dims: dimension of the lattice.

    Raises:
        InputError: another kind, or a triangular lattice that isn't two-dimensional.

    Example:
        >>> bonds_of("axes", 2), bonds_of("triangular", 2)
        (((1, 0), (0, 1)), ((1, 0), (0, 1), (1, -1)))
    """
    if kind not in ("axes", "triangular") or (kind == "triangular" and dims != 2):
        raise InputError(
            f"data.bonds={kind} is not possible in {dims} dimension(s); use axes, or in two "
            f"dimensions triangular."
        )
    axes = tuple(tuple(int(i == axis) for i in range(dims)) for axis in range(dims))
    return (*axes, (1, -1)) if kind == "triangular" else axes


def energy(spins: Spins, J: float = 1.0, bonds: Bonds | None = None) -> Floats:
    """Return H = −J Σ s_i s_j over nearest neighbours, (N,) float64.

    The sum runs over sites i and bonds b of s_i s_(i + b). On a side of 2 both neighbours along
    that axis are the same site, so its bond counts twice.

    Args:
        spins: ±1, (N, *lattice).
        J: coupling, above 0 for a ferromagnet; the energy is in its unit.
        bonds: offsets of the neighbours; None for those along the axes.

    Raises:
        InputError: a side below 2 or a spin other than ±1.

    Example:
        >>> float(energy(np.ones((1, 4, 4)))[0])  # 16 sites with 2 bonds each
        -32.0
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
    """Return M = Σ s_i of spins ±1, (N, *lattice) → (N,) float64.

    Raises:
        InputError: a side below 2 or a spin other than ±1.

    Example:
        >>> float(magnetisation(np.ones((1, 4, 4)))[0])
        16.0
    """
    spins = np.asarray(spins)
    _check_spins(spins)
    return np.asarray(spins.sum(tuple(range(1, spins.ndim)), dtype=np.float64))


def fingerprint(spins: Spins) -> NDArray[np.uint64]:
    """Hash configurations so that all translated copies of one share a number.

    The hash is taken of the autocorrelation Σ_x s(x) s(x + r) in exact integers. Inverted (x → −x)
    and globally flipped copies share the number too, and so do the rare configurations with equal
    autocorrelations that no symmetry relates. Configurations of different energy share one only if
    64-bit hashes collide.

    Args:
        spins: ±1, (N, *lattice).

    Returns:
        Numbers (N,), comparable on the same lattice only.

    Example:
        >>> spins = np.array([[[1, 1, 1], [1, -1, 1], [1, 1, 1]]], np.int8)
        >>> moved = np.roll(spins, (1, 1), axis=(1, 2))
        >>> bool(fingerprint(spins)[0] == fingerprint(moved)[0])
        True
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


def check_lattice(lattice: tuple[int, ...]) -> None:
    """Check the sides of a periodic lattice.

    Raises:
        InputError: no axes, or a side below 2.

    Example:
        >>> check_lattice((8, 8))
    """
    if not lattice or min(lattice) < 2:
        raise InputError(
            f"The lattice is {tuple(lattice)}, but a periodic Ising lattice needs at least one "
            "axis and every side at least 2; give for example (8, 8)."
        )


def _check_spins(spins: Spins) -> None:
    check_lattice(spins.shape[1:])
    if not (np.abs(spins) == 1).all():
        raise InputError(
            f"spins hold values from {spins.min()} to {spins.max()}, but Ising spins are -1 or +1; "
            "map other encodings first (2 * bits - 1)."
        )
