"""What the trial of a subnetwork refuses and what it takes; it leaves everything as it was."""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.probe import probe
from ednn.core.subnets import FCN


class Function(nn.Module):
    """A subnetwork with a function of its module and the hidden values (n, 16) in its middle."""

    def __init__(self, middle: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last, self.middle = nn.Linear(9, 16), nn.Linear(16, 1), middle

    def forward(self, tiles: Tensor) -> Tensor:
        return self.last(self.middle(self, self.first(tiles.flatten(1)).tanh()))


def hidden(*layers: nn.Module) -> nn.Sequential:
    """A subnetwork of windows of 3 × 3 with layers for hidden values (n, 16)."""
    return nn.Sequential(nn.Flatten(), nn.Linear(9, 16), nn.Tanh(), *layers, nn.Linear(16, 1))


def convolved(*layers: nn.Module) -> nn.Sequential:
    """A subnetwork of windows of 3 × 3 with layers for hidden fields (n, 8, 2, 2)."""
    return nn.Sequential(nn.Conv2d(1, 8, 2), nn.Tanh(), *layers, nn.Flatten(), nn.Linear(8 * 4, 1))


def normalised(net: nn.Module, values: Tensor) -> Tensor:
    """Batch normalisation as a function; in evaluation by fixed figures."""
    mean, variance = torch.zeros(16), torch.ones(16)
    return F.batch_norm(values, mean, variance, training=net.training)


def dropped(net: nn.Module, values: Tensor) -> Tensor:
    return F.dropout(values, 0.05, training=net.training)


class Counting(nn.Module):
    """A subnetwork whose values grow with every call."""

    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, tiles: Tensor) -> Tensor:
        self.count += 1
        return self.count + tiles.flatten(1)[:, :1]


class Frozen(nn.Module):
    """A subnetwork whose batch normalisation never trains."""

    def __init__(self) -> None:
        super().__init__()
        self.net = hidden(nn.BatchNorm1d(16))

    def train(self, mode: bool = True) -> "Frozen":
        super().train(mode)
        self.net[3].eval()
        return self

    def forward(self, tiles: Tensor) -> Tensor:
        return self.net(tiles)


# --- layers that couple the tiles of a batch -------------------------------------------------


@pytest.mark.parametrize("seed", range(5))  # whatever the weights let through
@pytest.mark.parametrize(
    ("make", "when"),
    [
        (lambda: hidden(nn.BatchNorm1d(16)), "training"),
        (lambda: nn.Sequential(nn.Flatten(), nn.BatchNorm1d(9), nn.Linear(9, 1)), "training"),
        (lambda: hidden(nn.Linear(16, 1), nn.BatchNorm1d(1), nn.ReLU(), nn.Linear(1, 16)),
         "training"),
        (lambda: convolved(nn.BatchNorm2d(8)), "training"),
        (lambda: convolved(nn.SyncBatchNorm(8)), "training"),
        (lambda: hidden(nn.LazyBatchNorm1d()), "training"),
        (lambda: hidden(nn.BatchNorm1d(16, track_running_stats=False)), "evaluation"),
        (lambda: Function(normalised), "training"),
        (lambda: Function(lambda net, values: values - values.mean(0)), "evaluation"),
        (lambda: Function(lambda net, values: values / len(values)), "evaluation"),
        (lambda: Function(lambda net, values: values.cumsum(0)), "evaluation"),
        (lambda: Function(lambda net, values: values.flip(0)), "evaluation"),
        (lambda: Function(lambda net, values: values.softmax(0)), "evaluation"),
    ],
)  # fmt: skip
def test_layers_that_couple_tiles_are_refused(
    make: Callable[..., Any], when: str, seed: int
) -> None:
    torch.manual_seed(seed)
    subnet = make()
    with pytest.raises(InputError) as error:
        EDNN(subnet, 1, 1)
    message = str(error.value)
    assert f"The subnetwork {type(subnet).__name__} lets the value of a tile depend" in message
    assert f"in its batch in {when}" in message
    assert "LayerNorm or GroupNorm" in message
    assert message.count(". ") == 0  # one sentence


@pytest.mark.parametrize(
    "make",
    [
        lambda: hidden(nn.LayerNorm(16)),
        lambda: hidden(nn.GroupNorm(4, 16)),
        lambda: hidden(nn.RMSNorm(16)),
        lambda: convolved(nn.GroupNorm(2, 8)),
        lambda: convolved(nn.LayerNorm((8, 2, 2))),
        lambda: convolved(nn.InstanceNorm2d(8)),
        lambda: convolved(nn.InstanceNorm2d(8, affine=True)),
        lambda: convolved(nn.Dropout2d()),
        lambda: hidden(nn.utils.parametrizations.spectral_norm(nn.Linear(16, 16))),
        lambda: hidden(nn.utils.parametrizations.weight_norm(nn.Linear(16, 16))),
        Frozen,
    ],
)
def test_layers_that_couple_no_tiles_are_taken(make: Callable[..., Any] | type[nn.Module]) -> None:
    net = EDNN(make(), 1, 1)
    assert net(torch.randn(2, 1, 4, 6)).shape == (2, 1)


# --- nothing is changed ----------------------------------------------------------------------


def remembered(subnet: nn.Module) -> tuple[dict[str, Tensor], list[bool]]:
    """Parameters and buffers, and the mode of every submodule."""
    return deepcopy(subnet.state_dict()), [module.training for module in subnet.modules()]


