"""Models as plain values: built, stored, read back; what doesn't fit is named."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import ednn
from ednn.errors import InputError
from ednn.model import EDNN
from ednn.spec import build, load_weights, read_checkpoint
from ednn.targets import standardise

SPECS = {
    "ising": {"subnet": {"_target_": "ednn.subnets.ANN"}, "focus": 1, "context": 1},
    "spins": {
        "subnet": {"_target_": "ednn.subnets.ANN"},
        "focus": [2, 4],
        "context": [1, 0],
        "padding": "zeros",
        "outputs": 2,
        "alphabet": [-1.0, 1.0],
    },
    "chain": {"subnet": {"_target_": "ednn.subnets.DNN"}, "focus": 4, "context": 2, "dims": 1},
    "volume": {
        "subnet": {"_target_": "ednn.subnets.ANN"},
        "focus": 2,
        "context": 1,
        "dims": 3,
        "channels": 2,
    },
}


def spec(name: str = "ising", **changes: object) -> dict:
    return {"_target_": "ednn.model.EDNN", **SPECS[name], **changes}


def save(path: Path, model: nn.Module, of: dict) -> Path:
    """Write what a training checkpoint holds of a model."""
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    torch.save({"state_dict": state, "hyper_parameters": {"model": of}}, path)
    return path


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", SPECS)
def test_round_trip_keeps_predictions_in_physical_units(name, precision, tmp_path):
    model = build(spec(name)).to(precision)
    assert isinstance(model, EDNN)
    standardise(model, 50 * torch.randn(20, model.outputs) - 300, torch.full((20,), 64))
    loaded = ednn.load_model(save(tmp_path / "best.ckpt", model, spec(name)))
    field = 2.0 * torch.randint(2, (5, model.channels, *[8] * model.tiling.dims)) - 1
    assert not loaded.training
    assert loaded(field).dtype == precision
    assert torch.equal(loaded(field), model(field))
    assert loaded.tiling == model.tiling
    assert torch.equal(loaded.alphabet, model.alphabet)


def test_only_plain_values_are_read(tmp_path):
    """A checkpoint cannot run code: torch.load(weights_only=True) refuses other objects."""
    path = save(tmp_path / "best.ckpt", build(spec()), spec())
    checkpoint = torch.load(path, weights_only=False)
    torch.save({**checkpoint, "path": Path("/")}, path)
    with pytest.raises(InputError, match=r"best\.ckpt is not an ednn checkpoint"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"focus": 0}, ["f=0"]),
        ({"context": -2}, ["c=-2"]),
        ({"context": 0.5}, ["c=0.5"]),
        ({"dims": 4}, ["dims=4"]),
        ({"focus": [1, 2, 3]}, ["[1, 2, 3]", "2 axes"]),
        ({"padding": "mirror"}, ["'mirror'", "periodic, zeros, reflect, replicate"]),
        ({"depth": 3}, ["ednn.model.EDNN", "'depth'"]),
        ({"subnet": {"_target_": "ednn.subnets.ANN", "width": 3}}, ["ednn.subnets.ANN", "'width'"]),
        ({"subnet": {"_target_": "ednn.subnets.ResNet"}}, ["ednn.subnets.ResNet"]),
        ({"subnet": {"_target_": "os.system"}}, ["os.system", "torch.nn.Module"]),
        ({"subnet": {"_target_": "os"}}, ["_target_=os "]),
        ({"subnet": {"_target_": "ednn.tiles.Tiling"}}, ["ednn.tiles.Tiling"]),
        ({"subnet": {"_target_": "torch.nn.Flatten"}}, ["Flatten", "(2, 9)"]),
        ({"_target_": "subprocess.Popen"}, ["subprocess.Popen"]),
        ({"_target_": "no.such.module"}, ["no.such.module"]),
    ],
)
def test_values_that_make_no_model(changes, names):
    with pytest.raises(InputError) as error:
        build(spec(**changes))
    assert all(name in str(error.value) for name in names), str(error.value)
    assert "\n" not in str(error.value)


def test_a_module_that_fails_to_import(tmp_path, monkeypatch):
    (tmp_path / "broken_nets.py").write_text("import numpy\nnumpy.no_such_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"broken_nets\.Net cannot be imported: .*no_such_name"):
        build(spec(subnet={"_target_": "broken_nets.Net"}))


def test_a_module_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "own_nets.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self, window, width=4):\n"
        "        super().__init__(\n"
        "            nn.Flatten(), nn.LazyLinear(width), nn.SiLU(), nn.Linear(width, 1)\n"
        "        )\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    model = build(spec(subnet={"_target_": "own_nets.Net", "width": 7}))
    assert model.subnet[1].weight.shape == (7, 9)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"context": 2}, ["subnet.1.weight", "288", "800"]),
        ({"outputs": 2}, ["shift"]),
        ({"subnet": {"_target_": "ednn.subnets.DNN"}}, ["subnet.4.weight"]),
    ],
)
def test_a_checkpoint_that_does_not_fit(changes, names, tmp_path):
    checkpoint = read_checkpoint(save(tmp_path / "best.ckpt", build(spec()), spec()))
    with pytest.raises(InputError, match="checkpoint doesn't fit this model") as error:
        load_weights(build(spec(**changes)), checkpoint)
    assert all(name in str(error.value) for name in names), str(error.value)
    assert len(str(error.value)) < 300


def foreign_bytes(path: Path) -> None:
    path.write_bytes(b"not a checkpoint")


def empty(path: Path) -> None:
    path.touch()


def numpy_archive(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


def truncated(path: Path) -> None:
    save(path, build(spec()), spec())
    path.write_bytes(path.read_bytes()[:2000])


def weights_alone(path: Path) -> None:
    torch.save(build(spec()).state_dict(), path)


def tensor(path: Path) -> None:
    torch.save(torch.zeros(3), path)


@pytest.mark.parametrize(
    "write", [foreign_bytes, empty, numpy_archive, truncated, weights_alone, tensor]
)
def test_foreign_files(write, tmp_path):
    path = tmp_path / "foreign.ckpt"
    write(path)
    with pytest.raises(InputError, match=r"foreign\.ckpt is not an ednn checkpoint") as error:
        ednn.load_model(path)
    assert "\n" not in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"no checkpoint .*missing\.ckpt"):
        ednn.load_model(tmp_path / "missing.ckpt")
