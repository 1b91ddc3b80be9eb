"""The derivative of a property by its field: exact through tiles, padding, branches and blocks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ednn import EDNN
from ednn.core.branch import Branch
from ednn.core.ensemble import ensemble
from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo, unnamed_outputs
from ednn.core.interface import FieldModel
from ednn.core.multiscale import MultiScale
from ednn.core.subnets import ANN, FCN, SiteANN, Spectral

STEP = 1e-5
SMALL, SMALL_ANN = partial(FCN, widths=[4, 6]), partial(ANN, hidden=8)
PADDINGS = ("periodic", "zeros", "reflect", "replicate")


def field(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).double()


def require_exact(model: FieldModel, x: Tensor) -> None:
    """Compare the derivative along four random directions with differences of fourth order."""
    slope = model.derivative(x)
    assert slope.shape == x.shape
    assert slope.abs().max() > 1e-3
    for direction in field(4, *x.shape):
        ends = [model(x + n * STEP * direction)[:, 0].detach() for n in (-2, -1, 1, 2)]
        expected = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * STEP)
        found = (slope * direction).flatten(1).sum(1)
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8 * float(slope.norm()))


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("subnet", [SMALL_ANN, SMALL, SiteANN])
def test_it_is_exact_in_all_paddings(subnet: Callable[..., nn.Module], padding: str) -> None:
    torch.manual_seed(0)
    model = EDNN(subnet, focus=4, context=2, padding=padding).double()
    require_exact(model, field(2, 1, 8, 4))


@pytest.mark.parametrize("dims", [1, 3])
def test_it_is_exact_in_one_and_three_dimensions(dims: int) -> None:
    torch.manual_seed(0)
    model = EDNN(SMALL, focus=2, context=2, dims=dims, channels=2).double()
    require_exact(model, field(1, 2, *[4] * dims))


@pytest.mark.parametrize(
    "other",
    [
        {"subnet": SMALL_ANN, "f": 2, "c": 1, "coarse": 2},
        {"subnet": SMALL_ANN, "f": 1, "c": 0, "space": "complex"},
        {"subnet": SMALL_ANN, "f": 1, "c": 0, "space": "power", "wave_number": True},
        {"subnet": Spectral, "f": 1, "c": 0, "space": "spectrum"},
    ],
    ids=["coarse", "complex", "power", "spectrum"],
)
def test_it_is_exact_through_branches(other: dict[str, Any]) -> None:
    torch.manual_seed(0)
    branches = {"fine": partial(Branch, SMALL_ANN, f=2, c=1), "other": partial(Branch, **other)}
    require_exact(MultiScale(branches).double(), field(1, 1, 4, 4))


def test_an_ensemble_has_the_mean_derivative() -> None:
    models, x = [EDNN(SMALL, focus=4, context=2).double() for _ in range(2)], field(1, 1, 8, 8)
    joined = ensemble(models)
    assert isinstance(joined, FieldModel)
    mean = (models[0].derivative(x) + models[1].derivative(x)) / 2
    torch.testing.assert_close(joined.derivative(x), mean)


def test_a_supercell_repeats_the_derivative() -> None:
    model, x = EDNN(SMALL, focus=4, context=3).double(), field(1, 1, 8, 8)
    expected = model.derivative(x).repeat(1, 1, 2, 3)
    torch.testing.assert_close(model.derivative(x.repeat(1, 1, 2, 3)), expected)


def test_a_spacing_makes_it_one_per_volume() -> None:
    model, x = EDNN(SMALL, focus=4, context=2).double(), field(1, 1, 8, 8)
    plain = model.derivative(x)
    model.info = DatasetInfo(unnamed_outputs(1), spacing=(0.5, 0.25))
    torch.testing.assert_close(model.derivative(x), plain / 0.125)


def test_a_loss_of_it_has_a_gradient() -> None:
    model = EDNN(SMALL, focus=4, context=2).double()
    _, slope = model.with_slopes(field(1, 1, 8, 8), ["derivative"], create_graph=True)
    slope.square().sum().backward()
    assert all(weight.grad.abs().max() > 0 for weight in list(model.parameters())[:-1])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"alphabet": [-1, 1]}, "its fields have single values, like spins"),
        ({"outputs": 2}, "it has 2 outputs, and a derivative is one of one output"),
    ],
)
def test_what_has_no_derivative_says_why(settings: dict, words: str) -> None:
    model = EDNN(ANN, focus=2, context=1, **settings)
    with pytest.raises(InputError, match=f"can't predict derivative: {words}"):
        model.derivative(torch.ones(1, 1, 4, 4))


def test_fields_have_no_forces() -> None:
    with pytest.raises(InputError, match="can't predict forces: it takes fields"):
        EDNN(ANN, focus=2, context=1).with_slopes(torch.ones(1, 1, 4, 4), ["forces"])