@pytest.mark.parametrize(
    "make",
    [
        lambda: hidden(nn.BatchNorm1d(16)),
        lambda: hidden(nn.InstanceNorm1d(16, track_running_stats=True)),
        lambda: convolved(nn.InstanceNorm2d(8, track_running_stats=True)),
        lambda: hidden(nn.utils.parametrizations.spectral_norm(nn.Linear(16, 16))),
        lambda: hidden(nn.Dropout(0.3), nn.GroupNorm(4, 16)),
        Counting,
        lambda: nn.Linear(7, 1),
        lambda: FCN((3, 3), (0, 0)),
    ],
)
@pytest.mark.parametrize("mode", ["training", "evaluation", "mixed"])
def test_a_trial_changes_nothing_whatever_it_finds(
    make: Callable[..., Any] | type[nn.Module], mode: str
) -> None:
    subnet = make().train(mode == "training")
    if mode == "mixed":
        for module in list(subnet.modules())[::2]:
            module.training = True
    state, modes = remembered(subnet)
    hooks = [len(module._forward_hooks) for module in subnet.modules()]
    generator = torch.get_rng_state()
    with suppress(InputError):
        EDNN(subnet, 1, 1)
    assert torch.equal(torch.get_rng_state(), generator)
    after, modes_after = remembered(subnet)
    assert modes_after == modes
    assert after.keys() == state.keys()
    assert all(torch.equal(after[name], state[name]) for name in state)
    assert all(parameter.grad is None for parameter in subnet.parameters())
    assert [len(module._forward_hooks) for module in subnet.modules()] == hooks


def test_a_trial_seeds_no_other_device() -> None:
    """What is drawn on a GPU that starts later depends on the user's seed alone."""
    torch.manual_seed(1)
    waiting = list(torch.cuda._lazy_seed_tracker.get_calls())
    EDNN(hidden(nn.Dropout(0.5)), 1, 1)
    assert list(torch.cuda._lazy_seed_tracker.get_calls()) == waiting


def test_lazy_layers_get_parameters_of_their_own() -> None:
    subnets = [
        nn.Sequential(nn.Flatten(), nn.LazyLinear(4), nn.Dropout(0.5), nn.LazyLinear(1))
        for _ in range(2)
    ]
    subnets[1][2].eval()
    nets: list[Any] = [EDNN(subnet, 1, 1) for subnet in subnets]
    assert [len(net.subnet[1].weight[0]) for net in nets] == [9, 9]
    assert not torch.equal(nets[0].subnet[1].weight, nets[1].subnet[1].weight)
    assert [module.training for module in subnets[1]] == [True, True, False, True]
    loss = nets[0](torch.randn(2, 1, 4, 4)).sum()
    loss.backward()
    assert all(parameter.grad is not None for parameter in nets[0].parameters())


# --- what fits -------------------------------------------------------------------------------


class Failing(nn.Module):
    def forward(self, tiles: Tensor) -> Tensor:
        raise KeyError("no layer")


class Two(nn.Module):
    def forward(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        return tiles.flatten(1)[:, :1], tiles


class Sign(nn.Module):
    def forward(self, tiles: Tensor) -> Tensor:
        return tiles.flatten(1)[:, :1] > 0


class Squeezing(nn.Module):
    def forward(self, tiles: Tensor) -> Tensor:
        return tiles.sum((1, 2, 3)).squeeze()[..., None]


class Locked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.numbers = iter([1, 2])
        self.generator = (i for i in range(3))

    def forward(self, tiles: Tensor) -> Tensor:
        return tiles.flatten(1)[:, :1]


@pytest.mark.parametrize(
    ("subnet", "words"),
    [
        (Failing(), ["Failing cannot take tiles of shape (2, 1, 3, 3)", "KeyError: 'no layer'"]),
        (Two(), ["Two returns tuple", "(n, outputs)"]),
        (Sign(), ["Sign returns torch.bool", "floating-point"]),
        (Squeezing(), ["Squeezing lets the value of a tile depend on the others"]),
        (nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(9, 1)),
         ["Sequential changes the tiles", "inplace"]),
        (Locked(), ["Locked cannot be copied", "generator"]),
    ],
)  # fmt: skip
def test_a_subnetwork_that_is_none_is_refused(subnet: nn.Module, words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        EDNN(subnet, 1, 1)
    assert all(word in str(error.value) for word in words)


def test_site_wise_values_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"FCN maps tiles .* per site"):
        EDNN(FCN((3, 3), (2, 2)), 3, (2, 3))


def test_the_widest_layer_is_found_in_evaluation_of_any_mode() -> None:
    subnet = hidden(nn.Linear(16, 40), nn.Dropout(0.5), nn.Linear(40, 16))
    tiles = torch.linspace(-1, 1, 18).view(2, 1, 3, 3)
    assert probe(subnet.eval(), tiles, 1) == probe(subnet.train(), tiles, 1) == (40, True)


def test_a_focus_of_no_whole_blocks_is_refused() -> None:
    subnet = FCN(focus=(2, 2), context=(1, 1), stride=2)
    with pytest.raises(InputError, match=r"focus \(3, 3\) is not a multiple of the stride 2"):
        EDNN(subnet, focus=3, context=1)
