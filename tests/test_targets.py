"""Shift and scale standardise the labels of the training systems and stay extensive."""

import pytest
import torch

from ednn.model import EDNN
from ednn.subnets import ANN
from ednn.targets import standardise


def standardised(f: int, target: torch.Tensor, sites: torch.Tensor) -> EDNN:
    net = EDNN(ANN, f, 1, outputs=target.shape[1]).double()
    standardise(net, target, sites)
    return net


@pytest.mark.parametrize("f", [1, 2, 4])
def test_a_silent_subnetwork_predicts_the_mean_per_site(f):
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
def test_scale_is_the_spread_per_site_at_any_focus(f):
    target = torch.randn(1000, 1, dtype=torch.float64) * 40 + 7
    net = standardised(f, target, torch.full((1000,), 64))
    spread = target.std(correction=0) / 64 * f**2
    torch.testing.assert_close(net.scale, spread.reshape(1), rtol=1e-12, atol=0)
    # Subnetwork outputs of one standard deviation make a system's label one such deviation.
    torch.testing.assert_close(net.scale * (8 // f) ** 2, target.std(0, correction=0))


def test_prediction_stays_extensive():
    net = standardised(2, torch.randn(10, 1) * 30 - 100, torch.full((10,), 64))
    field = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(net(field.repeat(1, 1, 2, 2)), 4 * net(field), rtol=1e-13, atol=0)


def test_a_constant_target_is_learnt_by_the_shift_alone():
    net = standardised(1, torch.full((5, 1), 32.0), torch.full((5,), 64))
    assert (net.shift.item(), net.scale.item()) == (0.5, 1.0)


def test_large_references_do_not_drown_the_spread():
    target = torch.tensor([[-1e9], [-1e9 + 64]], dtype=torch.float64)
    net = standardised(1, target, torch.tensor([64, 64]))
    assert net.scale.item() == pytest.approx(0.5, rel=1e-6)
