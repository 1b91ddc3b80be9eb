"""The contract of subnetworks: ours pass it, and those that break it fail where they do."""

import subprocess
import sys
from functools import partial
from math import prod
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ednn.core.errors import InputError
from ednn.core.subnets import ANN, DNN, FCN, SiteANN, SiteWise, Spectral
from ednn.core.subnets.site_wise import CONV
from ednn.testing import SubnetContract

# --- those that keep it ----------------------------------------------------------------------


class TestANN(SubnetContract):
    subnet = staticmethod(partial(ANN, hidden=20))


class TestDNN(SubnetContract):
    subnet = DNN
    dims = (1, 2)


class TestDNNInThreeDimensions(SubnetContract):
    subnet = DNN
    dims = (3,)
    focus = 1


class TestFCN(SubnetContract):
    subnet = staticmethod(partial(FCN, widths=(5, 4, 6)))


class TestFCNOnBlocks(SubnetContract):
    subnet = staticmethod(partial(FCN, widths=(5, 4), stride=2))
    context = 3


class TestSiteANN(SubnetContract):
    subnet = SiteANN


class TestSpectral(SubnetContract):
    subnet = Spectral
    focus, context = 1, 0


class Dropping(nn.Sequential):
    """A subnetwork with dropout and a normalisation of every tile by itself."""

    def __init__(self, window: tuple[int, ...], channels: int, outputs: int) -> None:
        values = channels * prod(window)
        first, last = nn.Linear(values, 16), nn.Linear(16, outputs)
        super().__init__(nn.Flatten(), first, nn.LayerNorm(16), nn.Tanh(), nn.Dropout(0.5), last)


class TestDropping(SubnetContract):
    subnet = Dropping


class Frozen(nn.Module):
    """A subnetwork with nothing to learn: the field's mean, times a frozen parameter."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.arange(1.0, outputs + 1), requires_grad=False)

    def forward(self, tiles: Tensor) -> Tensor:
        return tiles.flatten(1).mean(1, keepdim=True) * self.factor


class TestFrozen(SubnetContract):
    subnet = Frozen


# --- those that break it ---------------------------------------------------------------------


class Own(nn.Module):
    """A subnetwork that keeps the contract; its children don't."""

    def __init__(self, window: tuple[int, ...], channels: int, outputs: int) -> None:
        super().__init__()
        values = channels * prod(window)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(values, 8), nn.Tanh())
        self.last = nn.Linear(8, outputs)

    def forward(self, tiles: Tensor) -> Tensor:
        return self.last(self.net(tiles))


class Normalised(Own):
    """Couples the tiles of a batch, as nn.BatchNorm1d does in training."""

    def __init__(self, window: tuple[int, ...], channels: int, outputs: int) -> None:
        super().__init__(window, channels, outputs)
        self.net.append(nn.BatchNorm1d(8))


class Coupled(Own):
    """Couples the tiles of large batches alone, which the trial in EDNN doesn't see."""

    def forward(self, tiles: Tensor) -> Tensor:
        values = super().forward(tiles)
        return values - values.mean(0) if len(values) > 3 else values


class CoupledInTraining(Coupled):
    def forward(self, tiles: Tensor) -> Tensor:
        return super().forward(tiles) if self.training else Own.forward(self, tiles)


class Remembering(Own):
    """Looks outside its window: at the largest value that any subnetwork has seen."""

    largest = 0.0

    def forward(self, tiles: Tensor) -> Tensor:
        Remembering.largest = max(Remembering.largest, tiles.detach().max().item())
        return super().forward(tiles) * Remembering.largest


class Detached(Own):
    """Its first layer is never trained."""

    def forward(self, tiles: Tensor) -> Tensor:
        return self.last(self.net(tiles).detach())


class WrongGradient(Own):
    """Its gradient is not that of its values."""

    def forward(self, tiles: Tensor) -> Tensor:
        values = super().forward(tiles)
        return values + (values**2).detach()


