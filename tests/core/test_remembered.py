"""What is made of a tensor is made once, and again when the tensor has changed."""

import gc
from itertools import count

import pytest
import torch

from ednn.core.model import EDNN
from ednn.core.remembered import MADE, remembered
from ednn.core.subnets import ANN


def test_it_is_made_once_for_every_name() -> None:
    tensor, numbers = torch.ones(2), count()
    assert [remembered(tensor, "a", lambda: next(numbers)) for _ in range(2)] == [0, 0]
    assert remembered(tensor, "b", lambda: next(numbers)) == 1
    assert remembered(torch.ones(2), "a", lambda: next(numbers)) == 2


def test_it_is_made_again_of_a_tensor_that_has_changed() -> None:
    tensor = torch.ones(2)
    assert remembered(tensor, "sum", lambda: tensor.sum().item()) == 2
    tensor.add_(1)
    assert remembered(tensor, "sum", lambda: tensor.sum().item()) == 4


def test_nothing_is_kept_without_gradients_or_of_a_tensor_that_is_gone() -> None:
    kept = len(MADE)
    tensor = torch.ones(2)
    with torch.no_grad():
        remembered(tensor, "a", lambda: 0)
    assert len(MADE) == kept
    remembered(tensor, "a", lambda: 0)
    assert len(MADE) == kept + 1
    del tensor
    gc.collect()
    assert len(MADE) == kept


@pytest.mark.parametrize("dtype", [torch.int8, torch.float64])
def test_groups_of_equal_tiles_follow_the_field_and_the_model(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    field = (2 * torch.randint(2, (40, 1, 6, 6), generator=generator) - 1).to(dtype)
    net = EDNN(ANN, focus=1, context=1, alphabet=[-1, 1]).double()
    for change in (lambda: None, lambda: field.neg_(), lambda: next(net.parameters()).data.mul_(2)):
        change()
        assert torch.equal(net(field), net(field.clone()))
    assert net.float()(field).shape == (40, 1)  # whose groups are of another precision
