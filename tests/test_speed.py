"""Settings of speed: the same step but for rounding."""

import shutil
from functools import partial

import pytest
import torch

from ednn.errors import InputError
from ednn.fcn import FCN
from ednn.model import EDNN
from ednn.speed import speed_up


def net() -> EDNN:
    torch.manual_seed(0)
    return EDNN(partial(FCN, widths=(4, 5)), focus=4, context=2)


def gradients(model: EDNN) -> list[torch.Tensor]:
    field = torch.randn(3, 1, 8, 12, generator=torch.Generator().manual_seed(0))
    model(field).square().sum().backward()
    return [weight.grad for weight in model.parameters()]


@pytest.mark.parametrize(
    ("compiled", "channels_last"),
    [(False, True), pytest.param(True, False, marks=pytest.mark.slow)],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own compiler
def test_gradients_stay(compiled: bool, channels_last: bool) -> None:
    if compiled and not shutil.which("g++"):
        pytest.skip("torch.compile needs a C++ compiler")
    model = net()
    speed_up(model, compiled, channels_last, "highest", forces=False)
    for got, expected in zip(gradients(model), gradients(net()), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    assert model.state_dict().keys() == net().state_dict().keys()


def test_channels_last_reaches_every_convolution() -> None:
    model = net().to(memory_format=torch.contiguous_format)
    speed_up(model, False, True, "highest", forces=False)
    strides = {w.stride()[1] for w in model.parameters() if w.ndim == 4 and w.shape[1] > 1}
    assert strides == {1}


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InputError, match=r"speed.matmul=low .*highest, high, medium"):
        speed_up(net(), False, False, "low", forces=False)
    with pytest.raises(InputError, match=r"task.force_weight=0"):
        speed_up(net(), True, False, "highest", forces=True)
