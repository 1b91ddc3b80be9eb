"""The composed configs: Table I value for value, and every choice of every group composes."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

from ednn.runs.configs import CONF
from ednn.studies.lab import Lab
from ednn.studies.runner import SCALES, study_config


def composed(*overrides: str, name: str = "train") -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, overrides=list(overrides))


def test_ising_paper_is_table_1() -> None:
    cfg = composed("experiment=ising_paper")
    assert cfg.data._target_ == "ednn.data.fields.ising.IsingData"
    assert (cfg.data.L, cfg.data.dims, cfg.data.J) == (8, 2, 1.0)
    assert cfg.data.n_train == 100_000
    assert cfg.data.batch_size == 2000
    assert cfg.model.subnet._target_ == "ednn.core.subnets.ANN"
    assert (cfg.model.focus, cfg.model.context) == (1, 1)
    assert cfg.task.optimizer._target_ == "torch.optim.Adam"
    assert cfg.task.optimizer.lr == 1e-3
    assert cfg.task.scheduler is None
    assert cfg.trainer.max_epochs == 500
    assert not cfg.standardise


def test_laplacian_paper_is_table_1() -> None:
    cfg = composed("experiment=laplacian_paper")
    assert cfg.data._target_ == "ednn.data.fields.laplacian.LaplacianData"
    assert (cfg.data.side, cfg.data.stencil) == (250, "4th-order")
    assert cfg.data.n_train == 10_000
    assert cfg.data.batch_size == 100
    assert cfg.model.subnet._target_ == "ednn.core.subnets.DNN"
    assert (cfg.model.focus, cfg.model.context) == (10, 2)
    assert cfg.task.optimizer._target_ == "torch.optim.Adam"
    assert cfg.task.optimizer.lr == 1e-5
    assert cfg.task.scheduler is None
    assert "loss" not in cfg.task  # the task's own: the mean squared error
    assert cfg.trainer.max_epochs == 250
    assert not cfg.standardise


def test_dft_paper_is_table_1() -> None:
    cfg = composed("experiment=dft_paper")
    assert cfg.data._target_ == "ednn.data.structures.dft.DFTData"
    assert (cfg.data.theory, cfg.data.grid, cfg.data.gamma) == ("gfn1", 256, 0.2)
    assert cfg.data.test == 0.3
    assert cfg.data.batch_size == 100
    assert cfg.model.subnet._target_ == "ednn.core.subnets.DNN"
    assert (cfg.model.focus, cfg.model.context) == (64, 32)
    assert cfg.task.optimizer._target_ == "torch.optim.Adam"
    assert cfg.task.optimizer.lr == 1e-5
    assert cfg.task.scheduler is None
    assert cfg.trainer.max_epochs == 500


def test_the_baseline_differs_in_its_one_tile_alone() -> None:
    paper, baseline = composed("experiment=dft_paper"), composed("experiment=dft_baseline")
    assert baseline.model.focus == baseline.data.grid
    for cfg in (paper, baseline):
        cfg.tile = cfg.model = cfg.name = cfg.run = cfg.paper = None
    assert baseline == paper


def test_muon_goes_with_our_recipe_of_structures() -> None:
    task = composed("experiment=dft", "task=muon", "task.optimizer.lr=0.02").task
    assert task.optimizer == {**composed("task=muon").task.optimizer, "lr": 0.02}
    assert task.scheduler.max_lr == [0.02, task.optimizer.adamw_lr]
    other = composed("experiment=dft", "task=adamw").task
    assert other.optimizer._target_ == "torch.optim.AdamW"
    assert other.force_weight == task.force_weight == 1.0


def test_tile_is_set_in_one_place() -> None:
    cfg = composed("model=dnn", "tile.f=[2,4]", "tile.c=3", "tile.padding=reflect")
    assert cfg.model.focus == [2, 4]
    assert cfg.model.context == 3
    assert cfg.model.padding == "reflect"


@pytest.mark.parametrize(
    "choice",
    [
        f"{path.parent.name}={path.stem}"
        for path in sorted(CONF.glob("*/*.yaml"))
        if path.parent.name not in ("branch", "hydra", "scale", "study")
    ],
)
def test_every_choice_composes(choice: str) -> None:
    assert composed(choice).trainer._target_ == "lightning.Trainer"


@pytest.mark.parametrize("branch", [path.stem for path in sorted(CONF.glob("branch/*.yaml"))])
def test_every_branch_can_be_added(branch: str) -> None:
    cfg = composed("model=multiscale", f"+branch@model.branches.more={branch}")
    assert cfg.model.branches.more._target_ == "ednn.core.branch.Branch"
    assert len(cfg.model.branches) == 4


@pytest.mark.parametrize("scale", SCALES)
def test_every_study_is_made_at_every_scale(scale: str) -> None:
    cfg = composed(name="study")
    assert set(cfg.study) | {"all"} == {path.stem for path in CONF.glob("study/*.yaml")}
    for study in cfg.study.values():
        assert set(SCALES) < set(study)
        instantiate(study_config(study, scale), lab=Lab("runs", Path()))


def test_slurm_asks_for_what_the_trainer_wants() -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose(
            "train",
            ["hydra/launcher=slurm", "trainer=ddp", "trainer.devices=4", "trainer.num_nodes=2"],
            return_hydra_config=True,
        )
    launcher = cfg.hydra.launcher
    assert (launcher.nodes, launcher.tasks_per_node, launcher.gpus_per_node) == (2, 4, 4)
