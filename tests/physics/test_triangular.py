"""The Ising model on the triangular lattice: tiles in its own, skewed axes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ednn.core.errors import InputError
from ednn.physics.ising import bonds_of, energy
from ednn.physics.ising_sampling import sample_canonical, sample_flat
from tests.conftest import run
from tests.core.test_model import ising_network

BONDS = bonds_of("triangular", 2)


def by_distance(spins: np.ndarray) -> float:
    """The energy from where the sites stand: bonds are what is at distance 1, images included."""
    lx, ly = spins.shape
    site = {(i, j): (i + j / 2, j * np.sqrt(3) / 2) for i in range(lx) for j in range(ly)}
    total = 0.0
    for (i, j), r in site.items():
        for (k, m), other in site.items():
            for a in (-1, 0, 1):
                for b in (-1, 0, 1):
                    image = (other[0] + a * lx + b * ly / 2, other[1] + b * ly * np.sqrt(3) / 2)
                    if abs(np.hypot(image[0] - r[0], image[1] - r[1]) - 1) < 1e-9:
                        total -= spins[i, j] * spins[k, m] / 2
    return total


def test_bonds_are_the_six_nearest_neighbours() -> None:
    spins = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (20, 4, 5))
    expected = [by_distance(field) for field in spins]
    np.testing.assert_allclose(energy(spins, bonds=BONDS), expected)


def test_a_network_set_by_hand_gives_the_energy_exactly() -> None:
    spins = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (50, 8, 12))
    net = ising_network(2, "triangular")
    predicted = net(torch.from_numpy(spins[:, None]))[:, 0].detach().numpy()
    assert np.array_equal(predicted, energy(spins, bonds=BONDS))


def test_samples_cover_the_range() -> None:
    energies = energy(sample_flat((6, 6), 400, np.random.default_rng(0), bonds=BONDS), bonds=BONDS)
    assert energies.min() == -3 * 36  # all aligned
    assert energies.max() == 36  # stripes: each triangle has one frustrated bond
    assert abs(np.median(energies) + 36) < 12  # evenly between


def test_the_triangular_ferromagnet_orders_below_its_critical_temperature() -> None:
    """T_c = 4 / ln 3 = 3.641 J (Wannier, Phys. Rev. 79, 357 (1950)): the square one's is 2.269."""
    rng = np.random.default_rng(0)
    spins, bath = sample_canonical((12, 12), 600, rng, [3.0, 5.0], bonds=BONDS)
    order = np.abs(spins.mean((1, 2)))
    assert order[bath == 3.0].mean() > 0.7
    assert order[bath == 5.0].mean() < 0.4


def test_other_bonds_are_refused() -> None:
    with pytest.raises(InputError, match=r"data\.bonds=kagome"):
        bonds_of("kagome", 2)
    with pytest.raises(InputError, match="triangular"):
        bonds_of("triangular", 3)


@pytest.mark.long
def test_the_energy_is_learned(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "train.py",
        *("experiment=ising", "data.bonds=triangular", "run=small", "trainer.max_epochs=40"),
        *("data.n_train=3000", "data.batch_size=3000", "data.n_val=300", "data.n_test=300"),
    )
    assert done.returncode == 0, done.stderr
    (summary,) = tmp_path.glob("outputs/*/small/summary.json")
    assert json.loads(summary.read_text())["test/median_absolute_error"] < 0.1  # J, of 144
