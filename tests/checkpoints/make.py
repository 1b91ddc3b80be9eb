"""Make the checkpoints of this version that every later one has to read: one of each kind.

    python -m tests.checkpoints.make

Run it once for each format of checkpoints, before the next one replaces it, and commit what it
writes here: vN_KIND.ckpt, and vN_KIND.npz with inputs and this version's own predictions. Those
of format 0 were made in the same way by version 0.1.0 at commit 7cb7bdb.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import torch
from torch import Tensor

import ednn
from ednn.core.interface import ExtensiveModel
from ednn.core.upgrades import VERSION
from ednn.physics.sheets import crystal

FOLDER = Path(__file__).parent
DATA = FOLDER.parents[1] / "data" / "dft"
FEW = ["data.n_train=400", "data.n_val=100", "data.n_test=100", "data.batch_size=100"]
FIELDS = ["data=hdf5", "data.batch_size=20", "task=onecycle", "tile.f=4"]
MULTISCALE = [
    *("model=multiscale", "data=coulomb", "data.L=8", "task=onecycle", *FEW),
    *("+branch@model.branches.power=reciprocal", "model.branches.power.space=power"),
    *("model.branches.power.wave_number=true", "model.branches.coarse.coarse=2"),
    *("+model.branches.real.subnet.hidden=8", "+model.branches.coarse.subnet.hidden=8"),
]
RESUMED = "callbacks.best.save_weights_only=false"  # shows that a run can be resumed
KINDS = {  # the words of each training, and the shape and kind of the fields that it predicts
    "ising_ann": (["data=ising", "model=ann", *FEW, RESUMED], (3, 1, 8, 12), "spins"),
    "fields_dnn": (
        [*FIELDS, "data.path=plain.h5", "model=dnn", "tile.c=2"],
        (2, 1, 8, 12),
        "noise",
    ),
    "channels_fcn": (
        [
            *(*FIELDS, "data.path=rgb.h5", "data.y=[energy,gap]", "data.unit=eV", "model=fcn"),
            *("model.subnet.widths=[8,8,8]", "model.subnet.stride=2", "tile.c=3"),
            "tile.padding=reflect",
        ],
        (2, 3, 8, 12),
        "noise",
    ),
    "fields_bf16": (
        [
            *(*FIELDS, "data.path=plain.h5", "model=fcn", "model.subnet.widths=[8,8]"),
            *("tile.c=2", "trainer.precision=bf16-true"),
        ],
        (2, 1, 8, 12),
        "noise",
    ),
    "laplacian_site_ann": (
        ["experiment=laplacian", "data.n_train=10", "data.n_val=4", "data.n_test=4"],
        (2, 1, 20, 30),
        "noise",
    ),
    "coulomb_multiscale": (MULTISCALE, (3, 1, 8, 16), "spins"),
    "dft_fcn": (
        [
            *("experiment=dft", "data.theory=pbe", f"data.path={DATA / 'pbe.h5'}"),
            *("model.subnet.widths=[8,8,8,8,8]", "trainer.precision=32-true"),
        ],
        (),
        "structure",
    ),
}


def main() -> None:
    """Train one of each kind for two epochs, and keep it with its predictions."""
    with TemporaryDirectory() as folder:
        _write_fields(Path(folder))
        for kind, (words, shape, values) in KINDS.items():
            command = ["train", *words, "trainer.max_epochs=2", "name=kept", f"run={kind}"]
            subprocess.run([sys.executable, "-m", "ednn", *command], cwd=folder, check=True)
            best = Path(folder, "outputs", "kept", kind, "checkpoints", "best.ckpt")
            shutil.copy(best, FOLDER / f"v{VERSION}_{kind}.ckpt")
            arrays = _predictions(ednn.load_model(best), shape, values)
            np.savez_compressed(FOLDER / f"v{VERSION}_{kind}.npz", **arrays)  # type: ignore[arg-type]


def _write_fields(folder: Path) -> None:
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(200, 8, 8))
    colours = rng.normal(size=(200, 8, 8, 3)) * [1, 2, 3] + 5
    with h5py.File(folder / "plain.h5", "w") as file:
        file["images"], file["labels"] = plain, (plain**2).sum((1, 2))
    with h5py.File(folder / "rgb.h5", "w") as file:
        file["images"], file["gap"] = colours, colours.sum((1, 2, 3))
        file["energy"] = (colours**2).sum((1, 2, 3))


def _predictions(
    model: ExtensiveModel, shape: tuple[int, ...], values: str
) -> dict[str, np.ndarray]:
    """Return inputs of a model and what it predicts for them."""
    if values == "structure":
        sheet = crystal()
        columns = (sheet.numbers, sheet.positions, sheet.cell)
        batch = ednn.StructureBatch(*(torch.from_numpy(column)[None] for column in columns))
        energy, forces = model.with_slopes(batch, ["forces"])
        inputs = {name: _array(value) for name, value in batch._asdict().items()}
        known = {"forces": _array(forces), "contributions": _array(model.contributions(batch))}
        return inputs | known | {"prediction": _array(energy)}
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(shape, generator=generator).to(
        torch.promote_types(model.precision, torch.float32)
    )
    field = noise.sign() if values == "spins" else noise
    known = {
        "prediction": _array(model(field)),
        "contributions": _array(model.contributions(field)),
    }
    return known | {"field": field.numpy()}


def _array(values: Tensor) -> np.ndarray:
    values = values.detach()
    return (values.double() if values.is_floating_point() else values).numpy()


if __name__ == "__main__":
    main()
