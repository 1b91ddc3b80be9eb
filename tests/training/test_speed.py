"""Settings of speed: the same step but for rounding."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from ednn.core.errors import InputError
from ednn.core.model import EDNN
from ednn.core.precision import full_precision
from ednn.core.subnets import DNN
from ednn.core.subnets.fcn import FCN
from ednn.training.speed import check_speed, speed_up
from tests.commands.test_bad_input import refused

SMALL_FCN = partial(FCN, widths=(4, 5))


def gradients(model: EDNN, field: torch.Tensor) -> list[torch.Tensor]:
    model(field).square().sum().backward()
    return [weight.grad for weight in model.parameters() if weight.grad is not None]


def assert_same(
    subnet: Callable[..., torch.nn.Module],
    dims: int = 2,
    padding: str = "periodic",
    **settings: bool,
) -> None:
    """Compare the gradients with and without some settings."""
    torch.manual_seed(0)
    plain = EDNN(subnet, 4, 2, dims, padding=padding)
    fast = EDNN(subnet, 4, 2, dims, padding=padding)
    fast.load_state_dict(plain.state_dict())
    off = {"compile": False, "channels_last": False, "tf32": False}
    speed_up(fast, **{**off, **settings})
    field = torch.randn(3, 1, *[8] * dims)
    for got, expected in zip(gradients(fast, field), gradients(plain, field), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    assert fast.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_channels_last_changes_no_gradient(dims: int) -> None:
    assert_same(DNN, dims, channels_last=True)


def test_channels_last_reaches_every_convolution() -> None:
    model = EDNN(DNN, 4, 2)
    speed_up(model, compile=False, channels_last=True, tf32=False)
    assert {w.stride()[1] for w in model.parameters() if w.ndim == 4 and w.shape[1] > 1} == {1}


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own compiler
@pytest.mark.parametrize("padding", ["periodic", "zeros"])  # the whole field, and blocks of it
def test_compiling_changes_no_gradient(padding: str) -> None:
    from torch._inductor import config  # takes a while to import

    torch.compiler.reset()  # shapes that other tests have compiled are none of this one's
    with config.patch(compile_threads=1):  # processes that compile would each import torch
        assert_same(SMALL_FCN, padding=padding, compile=True)


def test_full_precision_is_kept_inside_and_given_back() -> None:
    torch.set_float32_matmul_precision("high")
    a = torch.rand(8, 8)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            with full_precision(a.device):
                assert torch.get_float32_matmul_precision() == "highest"
                assert (a @ a).dtype == torch.float32
            assert (a @ a).dtype == torch.bfloat16
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_bad_settings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"speed.tf32=maybe .*true or false"):
        check_speed(False, False, "maybe", slopes=False)
    monkeypatch.setenv("CXX", "sh")  # is everywhere
    with pytest.raises(InputError, match=r"task.force_weight=0"):
        check_speed(True, False, False, slopes=True)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match=r"no no-such-compiler here"):
        check_speed(True, False, False, slopes=False)


def test_bad_settings_end_before_processes_start(tmp_path: Path) -> None:
    words = refused(tmp_path, "train.py", "speed.compile=maybe", "trainer=ddp_sim")
    assert "speed.compile=maybe" in words
