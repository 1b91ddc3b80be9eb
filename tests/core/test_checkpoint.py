"""Models as plain values: built, stored, read back; what doesn't fit is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ednn
from ednn.core.build import build_model
from ednn.core.checkpoint import KEY, describe, load_weights, read_checkpoint
from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo, unnamed_outputs
from ednn.core.interface import ExtensiveModel
from ednn.core.structure_batch import StructureBatch
from ednn.core.upgrades import VERSION

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
SPECS = {
    "ising": {"subnet": {"_target_": "ednn.core.subnets.ANN"}, "focus": 1, "context": 1},
    "spins": {
        "subnet": {"_target_": "ednn.core.subnets.ANN"},
        "focus": [2, 4],
        "context": [1, 0],
        "padding": "zeros",
        "outputs": 2,
        "alphabet": [-1.0, 1.0],
    },
    "chain": {"subnet": {"_target_": "ednn.core.subnets.DNN"}, "focus": 4, "context": 2, "dims": 1},
    "volume": {
        "subnet": {"_target_": "ednn.core.subnets.ANN"},
        "focus": 2,
        "context": 1,
        "dims": 3,
        "channels": 2,
    },
}


SEEN = ("dims", "channels", "alphabet", "nearest")


def made(name: str = "ising", **changes: Any) -> ExtensiveModel:
    """Make a model from a named config with some changes."""
    config: dict[str, Any] = {"_target_": "ednn.core.model.EDNN", **SPECS[name], **changes}
    outputs = config.pop("outputs", 1)
    told = {key: config.pop(key) for key in SEEN if key in config}
    if "alphabet" in told:
        told["alphabet"] = tuple(told["alphabet"])
    return build_model(config, DatasetInfo(unnamed_outputs(outputs), **told))


def save(path: Path, model: ExtensiveModel) -> Path:
    """Write what a training checkpoint holds of a model."""
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    about = describe(model, {"data": "IsingData", "settings": {}})
    torch.save({"state_dict": state, KEY: about}, path)
    return path


@pytest.mark.parametrize("precision", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", SPECS)
def test_round_trip_keeps_predictions_in_physical_units(
    name: str, precision: torch.dtype, tmp_path: Path
) -> None:
    model = made(name).to(precision).eval()
    info = model.info
    field = 2.0 * torch.randint(2, (5, info.channels, *[8] * info.dims)) - 1
    target = 50 * torch.randn(20, len(info.outputs)) - 300
    model.fit_normalisation(lambda rows: field.repeat(4, *[1] * (info.dims + 1))[rows], target,
                            torch.full((20,), 64))  # fmt: skip
    loaded = ednn.load_model(save(tmp_path / "best.ckpt", model))
    assert not loaded.training
    assert loaded.precision == precision
    assert torch.equal(loaded(field), model(field))
    assert (loaded.info, loaded.tiling) == (info, model.tiling)


def test_the_nearest_neighbours_that_it_saw_travel_with_a_model(tmp_path: Path) -> None:
    path = save(tmp_path / "best.ckpt", made(nearest=(1.2, 1.6)))
    assert ednn.load_model(path).info.nearest == (1.2, 1.6)
    before = ednn.load_model(CHECKPOINTS / "v1_dft_fcn.ckpt").info
    assert before.nearest is None
    assert (before.per_element, before.channels) == (False, 1)


def test_our_own_classes_go_by_names_that_stay(tmp_path: Path) -> None:
    about = read_checkpoint(save(tmp_path / "best.ckpt", made()))[KEY]
    assert about["version"] == VERSION
    assert about["config"]["_target_"] == "EDNN"
    assert about["config"]["subnet"] == {"_target_": "ANN"}


def test_only_plain_values_are_read(tmp_path: Path) -> None:
    """A checkpoint cannot run code: torch.load(weights_only=True) refuses other objects."""
    path = save(tmp_path / "best.ckpt", made())
    checkpoint = torch.load(path, weights_only=False)
    torch.save({**checkpoint, "path": Path("/")}, path)
    with pytest.raises(InputError, match=r"best\.ckpt is not an ednn checkpoint"):
        read_checkpoint(path)


def test_a_checkpoint_of_a_newer_version_says_so(tmp_path: Path) -> None:
    path = save(tmp_path / "best.ckpt", made())
    checkpoint = torch.load(path, weights_only=True)
    checkpoint[KEY]["version"] = 99
    torch.save(checkpoint, path)
    with pytest.raises(InputError, match=r"best\.ckpt: this checkpoint has format 99.*update ednn"):
        read_checkpoint(path)


OLD = sorted(path.stem for path in CHECKPOINTS.glob("*.ckpt"))


@pytest.mark.parametrize("name", OLD)
def test_a_checkpoint_predicts_what_it_did_in_its_own_version(name: str) -> None:
    """What earlier versions wrote, with their own predictions beside it; kept for ever."""
    model = ednn.load_model(CHECKPOINTS / f"{name}.ckpt")
    model.values_seen = None  # some predict noise that is unlike the fields of their training
    with np.load(CHECKPOINTS / f"{name}.npz") as stored:
        expected = {key: torch.from_numpy(stored[key]) for key in stored}
    inputs: Any
    if model.info.takes == "structures":
        cell = expected["cell"]  # earlier versions had the sides of rectangular cells, (B, 2)
        cell = cell.diag_embed() if cell.ndim == 2 else cell
        inputs = StructureBatch(expected["numbers"], expected["positions"], cell)
        prediction, forces = model.with_slopes(inputs, ["forces"])
        torch.testing.assert_close(forces, expected["forces"], rtol=1e-4, atol=1e-5)
    else:
        inputs = expected["field"]
        prediction = model(inputs)
    model.check(inputs)
    rtol = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2}[model.precision]
    for got, key in ((prediction, "prediction"), (model.contributions(inputs), "contributions")):
        scale = expected[key].abs().max().item()
        torch.testing.assert_close(
            got.double(), expected[key].double(), rtol=rtol, atol=rtol * scale
        )


def test_there_is_an_old_checkpoint_of_every_kind() -> None:
    kinds = {name.removeprefix("v0_") for name in OLD if name.startswith("v0_")}
    assert kinds >= {"ising_ann", "fields_dnn", "channels_fcn", "fields_bf16"}
    assert kinds >= {"laplacian_site_ann", "coulomb_multiscale", "dft_fcn", "ising_rectangles"}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"focus": 0}, ["f=0"]),
        ({"context": -2}, ["c=-2"]),
        ({"context": 0.5}, ["c=0.5"]),
        ({"dims": 4}, ["dims=4"]),
        ({"focus": [1, 2, 3]}, ["[1, 2, 3]", "2 axes"]),
        ({"padding": "mirror"}, ["'mirror'", "periodic, zeros, reflect, replicate"]),
        ({"depth": 3}, ["ednn.core.model.EDNN", "'depth'"]),
        (
            {"subnet": {"_target_": "ednn.core.subnets.ANN", "width": 3}},
            ["ednn.core.subnets.ANN", "'width'"],
        ),
        ({"subnet": {"_target_": "ednn.core.subnets.ResNet"}}, ["ednn.core.subnets.ResNet"]),
        ({"subnet": {"_target_": "os.system"}}, ["os.system", "torch.nn.Module"]),
        ({"subnet": {"_target_": "os"}}, ["_target_=os "]),
        ({"subnet": {"_target_": "ednn.core.tiling.Tiling"}}, ["ednn.core.tiling.Tiling"]),
        ({"subnet": {"_target_": "torch.nn.Flatten"}}, ["Flatten", "(2, 9)"]),
        ({"_target_": "subprocess.Popen"}, ["subprocess.Popen"]),
        ({"_target_": "no.such.module"}, ["no.such.module"]),
        ({"subnet": {"_target_": "ANN", "hidden": -3}}, ["EDNN cannot be made", "-3"]),
        ({"subnet": {"_target_": "FCN", "stride": 0}}, ["EDNN cannot be made", "zero"]),
        ({"subnet": {"_target_": "FCN", "widths": []}}, ["EDNN cannot be made"]),
        ({"subnet": {"_target_": "FCN", "residual": True}}, ["widths=[32, 32, 64, 64, 64]"]),
    ],
)
def test_values_that_make_no_model(changes: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(InputError) as error:
        made(**changes)
    assert all(name in str(error.value) for name in names), str(error.value)
    assert "\n" not in str(error.value)


def test_a_module_that_fails_to_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_nets.py").write_text("import numpy\nnumpy.no_such_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"broken_nets\.Net cannot be imported: .*no_such_name"):
        made(subnet={"_target_": "broken_nets.Net"})


def test_a_module_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_nets.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self, window, width=4):\n"
        "        super().__init__(\n"
        "            nn.Flatten(), nn.LazyLinear(width), nn.SiLU(), nn.Linear(width, 1)\n"
        "        )\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    model: Any = made(subnet={"_target_": "own_nets.Net", "width": 7})
    assert model.subnet[1].weight.shape == (7, 9)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"context": 2}, ["subnet.1.weight", "288", "800"]),
        ({"outputs": 2}, ["shift"]),
        ({"subnet": {"_target_": "ednn.core.subnets.DNN"}}, ["subnet.4.weight"]),
    ],
)
def test_a_checkpoint_that_does_not_fit(
    changes: dict[str, Any], names: list[str], tmp_path: Path
) -> None:
    checkpoint = read_checkpoint(save(tmp_path / "best.ckpt", made()))
    with pytest.raises(InputError, match="checkpoint doesn't fit this model") as error:
        load_weights(made(**changes), checkpoint)
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
    save(path, made())
    path.write_bytes(path.read_bytes()[:2000])


def weights_alone(path: Path) -> None:
    torch.save(made().state_dict(), path)


def tensor(path: Path) -> None:
    torch.save(torch.zeros(3), path)


@pytest.mark.parametrize(
    "write", [foreign_bytes, empty, numpy_archive, truncated, weights_alone, tensor]
)
def test_foreign_files(write: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "foreign.ckpt"
    write(path)
    with pytest.raises(InputError, match=r"foreign\.ckpt is not an ednn checkpoint") as error:
        ednn.load_model(path)
    assert "\n" not in str(error.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no checkpoint .*missing\.ckpt"):
        ednn.load_model(tmp_path / "missing.ckpt")
