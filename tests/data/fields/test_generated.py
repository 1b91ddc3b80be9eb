"""What the generated data sets share: files that are named after all that made them."""

from pathlib import Path
from typing import Any

import pytest

from ednn.core.checkpoint import KEY, read_checkpoint
from ednn.core.errors import InputError
from ednn.data.fields.coulomb import CoulombData
from ednn.data.fields.fermions import FermionData
from ednn.data.fields.generated import GeneratedData
from ednn.data.fields.hard_rods import HardRodsData
from ednn.data.fields.ising import IsingData
from ednn.data.fields.laplacian import LaplacianData
from tests.conftest import run

SHARED = {"n_train": 4, "n_val": 2, "n_test": 2, "batch_size": 2, "workers": 0, "seed": 0}
FAMILY = {"side": 16, "spacing": 0.5, "mu": [0.0, 1.0], "depth": 0.5, "smooth": [1.0, 2.0]}
KINDS: dict[type[GeneratedData], dict[str, Any]] = {
    IsingData: {"L": 4, "dims": 2, "J": 1.0},
    LaplacianData: {"side": 50, "stencil": "5-point", "powers": [1.0]},
    CoulombData: {
        "L": 4,
        "screening": None,
        "strength": 1.0,
        "neighbour": -1.0,
        "binary": True,
    },
    FermionData: {"kT": 0.2, "excess": True, "dims": 1, **FAMILY},
    HardRodsData: {"sigma": 1.0, **FAMILY},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_generator_makes_new_files(
    kind: type[GeneratedData], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kind(**KINDS[kind], **SHARED, cache=str(tmp_path))
    path, settings = before.path, before.settings
    monkeypatch.setattr(kind, "generator", kind.generator + 1)
    after = kind(**KINDS[kind], **SHARED, cache=str(tmp_path))
    assert after.path != path
    with pytest.raises(InputError, match="its generator differ"):
        after.load_state_dict(settings)


def test_a_checkpoint_knows_the_generator_of_its_data(trained: Path) -> None:
    trained_on = read_checkpoint(trained / "checkpoints" / "best.ckpt")[KEY]["trained_on"]
    assert trained_on["data"] == "IsingData"
    assert trained_on["settings"]["generator"] == IsingData.generator


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (IsingData, {"J": 2.0}),
        (IsingData, {"target": "magnetisation"}),
        (IsingData, {"bonds": "triangular"}),
        (LaplacianData, {"stencil": "4th-order"}),
        (CoulombData, {"screening": 4.0}),
        (CoulombData, {"strength": 2.0}),
        (CoulombData, {"neighbour": 0.0}),
        (CoulombData, {"binary": False}),
        (FermionData, {"kT": 0.1}),
        (FermionData, {"spacing": 0.25}),
        (HardRodsData, {"sigma": 2.0}),
        (HardRodsData, {"spacing": 0.25}),
    ],
)
def test_a_model_of_one_law_is_not_tested_on_another(
    kind: type[GeneratedData], change: dict[str, Any], tmp_path: Path
) -> None:
    trained_on = kind(**KINDS[kind], **SHARED, cache=str(tmp_path)).settings
    other = kind(**{**KINDS[kind], **change}, **SHARED, cache=str(tmp_path))
    (name,) = change
    with pytest.raises(InputError, match=f"trained with data.{name}="):
        other.test_only(trained_on)


def test_a_model_of_one_unit_is_not_tested_in_another(trained: Path, tmp_path: Path) -> None:
    checkpoint = f"ckpt_path={trained / 'checkpoints' / 'best.ckpt'}"
    done = run(tmp_path, "evaluate.py", checkpoint, "data=coulomb", "data.L=8", "data.n_test=4")
    assert done.returncode != 0
    assert "predicts energy in J, but the data has energy in A" in done.stderr
