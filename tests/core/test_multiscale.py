"""Branches of every kind: exact multiples of replicas, blocks, warnings, commands."""

from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from ednn.core import branch as branch_module
from ednn.core.branch import Branch
from ednn.core.build import build_model
from ednn.core.checkpoint import KEY, build_from, describe
from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo, unnamed_outputs
from ednn.core.model import EDNN
from ednn.core.multiscale import DeepJoin, MultiScale
from ednn.core.subnets import ANN, Spectral
from ednn.core.subnets.fcn import FCN
from ednn.core.upgrades import upgrade
from ednn.data.formats.hdf5 import HDF5Numbers
from ednn.inference.field_job import FieldJob
from tests.conftest import run

BRANCHES = {
    "real": partial(Branch, ANN, 2, 1),
    "fully convolutional": partial(Branch, FCN, 2, 3),
    "coarse": partial(Branch, ANN, 2, 1, coarse=2),
    "spectrum": partial(Branch, Spectral, 1, 0, space="spectrum"),
    "coarse spectrum": partial(Branch, Spectral, 1, 0, space="spectrum", coarse=2),
    "power": partial(Branch, Spectral, 1, 0, space="power", wave_number=True),
    "complex": partial(Branch, Spectral, 1, 0, space="complex"),
    "complex with |k|": partial(Branch, Spectral, 1, 0, space="complex", wave_number=True),
}


def model(*names: str, **options: Any) -> MultiScale:
    torch.manual_seed(0)
    made = MultiScale({name.replace(" ", "_"): BRANCHES[name] for name in names}, **options)
    made.shift.fill_(0.25)
    made.scale.fill_(2.0)
    return made.double()


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", BRANCHES)
def test_a_replica_has_exactly_the_multiple(name: str, channels: int, dims: int) -> None:
    net = model(name, channels=channels, outputs=2, dims=dims)
    field = torch.randn(3, channels, *(8, 12)[:dims], dtype=torch.float64)
    replica = field.repeat(1, 1, *(2, 2)[:dims])
    torch.testing.assert_close(net(replica), 2**dims * net(field), rtol=1e-10, atol=1e-10)


def test_a_wave_number_is_that_of_the_lattice_whatever_the_blocks() -> None:
    """A wave of k = π/4 per site, seen on sites and on blocks of two."""

    class Itself(torch.nn.Module):
        def forward(self, k: torch.Tensor) -> torch.Tensor:
            return k.flatten(1)

    wave = torch.cos(torch.pi / 4 * torch.arange(16, dtype=torch.float64))[None, None]
    for coarse in (1, 2):
        branch = Branch(Itself(), 1, 0, space="spectrum", dims=1, coarse=coarse).double()
        power = branch.seen(wave).sum() * 16  # all of it at |k| = π/4
        torch.testing.assert_close(branch(wave)[0, 0], torch.pi / 4 * power)


@pytest.mark.parametrize("name", ["coarse spectrum", "coarse power"])
def test_a_checkpoint_of_format_1_keeps_its_wave_numbers_per_block(name: str) -> None:
    config = {"_target_": "Branch", "subnet": {"_target_": "Spectral"}, "f": 1, "c": 0, "coarse": 2}
    kind = {"space": name.split()[1], "wave_number": name == "coarse power"}
    model_config = {"_target_": "MultiScale", "branches": {"far": {**config, **kind}}}
    net = build_model(model_config, DatasetInfo(unnamed_outputs(1))).double()
    state = {f"model.{key}": value for key, value in net.state_dict().items()}
    about = {**describe(net, {}), "version": 1}
    old = build_from(upgrade({"state_dict": state, KEY: about}))
    field = torch.randn(2, 1, 8, 12, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        per_site = branch_module._wave_numbers
        patch.setattr(branch_module, "_wave_numbers", lambda *a: 2 * per_site(*a))
        expected = net(field)
    torch.testing.assert_close(old(field), expected)
    assert not torch.allclose(net(field), expected)


def test_all_branches_together_are_extensive() -> None:
    net = model(*BRANCHES)
    field = torch.randn(2, 1, 8, 12, dtype=torch.float64)
    torch.testing.assert_close(net(field.repeat(1, 1, 2, 2)), 4 * net(field), rtol=1e-10, atol=0)


def test_the_parts_of_the_branches_add_up_to_the_whole() -> None:
    """In the single precision of a real training too, where the sums are double."""
    net = model("real", "coarse", "power", outputs=2).float()
    net.shift, net.scale = net.shift.double(), net.scale.double()
    field = torch.randn(3, 1, 8, 8)
    whole = torch.stack(list(net.parts(field).values())).sum(0) + net.shift * 64
    torch.testing.assert_close(whole, net(field), rtol=1e-6, atol=1e-6)


def test_a_spectrum_can_be_a_nearest_neighbour_energy() -> None:
    """Σ_r q(r) q(r + x) = N Σ_k |q_k|² cos kx: in one dimension a function of |k|."""

    class Cosine(torch.nn.Module):
        def forward(self, number: torch.Tensor) -> torch.Tensor:  # (n, 1, 1)
            return number.flatten(1).cos()

    branch = Branch(Cosine(), 1, 0, dims=1, space="spectrum").double()
    field = torch.randn(4, 1, 10, dtype=torch.float64)
    expected = (field * field.roll(1, 2)).sum(2)
    torch.testing.assert_close(branch(field), expected, rtol=1e-12, atol=1e-12)


def test_tiles_of_several_wave_vectors_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="not extensive"):
        Branch(ANN, 2, 1, space="complex")


