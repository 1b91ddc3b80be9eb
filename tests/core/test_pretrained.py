"""Networks that come with the package: their names, and the errors that their cards promise."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

import ednn
from ednn.core.checkpoint import read_checkpoint
from ednn.core.errors import InputError
from ednn.core.loading import load_structure_model
from ednn.core.pretrained import FOLDER, located
from ednn.data.structures.dft import DFTData
from ednn.data.structures.samples import StructureDataset
from tests.commands.test_configs import composed
from tests.conftest import REPOSITORY, run


def test_every_network_has_a_card_and_is_small() -> None:
    found = sorted(FOLDER.glob("*.ckpt"))
    assert found
    for path in found:
        assert path.with_suffix(".md").is_file()
        assert path.stat().st_size < 5e6


def test_a_run_is_its_best_checkpoint_or_without_validation_its_last(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "epoch=3.ckpt").touch()
    for asked in (tmp_path, folder / "best.ckpt"):
        with pytest.raises(InputError, match=r"give one such as .*checkpoints/epoch=3.ckpt"):
            read_checkpoint(asked)
    for name in ("last.ckpt", "best.ckpt"):
        (folder / name).touch()
        assert located(tmp_path) == folder / name


def errors(network: str, theory: str, every: int) -> Tensor:
    """Return the errors of test structures in meV per atom."""
    config = composed("experiment=dft", f"data.theory={theory}").data
    shared = {k: v for k, v in config.items() if not k.startswith("_")}
    data = DFTData(**{**shared, "path": str(REPOSITORY / f"data/dft/{theory}.h5")})
    data.setup()
    assert isinstance(data.dataset, StructureDataset)
    some = torch.from_numpy(data.splits["test"][::every])
    model = load_structure_model(f"pretrained/{network}")
    with torch.no_grad():
        error = model(data.dataset.inputs(some))[:, 0] - data.dataset.labels[some, 0]
    return (1000 * error / data.dataset.sites[some]).abs()


def test_graphene_and_hbn_are_as_near_to_gfn1_as_the_card_says() -> None:
    error = errors("graphene-hbn-gfn1", "gfn1", every=80)
    assert error.mean() < 2.4  # 99 structures of 7,867, whose mean is 1.78
    assert error.median() < 1.3


def test_graphene_and_hbn_are_as_near_to_pbe_as_the_card_says() -> None:
    error = errors("graphene-hbn-pbe", "pbe", every=1)
    assert error.mean() < 2.5
    assert error.median() < 1.4


def test_an_unknown_name_is_refused_and_a_file_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="no pretrained network water; the package has graphene"):
        ednn.pretrained("water")
    monkeypatch.chdir(tmp_path)
    own = Path("pretrained/graphene-hbn-gfn1")
    own.parent.mkdir()
    own.touch()
    assert located(own) == own


def test_a_command_takes_it_by_its_name(tmp_path: Path) -> None:
    sheet = (REPOSITORY / "data/dft/gfn1_120.h5").as_posix()
    words = ["ckpt_path=pretrained/graphene-hbn-gfn1", "data=dft", f"data.path={sheet}", "run=a"]
    done = run(tmp_path, "evaluate.py", *words)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "outputs/evaluations/a/summary.json").read_text())
    assert 3 < summary["test/mean_absolute_error_per_site"] < 4.5  # the finite-size term among it
