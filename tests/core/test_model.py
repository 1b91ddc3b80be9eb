"""What an extensive network promises: locality, extensivity, one exact result on every path."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.subnets import ANN, DNN
from ednn.core.tiling import PADDINGS
from ednn.physics.ising import bonds_of, energy

SPINS = [-1.0, 1.0]


class Smooth(nn.Module):
    """A subnetwork without kinks, so that gradients exist everywhere; sees every value it gets."""

    def __init__(self, window: tuple[int, ...], channels: int, outputs: int) -> None:
        super().__init__()
        values = channels * int(np.prod(window))
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(values, 12), nn.Tanh())
        self.last = nn.Linear(12, outputs)

    def forward(self, tiles: Tensor) -> Tensor:
        return self.last(self.net(tiles))


def ising_network(dims: int, bonds: str = "axes") -> EDNN:
    """An f = c = 1 network whose ANN is set by hand to H = -½ Σ s₀ s_n over the neighbours.

    s₀ s_n = (|s₀ + s_n| - |s₀ - s_n|) / 2, and |x| takes two rectified units.
    """
    net = EDNN(ANN, 1, 1, dims, alphabet=SPINS)
    layers: Any = net.subnet
    _, first, _, last = layers
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    place = torch.arange(3**dims).reshape((3,) * dims)
    centre = (1,) * dims
    neighbours = [
        place[tuple(1 + sign * n for n in bond)]
        for bond in bonds_of(bonds, dims)
        for sign in (-1, 1)
    ]
    units = product(neighbours, [(1, 1), (-1, -1), (1, -1), (-1, 1)])
    with torch.no_grad():
        for unit, (neighbour, (own, other)) in enumerate(units):
            first.weight[unit, place[centre]] = own
            first.weight[unit, neighbour] = other
            last.weight[0, unit] = -0.25 * own * other
    return net


def draw_spins(*shape: int) -> Tensor:
    return 2.0 * torch.randint(2, shape, generator=torch.Generator().manual_seed(0)) - 1


@contextmanager
def calls(net: EDNN) -> Iterator[list[int]]:
    """Record how many tiles each call of the subnetwork gets."""
    seen: list[int] = []
    hook = net.subnet.register_forward_pre_hook(lambda _module, args: seen.append(len(args[0])))
    yield seen
    hook.remove()


# --- extensivity and locality ---------------------------------------------------------------

GEOMETRIES = [((12,), 3, 1), ((8, 4), 2, 1), ((6, 8), (3, 2), (0, 3)), ((2, 4, 4), 2, 1)]


@pytest.mark.parametrize(("lattice", "f", "c"), GEOMETRIES)
def test_sum_is_unchanged_by_a_shift_of_f(
    lattice: tuple[int, ...], f: int | tuple[int, ...], c: int | tuple[int, ...]
) -> None:
    net = EDNN(Smooth, f, c, len(lattice), channels=2, outputs=3).double()
    field = torch.randn(2, 2, *lattice, dtype=torch.float64)
    for axis, step in enumerate(net.tiling.focus, start=2):
        torch.testing.assert_close(net(field.roll(step, axis)), net(field), rtol=1e-13, atol=1e-13)


def test_sum_may_change_under_other_shifts() -> None:
    net = EDNN(Smooth, 2, 1).double()
    field = torch.randn(1, 1, 8, 8, dtype=torch.float64)
    assert not torch.allclose(net(field.roll(1, 2)), net(field))


@pytest.mark.parametrize(("lattice", "f", "c"), GEOMETRIES)
def test_a_replicated_field_has_a_multiple_of_the_value(
    lattice: tuple[int, ...], f: int | tuple[int, ...], c: int | tuple[int, ...]
) -> None:
    net = EDNN(Smooth, f, c, len(lattice)).double()
    net.shift.fill_(0.7)
    net.scale.fill_(3.0)
    field = torch.randn(2, 1, *lattice, dtype=torch.float64)
    larger = field.repeat(1, 1, *[2] * len(lattice))  # 2 × 2: four times the value
    expected = 2 ** len(lattice) * net(field)
    torch.testing.assert_close(net(larger), expected, rtol=1e-13, atol=1e-13)


def test_forward_is_the_sum_of_the_contributions_in_physical_units() -> None:
    net = EDNN(Smooth, 2, 1, outputs=2).double()
    field = torch.randn(3, 1, 4, 6, dtype=torch.float64)
    raw = net.contributions(field)
    assert raw.shape == (3, 2, 3, 2)
    net.shift.copy_(torch.tensor([5.0, -1.0]))
    net.scale.copy_(torch.tensor([2.0, 0.5]))
    expected = (raw * net.scale + net.shift * 4).sum((1, 2))  # tiles of four sites
    torch.testing.assert_close(net(field), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("padding", PADDINGS)
def test_contributions_see_their_window_alone(padding: str) -> None:
    net = EDNN(ANN, 2, 1, padding=padding)
    field = torch.randn(2, 1, 12, 12)
    other = torch.randn(2, 1, 12, 12)
    other[..., 3:9, 3:9] = field[..., 3:9, 3:9]
    before, after = net.contributions(field), net.contributions(other)
    assert torch.equal(before[:, 2:4, 2:4], after[:, 2:4, 2:4])  # windows in 3 … 8: bitwise
    outside = torch.ones(6, 6, dtype=torch.bool)
    outside[2:4, 2:4] = False
    assert (before != after)[:, outside].all()


# --- the Ising energy, exactly --------------------------------------------------------------


@pytest.mark.parametrize(
    "lattice", [(12,), (2,), (8, 8), (4, 7), (2, 2), (16, 16), (3, 4, 5)], ids=str
)
def test_hand_set_network_gives_the_ising_energy(lattice: tuple[int, ...]) -> None:
    spins = draw_spins(50, 1, *lattice)
    predicted = ising_network(len(lattice))(spins)[:, 0]
    assert np.array_equal(predicted.detach().numpy(), energy(spins[:, 0].numpy()))


def test_density_of_states_of_4x4() -> None:
    """The number of states per energy, known exactly."""
    bits = (torch.arange(2**16)[:, None] >> torch.arange(16)) & 1  # every configuration
    with torch.no_grad():
        energies = ising_network(2)(2.0 * bits.reshape(-1, 1, 4, 4) - 1).flatten()
    values, states = energies.unique(return_counts=True)
    below = {-32: 2, -24: 32, -20: 64, -16: 424, -12: 1728, -8: 6688, -4: 13568}
    expected = below | {0: 20524} | {-level: number for level, number in below.items()}
    assert dict(zip(values.tolist(), states.tolist(), strict=True)) == expected


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_dnn_learns_in_any_dimension(dims: int) -> None:
    net = EDNN(DNN, 4, 2, dims)
    loss = net(torch.randn(2, 1, *[8] * dims)).square().sum()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


# --- what doesn't fit -----------------------------------------------------------------------


def test_a_ready_module_is_taken_as_it_is() -> None:
    subnet = ANN((4, 4))
    assert EDNN(subnet, 2, 1).subnet is subnet
    with pytest.raises(InputError, match="ANN cannot take tiles"):
        EDNN(ANN((4, 4)), 2, 2)


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((2, 1, 8), ["(2, 1, 8)", "2 sides"]),
        ((2, 1, 8, 8, 8), ["(2, 1, 8, 8, 8)"]),
        ((8, 8), ["(8, 8)"]),
        ((2, 3, 8, 8), ["(2, 3, 8, 8)", "1 channel"]),
        ((2, 1, 8, 9), ["9", "8 × 9", "f=2", "8 or 10"]),
    ],
)
def test_fields_that_do_not_fit(shape: tuple[int, ...], names: list[str]) -> None:
    net = EDNN(ANN, 2, 1)
    with pytest.raises(InputError) as error:
        net(torch.zeros(shape))
    assert all(name in str(error.value) for name in names)


def test_integer_fields_are_taken_as_they_are() -> None:
    spins = torch.randint(0, 2, (3, 1, 4, 6), dtype=torch.int8) * 2 - 1
    model = EDNN(ANN, focus=2, context=1, alphabet=[-1, 1])
    torch.testing.assert_close(model(spins), model(spins.float()))
