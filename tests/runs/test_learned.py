"""A test whose errors are about those of a constant is told of."""

import torch

from ednn.runs.learned import note_on_learning

SITES = torch.tensor([8, 8, 16, 16])
TARGET = torch.tensor([[-8.0, 3.0], [8.0, 3.0], [-16.0, 6.0], [16.0, 6.0]])  # the second is known


def test_what_is_no_better_than_a_constant_is_told_with_its_steps() -> None:
    guess = torch.zeros(4, 2)
    assert "After 7 steps the mean absolute error is 1.00 of" in note_on_learning(
        guess, TARGET, SITES, steps=7
    )


def test_what_is_learned_is_not() -> None:
    assert not note_on_learning(TARGET * 0.9, TARGET, SITES, steps=7)
    constant = SITES[:, None].double()
    assert not note_on_learning(constant * 0.5, constant, SITES, steps=7)
    rounded = constant * (1 + 1e-9 * torch.tensor([[-1.0], [1.0], [-1.0], [1.0]]))
    assert not note_on_learning(constant * 0.5, rounded, SITES, steps=7)


def test_predictions_that_are_no_numbers_have_no_share() -> None:
    assert not note_on_learning(torch.full((4, 2), torch.nan), TARGET, SITES, steps=7)
