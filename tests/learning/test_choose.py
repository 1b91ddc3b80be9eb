"""Greedy choice by the posterior: what is known is worth nothing, twice the same neither."""

import pytest
import torch
from torch import Tensor

from ednn.core.uncertainty import Posterior
from ednn.learning.choose import at_random, most_uncertain


def drawn(count: int, features: int = 6, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, features, generator=generator, dtype=torch.float64)


def fitted(known: Tensor, ridge: float = 0.1) -> Posterior:
    """The posterior of features that were trained on, with ς² = `ridge` and α = 1."""
    precision = known.T @ known + ridge * torch.eye(known.shape[1], dtype=torch.float64)
    return Posterior(torch.linalg.cholesky(torch.linalg.inv(precision)), torch.ones(1).double())


def test_each_choice_is_the_most_uncertain_after_a_fit_with_those_before_it() -> None:
    known, candidates = drawn(4), 10 * drawn(30, seed=1)
    sites = torch.arange(1, 31).double()
    chosen, before = most_uncertain(candidates, sites, fitted(known), count=5)
    for i, number in enumerate(chosen):
        posterior = fitted(torch.cat([known, candidates[chosen[:i]]]))
        deviation = posterior.deviation(candidates)[:, 0] / sites
        assert int(deviation.argmax()) == number
    torch.testing.assert_close(before, fitted(known).deviation(candidates)[:, 0] / sites)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_what_is_nearly_equal_is_chosen_once(size: float) -> None:
    """Also where candidates are so certain that conditioning on them hardly changes anything."""
    two = size * drawn(2)
    nearly = torch.cat([two, two * (1 + 1e-3), two + 1e-3 * size * drawn(2, seed=1)])
    chosen, _ = most_uncertain(nearly, torch.ones(6), fitted(drawn(20, seed=2)), count=6)
    assert len(chosen) == 2
    assert {number % 2 for number in chosen} == {0, 1}


def test_a_larger_cell_of_the_same_structure_teaches_nothing_new() -> None:
    structure = drawn(1)
    cells = torch.cat([structure, 4 * structure])
    chosen, before = most_uncertain(cells, torch.tensor([60, 240]), fitted(drawn(9)), count=2)
    assert len(chosen) == 1
    torch.testing.assert_close(before[0], before[1], rtol=1e-12, atol=0)


def test_choices_differ_in_direction_not_only_in_size() -> None:
    """Of two large ones along one axis and a smaller one along another, the second is left out."""
    candidates = torch.tensor([[100.0, 0.0], [80.0, 0.0], [0.0, 30.0]]).double()
    posterior = fitted(torch.eye(2).double())
    assert most_uncertain(candidates, torch.ones(3), posterior, count=2)[0] == [0, 2]


def test_random_choices_are_repeatable_and_all_different() -> None:
    chosen = at_random(30, seed=4, count=20)
    assert chosen == at_random(30, seed=4, count=20) != at_random(30, seed=5, count=20)
    assert len(set(chosen)) == 20
    assert set(chosen) <= set(range(30))
    assert len(at_random(3, seed=0, count=5)) == 3
