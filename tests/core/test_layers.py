"""The core is pure torch: it loads no framework, and nothing from the folders above it."""

import ast
import subprocess
import sys
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

import pytest

import ednn
from ednn import core, physics
from tests.conftest import REPOSITORY

# Every folder may import from those before it.
LAYERS = ["core", "physics", "plots", "data", "runs", "training", "inference"]
LAYERS += ["simulation", "reports", "studies", "learning", "commands"]
FRAMEWORK = {"lightning", "pytorch_lightning", "torchmetrics", "hydra", "omegaconf"}
OTHERS = {"ase", "h5py", "matplotlib", "pandas", "scipy", "tensorboard", "tqdm", "wandb"}
CHECKPOINT = REPOSITORY / "tests" / "checkpoints" / "v0_ising_ann.ckpt"


def modules(package: ModuleType) -> list[str]:
    """Names of all modules below a package."""
    return [m.name for m in walk_packages(package.__path__, f"{package.__name__}.")]


def loaded_by(code: str) -> set[str]:
    """Names of the top-level packages that a fresh process has loaded after some code."""
    report = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\n{report}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def imported_by(path: Path) -> set[str]:
    """Folders of ednn that a file imports from, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name.split(".")[1] for name in names if name.startswith("ednn.")}


def test_core_and_physics_load_no_framework() -> None:
    assert not loaded_by("import " + ", ".join(modules(core) + modules(physics))) & FRAMEWORK


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import ednn; ednn.EDNN", marks=pytest.mark.long),
        f"import ednn; ednn.load_model({str(CHECKPOINT)!r})",
    ],
    ids=["import", "load_model"],
)
def test_python_use_needs_torch_alone(code: str) -> None:
    bare = loaded_by("import torch, io; f = io.BytesIO(); torch.save({}, f)")
    assert not (loaded_by(code) - bare) & (FRAMEWORK | OTHERS)


def test_to_import_ednn_loads_not_even_torch() -> None:
    assert "torch" not in loaded_by("import ednn")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_folder_imports_from_those_below_it_alone(layer: str) -> None:
    below = {*LAYERS[: LAYERS.index(layer) + 1], "__version__"}
    folder = Path(ednn.__file__).parent / layer
    above = {str(path): imported_by(path) - below for path in folder.rglob("*.py")}
    names = set(LAYERS)
    assert {path: found & names for path, found in above.items() if found & names} == {}


def test_the_package_has_few_entries() -> None:
    entries = [p for p in Path(ednn.__file__).parent.iterdir() if p.name != "__pycache__"]
    assert len(entries) <= 18  # twelve folders, and what is imported from `ednn` itself
