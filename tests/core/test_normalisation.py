"""Shift and scale standardise the labels of the training systems and stay extensive."""

from functools import partial

import pytest
import torch

from ednn.core.branch import Branch
from ednn.core.model import EDNN
from ednn.core.multiscale import MultiScale
from ednn.core.subnets import ANN
from ednn.core.tiling import PADDINGS


def standardised(f: int, target: torch.Tensor, sites: torch.Tensor) -> EDNN:
    net = EDNN(ANN, f, 1, outputs=target.shape[1]).double()
    fields = torch.randn(len(target), 1, 8, 8, dtype=torch.float64) * 3 + 5
    net.fit_normalisation(lambda rows: fields[rows], target, sites)
    return net


@pytest.mark.parametrize("f", [1, 2, 4])
def test_a_silent_subnetwork_predicts_the_mean_per_site(f: int) -> None:
    sites = torch.tensor([64, 64, 256])
    target = torch.tensor([[-64.0, 6.4], [64.0, 12.8], [512.0, 25.6]])  # per site: -1, 1, 2; …
    net = standardised(f, target, sites)
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    for side in (8, 16):
        predicted = net(torch.randn(2, 1, side, side, dtype=torch.float64))
        expected = side**2 * torch.tensor([[2 / 3, 0.4 / 3]], dtype=torch.float64)
        torch.testing.assert_close(predicted, expected.expand(2, 2), rtol=1e-6, atol=0)


@pytest.mark.parametrize("f", [1, 2, 4])
def test_scale_is_the_spread_per_site_at_any_focus(f: int) -> None:
    target = torch.randn(1000, 1, dtype=torch.float64) * 40 + 7
    net = standardised(f, target, torch.full((1000,), 64))
    torch.testing.assert_close(net.scale, target.std(0, correction=0) / 64, rtol=1e-12, atol=0)


def test_prediction_stays_extensive() -> None:
    net = standardised(2, torch.randn(10, 1) * 30 - 100, torch.full((10,), 64))
    field = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(net(field.repeat(1, 1, 2, 2)), 4 * net(field), rtol=1e-13, atol=0)


def test_a_constant_target_is_learnt_by_the_shift_alone() -> None:
    net = standardised(1, torch.full((5, 1), 32.0), torch.full((5,), 64))
    assert (net.shift.item(), net.scale.item()) == (0.5, 1.0)


def test_large_references_do_not_drown_the_spread() -> None:
    target = torch.tensor([[-1e9], [-1e9 + 64]], dtype=torch.float64)
    net = standardised(1, target, torch.tensor([64, 64]))
    assert net.scale.item() == pytest.approx(0.5, rel=1e-6)


def test_fields_are_seen_with_mean_0_and_spread_1_channel_by_channel() -> None:
    torch.manual_seed(0)
    net = EDNN(ANN, 2, 1, channels=2).double()
    fields = (
        torch.randn(300, 2, 8, 8, dtype=torch.float64) * torch.tensor([[[[3.0]], [[1e-3]]]]) + 7
    )
    net.fit_normalisation(lambda rows: fields[rows], torch.randn(300, 1), torch.full((300,), 64))
    seen = net.seen(fields[torch.linspace(0, 299, 256).long()])
    torch.testing.assert_close(seen.mean((0, 2, 3)), torch.zeros(2).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(seen.std((0, 2, 3)), torch.ones(2).double(), rtol=1e-3, atol=0)


def test_spins_are_seen_as_they_are() -> None:
    net = EDNN(ANN, 1, 1, alphabet=[-1, 1])
    net.fit_normalisation(lambda rows: None, torch.randn(10, 1), torch.full((10,), 64))
    assert (net.scaling.mean.item(), net.scaling.spread.item()) == (0.0, 1.0)


@pytest.mark.parametrize("padding", PADDINGS)
def test_a_scaled_field_gives_the_same_in_blocks(padding: str) -> None:
    net = EDNN(ANN, 2, 3, padding=padding).double()
    field = torch.randn(2, 1, 8, 8, dtype=torch.float64) * 4 + 9
    net.scaling.fit(field)
    whole, block = net.contributions(field), net.block_contributions(net.tiling.pad(field))
    torch.testing.assert_close(whole, block, rtol=1e-13, atol=1e-13)
    blank = torch.zeros(1, 1, 8, 8, dtype=torch.float64)  # what zero padding stands for
    if padding == "zeros":
        expected = net.subnet(net.seen(blank))
        torch.testing.assert_close(net.contributions(blank)[0, 0, 0] / 4, expected[0])


def test_fields_in_the_order_of_their_size_are_scaled_like_any_others() -> None:
    net = EDNN(ANN, 2, 1).double()
    fields = torch.linspace(0, 9, 1000).double()[:, None, None, None] * torch.randn(1000, 1, 4, 4)
    net.fit_normalisation(lambda rows: fields[rows], torch.randn(1000, 1), torch.full((1000,), 16))
    torch.testing.assert_close(net.seen(fields).std(), torch.tensor(1.0).double(), rtol=0.1, atol=0)


def test_labels_that_are_equal_but_for_rounding_need_no_scale() -> None:
    net = standardised(1, torch.full((7, 1), 0.1).double() * 64, torch.full((7,), 64))
    assert net.scale.item() == 1.0


@pytest.mark.parametrize("padding", PADDINGS)
def test_branches_of_a_scaled_field_give_the_same_whole_and_in_tiles(padding: str) -> None:
    net = MultiScale({"real": partial(Branch, ANN, 2, 1, padding=padding)}).double()
    fields = torch.randn(20, 1, 8, 8, dtype=torch.float64) * 4 + 9
    net.fit_normalisation(lambda rows: fields[rows], torch.randn(20, 1), torch.full((20,), 64))
    torch.testing.assert_close(net.contributions(fields).sum((1, 2)), net(fields))


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32])
def test_totals_are_not_rounded_whatever_the_precision_of_the_network(
    precision: torch.dtype,
) -> None:
    net = EDNN(ANN, 1, 1).to(precision)
    field = torch.randn(9, 1, 8, 8)
    near_zero = net(field)
    net.shift = torch.tensor([-1e9 / 64], dtype=torch.float64)
    assert net(field).dtype == torch.float64
    torch.testing.assert_close(net(field) + 1e9, near_zero, rtol=1e-3, atol=1e-3)


def test_spins_are_scaled_where_their_model_was_trained_on_scaled_ones() -> None:
    net = EDNN(ANN, 1, 1, alphabet=[-1, 1])
    spins = 2.0 * torch.randint(2, (50, 1, 4, 4)) - 1
    net.scaling.mean.fill_(0.3)
    net.scaling.spread.fill_(2.0)
    expected = EDNN(net.subnet, 1, 1)((spins - 0.3) / 2)
    torch.testing.assert_close(net(spins), expected, rtol=1e-5, atol=1e-4)