def test_a_deeper_join_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="extensivity"):
        net = model("real", "coarse", join=DeepJoin)
    assert "linearly" in net.indivisible
    field = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(net.contributions(field)[:, 0, 0], net(field))


@pytest.mark.parametrize("padding", ["periodic", "zeros"])
def test_blocks_and_tiles_give_what_the_whole_gives(tmp_path: Path, padding: str) -> None:
    names = ("real", "fully convolutional", "coarse")
    branches = {n.replace(" ", "_"): partial(BRANCHES[n], padding=padding) for n in names}
    net = MultiScale(branches, outputs=2).double()
    net.shift.fill_(0.25)
    assert not net.indivisible
    field = torch.randn(2, 1, 16, 12, dtype=torch.float64)
    assert net.tiling.focus == (4, 4)
    assert net.tiling.context == (4, 4)
    torch.testing.assert_close(net.contributions(field).sum((1, 2)), net(field), rtol=1e-10, atol=0)
    with h5py.File(tmp_path / "fields.h5", "w") as file:
        stored = file.create_dataset("fields", data=field[:, 0].numpy())
        work = FieldJob(net, HDF5Numbers(stored), 150)
        assert len(work.pieces) > 4
        total = sum(
            work.evaluate(piece)["contributions"].sum((0, 1, 2))
            for piece in work.pieces
            if piece.samples.start == 0
        )
    np.testing.assert_allclose(total, net(field)[0].detach(), rtol=1e-10)


def test_what_has_no_blocks_says_why(tmp_path: Path) -> None:
    net = model("real", "spectrum")
    with h5py.File(tmp_path / "fields.h5", "w") as file:
        stored = HDF5Numbers(file.create_dataset("fields", data=np.ones((1, 16, 16))))
        (piece,) = FieldJob(net, stored, 1000).pieces
        assert piece.block is None
        with pytest.raises(InputError, match="reciprocal space, which takes the whole"):
            FieldJob(net, stored, 100)


def test_discrete_fields_are_looked_up() -> None:
    spins = torch.randint(0, 2, (50, 1, 8, 8)) * 2.0 - 1
    torch.manual_seed(0)
    fast = MultiScale({"real": partial(Branch, ANN, 1, 1)}, alphabet=[-1.0, 1.0])
    torch.manual_seed(0)
    slow = MultiScale({"real": partial(Branch, ANN, 1, 1)})
    ((_, branch),) = fast.named()
    assert branch.net.info.alphabet == (-1.0, 1.0)
    torch.testing.assert_close(fast(spins), slow(spins), rtol=1e-5, atol=1e-4)


def test_one_real_branch_is_an_ednn() -> None:
    torch.manual_seed(0)
    net = model("real")
    net.join.get_parameter("weight").data.fill_(1.0)
    single = EDNN(ANN, 2, 1).double()
    ((_, branch),) = net.named()
    single.subnet.load_state_dict(branch.net.subnet.state_dict())
    single.scale.fill_(2.0)
    single.shift.fill_(0.25)
    field = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(net(field), single(field), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"space": "imaginary"}, "space=imaginary is unknown"),
        ({"coarse": 0}, "coarse=0"),
        ({"wave_number": True}, "not with real"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Branch(ANN, 1, 1, **settings)


def test_blocks_that_do_not_fit_are_refused() -> None:
    net = MultiScale({"coarse": partial(Branch, ANN, 1, 1, coarse=3)})
    with pytest.raises(InputError, match="coarse=3"):
        net.check(torch.zeros(1, 1, 8, 8))


@pytest.mark.slow
def test_branches_are_added_and_dropped_on_the_command_line(tmp_path: Path) -> None:
    few = ["data.n_train=200", "data.n_val=40", "data.n_test=40", "data.batch_size=50"]
    words = ["model=multiscale", "data=coulomb", *few, "trainer.max_epochs=2", "run=small"]
    branches = ["~model.branches.coarse", "+branch@model.branches.far=coarse"]
    done = run(tmp_path, "train.py", *words, *branches, "model.branches.far.coarse=8")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "runs" / "small"
    assert (folder / "branches.png").exists()
    done = run(
        tmp_path,
        "predict.py",
        f"ckpt_path={folder / 'checkpoints' / 'best.ckpt'}",
        f"input={next((tmp_path / 'data' / 'cache').glob('*.h5'))}",
        "output=out.h5",
    )
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["prediction"].shape == (280, 1)
        assert file["contributions"].shape == (280, 1, 1, 1)
