"""How far an extensive function reaches: the locality length l, measured by far perturbations.

The second difference of a function F of a field x when the sites i and j change by δ,

    Δ_i Δ_j F = F(x + δ_i + δ_j) − F(x + δ_i) − F(x + δ_j) + F(x),

is zero for all x and δ if no term of F knows both sites. The reach R is the greatest distance of
two sites where it is not; distances are max(|Δx|, |Δy|, …), because tiles are squares. F is then a
sum of terms on sets of sites that lie pairwise within R (Möbius inversion: the term of a set is an
alternating sum over what its subsets give, which vanishes with any of its pairs), and each of these
sets fits into a square of R + 1 sites.

A model of windows f + 2c can be F if every such square is inside a window, wherever the borders of
the foci fall. Along an axis the last site before a window begins is followed by 2c sites of the
window before. So the R + 1 sites from there on are in that window if R ≤ 2c; otherwise the first
and the last of them share no window, and the model's second difference is zero where that of F is
not. The least context for every f is therefore the locality length

    l = ⌈R / 2⌉,

1 for nearest neighbours (R = 1), 2 for Σ|∇²X| with a stencil of 2 pixels either way (R = 4), 0 for
the magnetisation (R = 0).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError

Floats = NDArray[np.float64]


def response(
    function: Callable[[Floats], Floats],
    fields: Floats,
    changed: Floats,
    distance: int,
    rng: np.random.Generator,
) -> Floats:
    """Root mean square of Δ_i Δ_j F at distances 1, 2, …, in units of that of Δ_i F.

    Over fields, a random site i in each, and all sites j at the distance.

    Args:
        function: an extensive function of periodic fields, (B, *L) → (B,).
        fields: (N, *L).
        changed: what a site holds once it has changed, (N, *L).
        distance: the greatest one.

    Returns (distance,). Raises InputError for a distance that wraps around the lattice.
    """
    lattice = fields.shape[1:]
    if 2 * distance > min(lattice):
        raise InputError(
            f"Sites {distance} apart wrap around a lattice of {lattice}; "
            f"go no further than {min(lattice) // 2}."
        )
    steps = np.indices((2 * distance + 1,) * len(lattice)) - distance
    offsets = steps.reshape(len(lattice), -1)  # (dims, pairs)
    apart = np.abs(offsets).max(axis=0)  # (pairs,)
    first, second = [], []
    for field, other in zip(fields, changed, strict=True):
        site = rng.integers(lattice)  # (dims,)
        i, j = tuple(site), tuple((site + offsets.T).T % np.reshape(lattice, (-1, 1)))
        far = np.repeat(field[None], len(apart), axis=0)  # (pairs, *L)
        far[(np.arange(len(apart)), *j)] = other[j]
        both, near = far.copy(), field[None].copy()
        both[(slice(None), *i)] = near[(slice(None), *i)] = other[i]
        alone = function(near) - function(field[None])  # (1,)
        first.append(alone)
        second.append(function(both) - function(far) - alone)  # (pairs,)
    squares = np.square(second).mean(axis=0)  # (pairs,)
    shells = [squares[apart == d].mean() for d in range(1, distance + 1)]
    return np.sqrt(np.array(shells) / np.square(first).mean())


def reach(response: Floats, tolerance: float = 1e-9) -> int:
    """Return R, the greatest distance at which a `response` is more than rounding; 0 if none is."""
    return int(np.max(np.flatnonzero(response > tolerance) + 1, initial=0))


def locality_length(reach: int) -> int:
    """Return l = ⌈R / 2⌉, the least context that holds every pair of sites that interact."""
    return (reach + 1) // 2