class TwoMinds(SiteWise):
    """Its values per site are not those of a tile."""

    def __init__(self, context: tuple[int, ...], channels: int, outputs: int) -> None:
        super().__init__()
        self.conv = CONV[len(context)](channels, outputs, tuple(2 * c + 1 for c in context))

    def sites(self, padded: Tensor) -> Tensor:
        return self.conv(padded).tanh()

    def forward(self, tiles: Tensor) -> Tensor:
        return self.conv(tiles).flatten(2).mean(2).tanh()


def contract(net: type[nn.Module]) -> SubnetContract:
    return type("Contract", (SubnetContract,), {"subnet": net})()


def failed(net: type[nn.Module], dim: int) -> set[str]:
    """Run all tests of the contract in one dimension; return the names of those that failed."""
    tests, names = contract(net), set()
    for name in (name for name in dir(tests) if name.startswith("test_")):
        padding = {"padding": "periodic"} if name == "test_whole_fields_agree_with_tiles" else {}
        try:
            getattr(tests, name)(dim=dim, **padding)
        except (AssertionError, RuntimeError, InputError):  # gradcheck's own is a RuntimeError
            names.add(name.removeprefix("test_"))
    return names


@pytest.mark.parametrize(
    ("net", "broken"),
    [
        (Own, set()),
        (CoupledInTraining, {"tiles_are_independent_in_training"}),
        (Detached, {"gradients_reach_every_parameter_and_are_right"}),
        (WrongGradient, {"gradients_reach_every_parameter_and_are_right"}),
    ],
)
def test_exactly_what_is_broken_fails(net: type[nn.Module], broken: set[str]) -> None:
    assert failed(net, dim=1) == broken


def test_coupled_tiles_fail() -> None:
    assert failed(Coupled, 2) >= {
        "tiles_are_independent_in_evaluation",
        "tiles_are_independent_in_training",
        "chunks_change_nothing",
        "nothing_outside_its_window_changes_a_contribution",
    }
    with pytest.raises(AssertionError, match="A tile alone has another value than among others"):
        contract(Coupled).test_tiles_are_independent_in_evaluation(2)


def test_what_the_model_refuses_fails_with_its_sentence() -> None:
    with pytest.raises(InputError, match="Normalised lets the value of a tile depend on the oth"):
        contract(Normalised).test_tiles_are_independent_in_training(1)


def test_a_look_outside_the_window_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Remembering, "largest", 0.0)
    with pytest.raises(AssertionError, match="changes with sites outside its window"):
        contract(Remembering).test_nothing_outside_its_window_changes_a_contribution(2)


def test_values_per_site_that_are_not_those_of_tiles_fail() -> None:
    with pytest.raises(AssertionError, match="A whole field with padding=zeros"):
        contract(TwoMinds).test_whole_fields_agree_with_tiles(2, "zeros")
    assert "tiles_are_independent_in_evaluation" not in failed(TwoMinds, 2)


# --- as a user would -------------------------------------------------------------------------

THREE_LINES = """
from torch import nn

from ednn.testing import SubnetContract


class Good(nn.Sequential):
    def __init__(self, window, channels, outputs):
        values = channels * window[0] ** len(window)
        super().__init__(nn.Flatten(), nn.Linear(values, 8), nn.Tanh(), nn.Linear(8, outputs))


class Bad(nn.Sequential):
    def __init__(self, window, channels, outputs):
        values = channels * window[0] ** len(window)
        super().__init__(nn.Flatten(), nn.BatchNorm1d(values), nn.Linear(values, outputs))


class TestGood(SubnetContract):
    subnet = Good


class TestBad(SubnetContract):
    subnet = Bad
    dims = (2,)
"""


def test_three_lines_run_the_contract(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(THREE_LINES)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True)
    tests = 8 + 4  # the last of them with every padding
    assert f"{tests} failed, {3 * tests} passed" in done.stdout, done.stdout + done.stderr
    assert "TestGood" not in done.stdout.partition("short test summary")[2]
    assert "The subnetwork Bad lets the value of a tile depend" in done.stdout


def test_the_package_goes_without_pytest() -> None:
    code = "import sys, ednn.testing; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
