"""Muon beside AdamW: which weights each trains, its orthogonal step, and bad settings."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from ednn.core.branch import Branch
from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.multiscale import MultiScale
from ednn.core.subnets import DNN
from ednn.core.subnets.fcn import FCN
from ednn.training.optimizers import muon, settings_of, weights_before_last
from tests.commands.test_bad_input import refused
from tests.conftest import SHARED, SMALL

DEEP = partial(FCN, widths=(6, 12, 5))


def test_every_weight_has_one_optimizer_and_those_before_the_last_have_muon() -> None:
    branches = {name: partial(Branch, DEEP, f=2, c=2) for name in ("one", "two")}
    for model, count in ((EDNN(DNN, 8, 4), 14), (EDNN(DEEP, 2, 2), 3), (MultiScale(branches), 6)):
        first, rest = (group["params"] for group in muon(model, 0.01, 1e-3).param_groups)
        assert len(first) == count
        assert all(weight.ndim > 1 for weight in first)
        together = sorted(map(id, [*first, *rest]))
        assert together == sorted(map(id, model.parameters()))


def test_a_step_of_a_kernel_is_orthogonal_and_of_the_known_size() -> None:
    torch.manual_seed(0)
    model = EDNN(DEEP, 2, 2)
    kernels = weights_before_last(model)
    before = [kernel.detach().clone() for kernel in kernels]
    among = {id(kernel) for kernel in kernels}
    others = [p for p in model.parameters() if id(p) not in among]
    still = [p.detach().clone() for p in others]
    optimizer = muon(model, lr=0.01, adamw_lr=0.0)
    model(torch.randn(3, 1, 8, 8)).square().sum().backward()
    optimizer.step()
    for kernel, old in zip(kernels, before, strict=True):
        step = (kernel.detach() - old).flatten(1)
        factor = max(1, step.shape[0] / step.shape[1]) ** 0.5
        sizes = torch.linalg.svdvals(step) / (0.01 * factor)  # Newton–Schulz leaves 0.7 to 1.2
        assert ((sizes > 0.5) & (sizes < 1.3)).all()
    assert all(torch.equal(p, old) for p, old in zip(others, still, strict=True))  # at rate 0


def test_a_network_without_weights_before_last_is_trained_and_told() -> None:
    model = EDNN(nn.Sequential(nn.Flatten(), nn.Linear(16, 1)), 2, 1)
    with pytest.warns(UserWarning, match="AdamW trains all of it"):
        optimizer = muon(model, lr=0.01, adamw_lr=1e-3)
    before = [p.detach().clone() for p in model.parameters()]
    model(torch.randn(3, 1, 4, 4)).square().sum().backward()
    optimizer.step()
    assert all(not torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))


@pytest.mark.parametrize("error", [InputError, ModuleNotFoundError, AttributeError, KeyError])
def test_bugs_and_missing_packages_are_no_refused_settings(error: type[Exception]) -> None:
    with pytest.raises(error) as raised, settings_of("optimizer", {"_target_": "mine.Adam"}):
        raise error("lr")
    assert raised.type is error
    assert "mine.Adam" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["task=muon", "task.optimizer.adamw_lr=-1"], "task.optimizer does not go with ednn."),
        (["+task.optimizer.momentun=1"], "momentun"),
        (["task.optimizer.lr=abc"], "task.optimizer.lr=abc is not possible; give a number"),
        (["task=onecycle", "task.scheduler.max_lr=[1,2,3]"], "task.scheduler does not go with"),
        (["task.huber_delta=0"], "task.huber_delta=0 is not possible; give a number above 0"),
        (["task.huber_delta=true"], "task.huber_delta=True is not possible"),
        (["task.force_weight=-1"], "task.force_weight=-1 is not possible; give a number in Å²"),
    ],
)
def test_bad_settings_are_refused(tmp_path: Path, arguments: list[str], words: str) -> None:
    assert words in refused(tmp_path, "train.py", *SMALL, SHARED, *arguments)
