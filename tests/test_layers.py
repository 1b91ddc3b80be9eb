"""The core is pure torch: it loads neither the training framework nor the configuration."""

import subprocess
import sys
from pkgutil import iter_modules

import pytest

from ednn import physics

CORE = [
    *[
        f"ednn.{name}"
        for name in (
            *("tiles", "distinct", "subnets", "model", "targets", "spec", "atomistic"),
            *("flips", "montecarlo"),
        )
    ],
    *[f"ednn.physics.{module.name}" for module in iter_modules(physics.__path__)],
]
FRAMEWORK = {"lightning", "pytorch_lightning", "torchmetrics", "hydra", "omegaconf"}
OTHERS = {"ase", "h5py", "matplotlib", "pandas", "scipy", "tensorboard", "tqdm", "wandb"}

SAVE = """
import torch, ednn
spec = {"_target_": "ednn.model.EDNN", "subnet": {"_target_": "ednn.subnets.ANN"},
        "focus": 1, "context": 1, "alphabet": [-1.0, 1.0]}
model = ednn.spec.build(spec)
state = {f"model.{name}": value for name, value in model.state_dict().items()}
torch.save({"state_dict": state, "hyper_parameters": {"model": spec}}, "best.ckpt")
"""


def loaded_by(code: str, folder: str = ".") -> set[str]:
    """Names of the top-level packages that a fresh process has loaded after some code."""
    report = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\n{report}"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_the_core_loads_no_framework():
    assert not loaded_by("import " + ", ".join(CORE)) & FRAMEWORK


@pytest.mark.parametrize(
    "code",
    ["import ednn", SAVE + "ednn.load_model('best.ckpt')(torch.ones(1, 1, 8, 8))"],
    ids=["import", "load_model"],
)
def test_python_use_needs_torch_alone(code, tmp_path):
    bare = loaded_by("import torch; torch.save({}, 'a.pt'); torch.load('a.pt')", tmp_path)
    loaded = loaded_by(code, tmp_path)
    assert "ednn" in loaded
    assert not (loaded - bare) & (FRAMEWORK | OTHERS)
