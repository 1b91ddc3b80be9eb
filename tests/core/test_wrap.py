"""Periodic borders: their values, derivatives of both orders and memory format."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from ednn.core.wrap import wrap


@pytest.mark.parametrize("width", [1, 3, 4])  # up to the whole side
@pytest.mark.parametrize("axis", [2, 3])
def test_a_wrapped_field_is_periodic_and_twice_differentiable(axis: int, width: int) -> None:
    field = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    sites = torch.arange(-width, 4 + width) % 4
    torch.testing.assert_close(wrap(field, axis, width), field.index_select(axis, sites))
    assert gradcheck(lambda x: wrap(x, axis, width), field)
    assert gradgradcheck(lambda x: wrap(x, axis, width) ** 2, field)


def test_field_and_gradient_keep_the_memory_format() -> None:
    kept = torch.channels_last
    field = torch.randn(2, 8, 4, 4).contiguous(memory_format=kept).requires_grad_()
    padded = wrap(wrap(field, 2, 2), 3, 2)
    assert padded.is_contiguous(memory_format=kept)
    (slope,) = torch.autograd.grad(padded, field, padded.detach())
    assert slope.is_contiguous(memory_format=kept)
