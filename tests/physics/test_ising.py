import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ednn.core.errors import InputError
from ednn.physics.ising import energy, fingerprint, magnetisation
from ednn.physics.ising_sampling import sample_canonical, sample_flat

DENSITY_4X4 = {-32: 2, -24: 32, -20: 64, -16: 424, -12: 1728, -8: 6688, -4: 13568, 0: 20524}


@pytest.fixture(scope="module")
def all_4x4() -> np.ndarray:
    """All 65,536 configurations, in the order of their bits (65536, 4, 4)."""
    bits = np.unpackbits(np.arange(65536, dtype=">u2").view(np.uint8)).astype(np.int8)
    return (2 * bits - 1).reshape(-1, 4, 4)


@pytest.fixture
def short_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 sweeps of equilibration also on small lattices, for tests that need no statistics."""
    monkeypatch.setattr("ednn.physics.ising_sampling.EQUILIBRATION_UPDATES", 0)


def random_spins(lattice: tuple[int, ...], count: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (count, *lattice))


def slow_energy(spins: np.ndarray, J: float) -> float:
    total = 0.0
    for site in itertools.product(*map(range, spins.shape)):
        for axis, side in enumerate(spins.shape):
            other = list(site)
            other[axis] = (other[axis] + 1) % side
            total -= J * float(spins[site]) * float(spins[tuple(other)])
    return total


@pytest.mark.parametrize("lattice", [(7,), (2,), (4, 6), (5, 3), (2, 2), (3, 4, 2)])
@pytest.mark.parametrize("J", [1.0, -0.7])
def test_energy_is_the_sum_over_bonds(lattice: tuple[int, ...], J: float) -> None:
    spins = random_spins(lattice)
    energies = energy(spins, J)
    assert energies.dtype == np.float64
    np.testing.assert_allclose(energies, [slow_energy(s, J) for s in spins], atol=1e-12)


def test_density_of_states_of_4x4(all_4x4: np.ndarray) -> None:
    levels, states = np.unique(energy(all_4x4), return_counts=True)
    expected = DENSITY_4X4 | {-e: n for e, n in DENSITY_4X4.items()}
    assert dict(zip(levels.tolist(), states.tolist(), strict=True)) == expected


def test_magnetisations_of_4x4(all_4x4: np.ndarray) -> None:
    values, states = np.unique(magnetisation(all_4x4), return_counts=True)
    expected = {2.0 * up - 16: math.comb(16, up) for up in range(17)}
    assert dict(zip(values.tolist(), states.tolist(), strict=True)) == expected


@pytest.mark.parametrize("lattice", [(9,), (6, 8), (4, 2, 3)])
def test_ordered_states_have_the_lowest_energy(lattice: tuple[int, ...]) -> None:
    sites = math.prod(lattice)
    assert energy(np.ones((1, *lattice), np.int8))[0] == -len(lattice) * sites


def test_energy_rejects_what_is_not_an_ising_lattice() -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        energy(np.array([[0, 1, 1, 0]], np.int8))
    with pytest.raises(InputError, match=r"\(4, 1\)"):
        energy(np.ones((3, 4, 1), np.int8))
    with pytest.raises(InputError, match="from 0 to 1"):
        magnetisation(np.array([[0, 1, 1, 0]], np.int8))


def test_flat_sample_has_every_level_of_8x8_equally_often() -> None:
    spins = sample_flat((8, 8), 10_000, np.random.default_rng(1))
    assert spins.shape == (10_000, 8, 8)
    assert spins.dtype == np.int8
    levels, counts = np.unique(energy(spins), return_counts=True)
    assert set(levels) == set(range(-128, 129, 4)) - {-124, 124}
    assert counts.max() - counts.min() <= 1


def test_flat_sample_is_uniform_within_each_level(all_4x4: np.ndarray) -> None:
    """Chi-square over the states of a level, or over the symmetry classes of a large one."""
    spins = sample_flat((4, 4), 15_000, np.random.default_rng(2))
    all_energies, all_classes = energy(all_4x4), fingerprint(all_4x4)
    energies, classes = energy(spins), fingerprint(spins)
    codes = np.packbits(spins.reshape(-1, 16) > 0, axis=1).view(">u2").ravel()
    for level in np.unique(all_energies):
        drawn = energies == level
        states = np.flatnonzero(all_energies == level)
        if len(states) <= 64:
            observed = np.bincount(codes[drawn], minlength=65536)[states]
            share = np.full(len(states), 1 / len(states))
        else:
            names, sizes = np.unique(all_classes[states], return_counts=True)
            observed = np.array([(classes[drawn] == name).sum() for name in names])
            share = sizes / len(states)
        expected = share * drawn.sum()
        rare = expected < 5  # pooled, so that the statistic is near its limiting distribution
        observed = np.append(observed[~rare], observed[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
        observed, expected = observed[expected > 0], expected[expected > 0]
        freedom = len(expected) - 1
        chi_square = ((observed - expected) ** 2 / expected).sum()
        assert abs(chi_square - freedom) <= 4 * math.sqrt(2 * freedom), level


@pytest.mark.parametrize("lattice", [(32,), (5, 5), (4, 6), (2, 2), (4, 4, 4), (3, 2, 4)])
def test_flat_sample_reaches_both_ends_of_any_lattice(
    lattice: tuple[int, ...], short_walk: None
) -> None:
    energies = energy(sample_flat(lattice, 500, np.random.default_rng(3)))
    sites = math.prod(lattice)
    frustrated = sum(sites // side for side in lattice if side % 2)  # a bond per line of odd length
    assert energies.min() == -len(lattice) * sites
    assert energies.max() == len(lattice) * sites - 2 * frustrated
    middle = (energies.min() + energies.max()) / 2
    assert abs(np.sign(energies - middle).mean()) < 0.2


def test_samples_follow_the_seed(short_walk: None) -> None:
    for sample in (
        lambda rng: sample_flat((4, 4), 50, rng),
        lambda rng: sample_canonical((4, 4), 50, rng, [2.0])[0],
    ):
        first, again, other = (sample(np.random.default_rng(seed)) for seed in (5, 5, 6))
        assert (first == again).all()
        assert (first != other).any()


@pytest.mark.parametrize("J", [1.0, -2.0])
def test_canonical_mean_energy_of_4x4_is_exact(all_4x4: np.ndarray, J: float) -> None:
    temperatures = [1.5, 2.27, 4.0, 1000.0]
    spins, bath = sample_canonical((4, 4), 8192, np.random.default_rng(7), temperatures, J)
    levels, energies = energy(all_4x4, J), energy(spins, J)
    for T in temperatures:
        weights = np.exp(-(levels - levels.min()) / T)
        exact = np.average(levels, weights=weights)
        # One mean per walker: walkers are independent, the 8 snapshots of one are not.
        means = energies[bath == T].reshape(8, 256).mean(axis=0)
        assert abs(means.mean() - exact) < 4 * means.std() / math.sqrt(256), T


def test_hot_walkers_are_independent() -> None:
    spins, _ = sample_canonical((8, 8), 512, np.random.default_rng(8), [1e6])
    overlap = np.einsum("axy,bxy->ab", spins.astype(float), spins) / 64
    off_diagonal = overlap[~np.eye(len(spins), dtype=bool)]
    assert abs(off_diagonal.std() - 1 / 8) < 0.005  # random configurations: 1 / √sites


def test_canonical_sample_has_equal_shares(short_walk: None) -> None:
    spins, bath = sample_canonical((3, 3), 3000, np.random.default_rng(9), [1.0, 2.0, 3.0])
    assert spins.shape == (3000, 3, 3)
    assert np.unique(bath, return_counts=True)[1].tolist() == [1000, 1000, 1000]


@pytest.mark.parametrize("lattice", [(12,), (8, 8), (6, 9), (3, 4, 5)])
def test_fingerprint_is_that_of_every_translated_copy(lattice: tuple[int, ...]) -> None:
    spins = random_spins(lattice, count=3)
    names = fingerprint(spins)
    assert names.dtype == np.uint64
    assert len(np.unique(names)) == 3
    axes = tuple(range(1, spins.ndim))
    for shift in itertools.product(*map(range, lattice)):
        assert (fingerprint(np.roll(spins, shift, axes)) == names).all()
    assert (fingerprint(-spins) == names).all()
    assert (fingerprint(np.flip(spins, axes)) == names).all()


def test_fingerprint_tells_configurations_of_4x4_apart(all_4x4: np.ndarray) -> None:
    """Equal fingerprints mean equal autocorrelations, computed here without an FFT."""
    shifts = list(itertools.product(range(4), range(4)))
    correlations = np.stack(
        [(all_4x4 * np.roll(all_4x4, s, (1, 2))).sum((1, 2), dtype=np.int64) for s in shifts],
        axis=1,
    )
    names, where = np.unique(fingerprint(all_4x4), return_inverse=True)
    classes, which = np.unique(correlations, axis=0, return_inverse=True)
    assert len(names) == len(classes)
    assert len(np.unique(np.stack([where, which.ravel()]), axis=1).T) == len(names)
    energies = energy(all_4x4)
    spread = [np.ptp(energies[where == i]) for i in range(len(names))]
    assert max(spread) == 0


def test_fingerprint_does_not_depend_on_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    spins = random_spins((128, 128), count=5)
    whole = fingerprint(spins)
    monkeypatch.setattr("ednn.physics.ising.FFT_ELEMENTS", 1)
    assert (fingerprint(spins) == whole).all()
    assert (fingerprint(np.roll(spins, (17, 90), (1, 2))) == whole).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: sample_flat((8, 1), 5, rng), r"\(8, 1\)"),
        (lambda rng: sample_flat((), 5, rng), r"\(\)"),
        (lambda rng: sample_flat((8, 8), 0, rng), "count is 0"),
        (lambda rng: sample_flat((8, 8), 5, rng, J=0.0), "J is 0"),
        (lambda rng: sample_canonical((8, 8), 5, rng, []), r"temperatures is \[\]"),
        (lambda rng: sample_canonical((8, 8), 5, rng, [2.0, -1.0]), "-1.0"),
    ],
)
def test_bad_requests_get_one_sentence(call: Callable[..., Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(np.random.default_rng(0))
