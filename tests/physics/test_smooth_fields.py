"""Random potentials: functions of their seed, with one local structure in boxes of any size."""

from typing import Any

import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.physics.smooth_fields import Potentials, smooth_field

FAMILY: dict[str, Any] = {
    "sides": (64,),
    "spacing": 0.25,
    "mu": (-1.0, 2.0),
    "depth": 0.5,
    "smooth": (0.5, 2.0),
}


@pytest.mark.parametrize("sides", [(40,), (160,), (16, 24)])
def test_fields_have_the_correlation_of_the_formula(sides: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_field(rng, sides, 0.5, 1.0) for _ in range(4000)])
    for shift in range(4):
        found = (fields * np.roll(fields, shift, -1)).mean()
        assert found == pytest.approx(np.exp(-((0.5 * shift) ** 2) / 2), abs=0.03)
    assert fields.mean() == pytest.approx(0, abs=0.03)


def test_a_potential_is_a_function_of_its_seed() -> None:
    family = Potentials(**FAMILY)
    (once, mu), (again, same), (other, _) = (family.draw(seed) for seed in ([0, 1], [0, 1], [0, 2]))
    np.testing.assert_array_equal(once, again)
    assert mu == same
    assert np.abs(once - other).max() > 0.1


def test_the_family_covers_its_ranges() -> None:
    drawn = [Potentials(**FAMILY).draw(seed) for seed in range(300)]
    mu = np.array([mu for _, mu in drawn])
    assert mu.min() < -0.9
    assert mu.max() > 1.9
    depths = np.array([np.sqrt((v**2).mean()) for v, _ in drawn])
    assert depths.min() < 0.05
    assert 0.4 < depths.max() < 1.0
    lengths = np.array([v.std() / np.gradient(v, 0.25).std() for v, _ in drawn])
    assert lengths.min() < 0.8
    assert lengths.max() > 1.6


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"spacing": 0.0}, r"data.spacing=0.0 .*above 0"),
        ({"depth": -1.0}, r"data.depth=-1.0 .*0 or more"),
        ({"mu": (2.0, 1.0)}, r"data.mu=\[2.0, 1.0\] .*lowest and the highest"),
        ({"mu": (1.0,)}, r"data.mu=\[1.0\] .*lowest and the highest"),
        ({"smooth": (0.1, 1.0)}, r"data.smooth=\[0.1, 1.0\] .*data.spacing=0.25"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Potentials(**{**FAMILY, **change})
