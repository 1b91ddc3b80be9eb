"""Your own fields in HDF5, as the user trains, evaluates and predicts with them."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from ednn import load_model, plots
from tests.conftest import run
from tests.data.fields.test_hdf5 import COUNT, RNG, write


@pytest.fixture(scope="module")
def two_outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of a finished training on the released layout, with two outputs."""
    folder = tmp_path_factory.mktemp("two")
    images = RNG.normal(size=(200, 8, 8, 1)).astype(np.float32)
    both = np.stack([(images**2).sum((1, 2, 3)), images.sum((1, 2, 3))], axis=1)
    write(folder / "a.h5", images=images, labels=both)
    arguments = ["data=hdf5", "data.path=a.h5", "data.unit=eV", "data.workers=1", "run=two"]
    done = run(folder, "train.py", *arguments, "trainer.max_epochs=2")
    assert done.returncode == 0, done.stderr
    assert "test labels_1 median absolute error (eV per site)" in done.stdout
    assert "val. loss=" in done.stderr
    return folder


def table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "predictions.csv")


def test_every_output_has_its_errors_and_pictures(two_outputs: Path) -> None:
    folder = two_outputs / "outputs" / "runs" / "two"
    summary = json.loads((folder / "summary.json").read_text())
    for name in ("labels_0", "labels_1"):
        error = (table(folder)[f"{name}_predicted"] - table(folder)[f"{name}_true"]).abs()
        assert summary[f"test/{name}/median_absolute_error"] == pytest.approx(error.median(), 1e-5)
        assert summary[f"test/{name}/mean_absolute_error_per_site"] == pytest.approx(
            error.mean() / 64, 1e-5
        )
        for picture in ("parity", "error"):
            assert (folder / f"{picture}_{name}.png").stat().st_size > 0
    history = pd.read_csv(folder / "metrics.csv")
    errors = plots.loss_curve(history, "eV", "eV²").axes[1]
    legend = errors.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["labels 0", "labels 1"]
    assert [np.size(line.get_xdata()) for line in errors.lines] == [2, 2]
    assert summary["data"]["splits"] == {"test": 0.2, "val": 0.1}


def test_evaluation_finds_the_test_split_again(two_outputs: Path) -> None:
    arguments = ["ckpt_path=outputs/runs/two/checkpoints/best.ckpt", "data=hdf5"]
    done = run(two_outputs, "evaluate.py", *arguments, "data.path=a.h5", "seed=9", "run=again")
    assert done.returncode == 0, done.stderr
    trained, again = (two_outputs / "outputs" / name for name in ("runs/two", "evaluations/again"))
    pd.testing.assert_frame_equal(table(again), table(trained))

    with h5py.File(two_outputs / "a.h5") as file:
        one = write(two_outputs / "one.h5", images=-file["images"][()], labels=file["labels"][:, 0])
    done = run(two_outputs, "evaluate.py", *arguments, f"data.path={one}")
    assert done.stderr.splitlines()[-1] == (
        "error: The model predicts labels_0, labels_1, but the data has labels; give data with the "
        "same outputs in the same order."
    )


def test_labels_of_another_name_are_another_property_unless_told(two_outputs: Path) -> None:
    with h5py.File(two_outputs / "a.h5") as file:
        columns = {"images": file["images"][()], "volume": file["labels"][()]}
    write(two_outputs / "other.h5", **columns)
    words = ["ckpt_path=outputs/runs/two/checkpoints/best.ckpt", "data=hdf5", "data.path=other.h5"]
    done = run(two_outputs, "evaluate.py", *words, "data.y=volume")
    assert done.returncode == 1
    assert "predicts labels_0, labels_1, but the labels are volume_0, volume_1" in done.stderr
    done = run(two_outputs, "evaluate.py", *words, "data.y=volume", "extrapolate=true")
    assert done.returncode == 0, done.stderr


def test_prediction_reads_the_released_layout(two_outputs: Path) -> None:
    arguments = ["ckpt_path=outputs/runs/two/checkpoints/best.ckpt", "input=a.h5"]
    done = run(two_outputs, "predict.py", *arguments, "input_key=images", "output=predicted.h5")
    assert done.returncode == 0, done.stderr
    known = table(two_outputs / "outputs" / "runs" / "two")
    with h5py.File(two_outputs / "predicted.h5") as file:
        predicted = file["prediction"][()][known["sample"]]  # (n, 2)
        assert file.attrs["outputs"].tolist() == ["labels_0", "labels_1"]
        assert file.attrs["units"].tolist() == ["eV", "eV"]
    for i in range(2):
        np.testing.assert_allclose(predicted[:, i], known[f"labels_{i}_predicted"], rtol=1e-4)


@pytest.mark.parametrize(("dims", "shape"), [(1, (8, 2)), (3, (4, 4, 4))])
def test_lines_and_volumes_train(dims: int, shape: tuple[int, ...], tmp_path: Path) -> None:
    fields = RNG.normal(size=(COUNT, *shape))
    write(tmp_path / "a.h5", X=fields, Y=fields.reshape(COUNT, -1).sum(1))
    arguments = ["data.x=X", "data.y=Y", f"data.dims={dims}", "trainer.max_epochs=1"]
    done = run(tmp_path, "train.py", "data=hdf5", "data.path=a.h5", *arguments)
    assert done.returncode == 0, done.stderr
    (summary,) = tmp_path.rglob("summary.json")
    assert json.loads(summary.read_text())["test/mean_absolute_error"] > 0


