"""How far an extensive function reaches: its locality length l, measured with pairs of changes.

The second difference of a function F of a field x when the sites i and j change by δ,

    Δ_i Δ_j F = F(x + δ_i + δ_j) − F(x + δ_i) − F(x + δ_j) + F(x),

is zero for all x and δ if no term of F depends on both sites. The reach R is the greatest distance
of two sites where it is not zero; distances are max(|Δx|, |Δy|, …), because tiles are squares. F is
then a sum of terms on sets of sites whose pairs all lie within R (Möbius inversion: the term of a
set is an alternating sum of F over its subsets, which vanishes if one of its pairs does). Each of
these sets fits into a square of R + 1 sites.

A model of windows f + 2c can equal F if every such square lies in a window, wherever the borders of
the foci are. Along an axis, the last site before a window begins is followed by 2c sites of the
window before. So the R + 1 sites from there on lie in that window if R ≤ 2c. Otherwise the first
and the last of them share no window, and the model's second difference is zero where that of F is
not. The least context for every f is therefore the locality length

    l = ⌈R / 2⌉,

1 for nearest neighbours (R = 1), 2 for Σ|∇²X| with a stencil of 2 pixels to each side (R = 4), 0
for the magnetisation (R = 0).
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
    """Return the root mean square of Δ_i Δ_j F at distances 1, 2, …, relative to that of Δ_i F.

    The mean is over fields, with a random site i in each, and all sites j at the distance.

    Args:
        function: an extensive function of periodic fields, (B, *L) → (B,).
        fields: (N, *L).
        changed: values of the sites after they change, (N, *L).
        distance: the largest distance.
        rng: chooses the sites i.

    Returns:
        One value per distance, (distance,).

    Raises:
        InputError: a distance that wraps around the lattice.

    Example:
        >>> fields = np.random.default_rng(0).normal(size=(3, 8))
        >>> def chain(x):  # nearest neighbours on a line
        ...     return (x * np.roll(x, 1, axis=1)).sum(axis=1)
        >>> values = response(chain, fields, -fields, 3, np.random.default_rng(1))
        >>> (values > 1e-9).tolist()
        [True, False, False]
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
    differences = [
        _differences(function, field, new, rng.integers(lattice), offsets)
        for field, new in zip(fields, changed, strict=True)
    ]
    first, second = zip(*differences, strict=True)
    squares = np.square(second).mean(axis=0)  # (pairs,)
    shells = [squares[apart == d].mean() for d in range(1, distance + 1)]
    return np.sqrt(np.array(shells) / np.square(first).mean())


def _differences(
    function: Callable[[Floats], Floats],
    field: Floats,
    new: Floats,
    site: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> tuple[Floats, Floats]:
    """Return Δ_i F, (1,), and Δ_i Δ_j F, (pairs,), of a site i and all sites j at some offsets."""
    sides = np.reshape(field.shape, (-1, 1))
    i, j = tuple(site), tuple((site[:, None] + offsets) % sides)
    far = np.repeat(field[None], offsets.shape[1], axis=0)  # (pairs, *L)
    far[(np.arange(len(far)), *j)] = new[j]
    both, near = far.copy(), field[None].copy()
    both[(slice(None), *i)] = near[(slice(None), *i)] = new[i]
    alone = function(near) - function(field[None])  # (1,)
    return alone, function(both) - function(far) - alone


def reach(response: Floats, tolerance: float = 1e-9) -> int:
    """Return R, the greatest distance at which a `response` exceeds rounding; 0 if none does.

    Args:
        response: values at distances 1, 2, …
        tolerance: what counts as rounding.

    Example:
        >>> reach(np.array([0.3, 0.1, 1e-16]))
        2
    """
    return int(np.max(np.flatnonzero(response > tolerance) + 1, initial=0))


def locality_length(reach: int) -> int:
    """Return l = ⌈R / 2⌉, the least context that holds every pair of sites that interact.

    Example:
        >>> [locality_length(reach) for reach in (0, 1, 4)]
        [0, 1, 2]
    """
    return (reach + 1) // 2
