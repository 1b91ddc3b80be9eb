"""Moments of simulations → observables with standard errors, and where Binder cumulants cross."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ednn.physics import kaufman
from ednn.physics.heat_bath import crossing, observables, resample
from ednn.studies.base import Numbers

Floats = NDArray[np.float64]

EXACT = {"energy": kaufman.energy, "specific_heat": kaufman.specific_heat}
LABELS = {
    "energy": "energy per spin (J)",
    "magnetisation": "magnetisation |m|",
    "specific_heat": "specific heat per spin ($k_B$)",
    "binder": "Binder cumulant U",
}
RESAMPLED = 500  # bootstrap samples that a standard error is taken from


def near(temperatures: Sequence[float], critical: Sequence[float]) -> NDArray[np.bool_]:
    """Tell which temperatures Binder cumulants are compared at.

    Args:
        temperatures: in J.
        critical: the lowest and the highest.

    Returns:
        Whether each is between them, (temperatures,).

    Example:
        >>> near([2.0, 2.25, 2.5], critical=[2.2, 2.4]).tolist()
        [False, True, False]
    """
    low, high = critical
    return (np.array(temperatures) >= low) & (np.array(temperatures) <= high)


def analyse(
    results: Sequence[Numbers], temperatures: Sequence[float], critical: Sequence[float]
) -> Numbers:
    """Turn the moments of one network's simulations into what is shown.

    Args:
        results: of lattices of ascending side `L`, each with its `moments`, (5, replicas,
            temperatures), as `ednn.physics.heat_bath.sample` gives them.
        temperatures: in J.
        critical: the lowest and the highest of those that cumulants are compared at.

    Returns:
        `simulations`, with values and standard errors of every observable in place of moments, and
        `crossings` of the Binder cumulants of each lattice and the next larger one.

    Example:
        >>> ordered = np.array([-32.0, 1024.0, 1.0, 1.0, 1.0])  # of 4 × 4 spins, all of them up
        >>> moments = np.tile(ordered[:, None, None], (1, 8, 2))  # 8 replicas at 2 temperatures
        >>> found = analyse([{"L": 4, "moments": moments}], [0.1, 0.2], critical=[0.1, 0.2])
        >>> found["simulations"][0]["energy"], found["crossings"]
        ([-2.0, -2.0], [])
    """
    rng = np.random.default_rng(0)
    values = [_resampled(result, temperatures, rng) for result in results]
    simulations = [
        {key: value for key, value in result.items() if key != "moments"}
        | {name: samples[0].tolist() for name, samples in of_one.items()}
        | {f"{name}_standard_error": s[1:].std(0).tolist() for name, s in of_one.items()}
        for result, of_one in zip(results, values, strict=True)
    ]
    chosen = near(temperatures, critical)
    cumulants = [(r["L"], v["binder"][:, chosen]) for r, v in zip(results, values, strict=True)]
    crossings = [
        {"L": [small, large], **_crossing(np.array(temperatures)[chosen], of_small, of_large)}
        for (small, of_small), (large, of_large) in pairwise(cumulants)
    ]
    return {"simulations": simulations, "crossings": crossings}


def _resampled(
    result: Numbers, temperatures: Sequence[float], rng: np.random.Generator
) -> dict[str, Floats]:
    """Return observables, (1 + RESAMPLED, temperatures): of all replicas, then of resampled."""
    moments = np.array(result["moments"])  # (5, replicas, temperatures)
    means = [moments.mean(1, keepdims=True), resample(moments, RESAMPLED, rng)]
    return observables(np.concatenate(means, 1), temperatures, result["L"] ** 2)


def _crossing(temperatures: Floats, smaller: Floats, larger: Floats) -> Numbers:
    """Return where the cumulants of two lattices cross; None for nowhere.

    The standard error is that of the bootstrap samples that cross, and means little where many
    don't: `crossed` is their share.

    Args:
        temperatures: (temperatures,).
        smaller: cumulants of the smaller lattice, (1 + RESAMPLED, temperatures).
        larger: those of the larger one.
    """
    found = [crossing(temperatures, *pair) for pair in zip(smaller, larger, strict=True)]
    others = [T for T in found[1:] if T is not None]
    error = float(np.std(others)) if others else None
    return {"T": found[0], "standard_error": error, "crossed": len(others) / RESAMPLED}