def test_a_layout_that_the_shape_does_not_show_is_remembered(tmp_path: Path) -> None:
    """Fields (N, 4, 8, 4) may have their four channels first or last: the training knows."""
    images = RNG.normal(size=(200, 4, 8, 4)).astype(np.float32)
    labels = (images**2 * [1, 2, 3, 4]).sum((1, 2, 3))
    write(tmp_path / "a.h5", images=images, labels=labels)
    words = ["data=hdf5", "data.path=a.h5", "tile.f=2", "trainer.max_epochs=2", "run=last"]
    done = run(tmp_path, "train.py", *words, "data.channels_first=false")
    assert done.returncode == 0, done.stderr
    checkpoint = tmp_path / "outputs" / "runs" / "last" / "checkpoints" / "best.ckpt"
    words = [f"ckpt_path={checkpoint}", "input=a.h5", "input_key=images", "output=out.h5"]
    done = run(tmp_path, "predict.py", *words)
    assert done.returncode == 0, done.stderr
    model, fields = load_model(checkpoint), torch.from_numpy(images)
    with torch.no_grad():
        last, first = (model(x).numpy() for x in (fields.movedim(-1, 1), fields.mT))
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["contributions"].shape == (200, 2, 4, 1)
        np.testing.assert_allclose(file["prediction"], last, rtol=1e-4)
    assert not np.allclose(first, last, rtol=0.01)


@pytest.mark.long
def test_images_of_bytes_train_like_fields_of_spread_one(tmp_path: Path) -> None:
    fields = np.random.default_rng(0).normal(size=(400, 16, 16))
    labels = (fields**2).sum((1, 2))
    write(tmp_path / "unit.h5", images=fields, labels=labels)
    images = (128 + 40 * fields).clip(0, 255).astype("uint8")
    write(tmp_path / "bytes.h5", images=images, labels=labels)
    words = ["model=fcn", "tile.f=8", "tile.c=4", "task=onecycle", "data.batch_size=20"]
    errors = []
    for name in ("unit", "bytes"):
        data = ["data=hdf5", f"data.path={name}.h5", f"run={name}", "trainer.max_epochs=20"]
        done = run(tmp_path, "train.py", *data, *words)
        assert done.returncode == 0, done.stderr
        summary = tmp_path / "outputs" / "runs" / name / "summary.json"
        errors.append(json.loads(summary.read_text())["test/median_absolute_error"])
    assert errors[0] < 0.3 * np.median(abs(labels - np.median(labels)))  # something was learnt
    assert 1 / 1.5 < errors[1] / errors[0] < 1.5


@pytest.fixture(scope="module")
def many_outputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The run folder of a training with 200 outputs, and what it printed."""
    folder = tmp_path_factory.mktemp("many")
    labels = RNG.random((COUNT, 200)) * np.arange(1, 201)
    write(folder / "a.h5", images=RNG.normal(size=(COUNT, 8, 8)), labels=labels)
    words = ["data=hdf5", "data.path=a.h5", "data.unit=eV", "trainer.max_epochs=2", "run=many"]
    done = run(folder, "train.py", *words)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return folder / "outputs" / "runs" / "many", done.stdout


def test_many_outputs_are_drawn_and_told_together(many_outputs: tuple[Path, str]) -> None:
    folder, printed = many_outputs
    assert {path.name for path in folder.glob("*.png")} == {"error.png", "loss.png", "parity.png"}
    summary = json.loads((folder / "summary.json").read_text())
    errors = {
        key.split("/")[1]: value
        for key, value in summary.items()
        if key.endswith("/mean_absolute_error")
    }
    assert len(errors) == 200
    mean = (
        f"test mean over 200 outputs: mean absolute error (eV) {np.mean(list(errors.values())):.3g}"
    )
    assert mean in " ".join(printed.split())
    worst = sorted(errors, key=lambda name: errors[name])[-3:]
    told = [line.split()[4] for line in printed.splitlines() if "among the worst: " in line]
    assert told == worst[::-1]
    table = [line for line in printed.splitlines() if line.startswith("test ")]
    assert len(table) == 4 + 3  # means of four errors, and the worst three outputs


def test_how_files_are_read_is_said_by_every_command(tmp_path: Path) -> None:
    spins = RNG.choice([-1.0, 1.0], (COUNT, 64))
    write(tmp_path / "a.h5", fields=spins, labels=spins.sum(1))
    words = ["data=hdf5", "data.path=a.h5", "data.x=fields", "data.sides=[8,8]", "data.site=spin"]
    done = run(tmp_path, "train.py", *words, "trainer.max_epochs=1", "run=flat")
    assert done.returncode == 0, done.stderr
    said = "60 fields of 8 × 8 spins (flat in the file, row by row), 1 channel"
    assert done.stdout.count(f"a.h5: {said}, labels 'labels' (1 output)\n") == 1
    checkpoint = "ckpt_path=outputs/runs/flat/checkpoints/best.ckpt"
    done = run(tmp_path, "evaluate.py", checkpoint, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"a.h5: {said}, labels 'labels' (1 output)\n")

    words = [checkpoint, "input=a.h5", "output=out.h5"]
    done = run(tmp_path, "predict.py", *words)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: Fields of shape (60, 64) are flat: their 64 sites stand in one axis; give the "
        "sides of the lattice, sides=[8,8]."
    )
    done = run(tmp_path, "predict.py", *words, "sides=[8,8]")
    assert done.returncode == 0, done.stderr
    assert f"a.h5: fields: {said}\n" in done.stdout
    model = load_model(tmp_path / "outputs/runs/flat/checkpoints/best.ckpt")
    with torch.no_grad(), h5py.File(tmp_path / "out.h5") as file:
        wanted = model(torch.from_numpy(spins).float().reshape(COUNT, 1, 8, 8))
        np.testing.assert_allclose(file["prediction"], wanted, rtol=1e-4, atol=1e-4)
        assert file["contributions"].shape == (COUNT, 8, 8, 1)
