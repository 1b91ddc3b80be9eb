"""The ideal gas against itself."""

import numpy as np

from ednn.physics import ideal_gas


def test_the_derivative_is_that_of_the_free_energy() -> None:
    rng, step, law = np.random.default_rng(0), 1e-6, {"kT": 0.7, "volume": 3.0}
    density, direction = rng.uniform(0.1, 1.0, (2, 4, 5))
    ends = [
        ideal_gas.free_energy(density + s * direction, spacing=0.5, **law) for s in (step, -step)
    ]
    slope = (ideal_gas.derivative(density, **law) * direction).sum() * 0.5**2
    np.testing.assert_allclose((ends[0] - ends[1]) / (2 * step), slope, rtol=1e-8)


def test_a_place_without_particles_adds_nothing() -> None:
    assert ideal_gas.free_energy(np.zeros(3), spacing=0.5, kT=1.0) == 0.0
