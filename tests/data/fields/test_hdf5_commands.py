"""Your own fields in HDF5, as the user trains, evaluates and predicts with them."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from ednn import plots
from tests.conftest import run
from tests.data.test_hdf5 import COUNT, RNG, write


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
    errors = plots.loss_curve(history, "eV").axes[1]
    assert [text.get_text() for text in errors.get_legend().get_texts()] == ["labels_0", "labels_1"]
    assert [len(line.get_xdata()) for line in errors.lines] == [2, 2]
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


def test_prediction_reads_the_released_layout(two_outputs: Path) -> None:
    arguments = ["ckpt_path=outputs/runs/two/checkpoints/best.ckpt", "input=a.h5"]
    done = run(two_outputs, "predict.py", *arguments, "input_key=images", "output=predicted.h5")
    assert done.returncode == 0, done.stderr
    known = table(two_outputs / "outputs" / "runs" / "two")
    with h5py.File(two_outputs / "predicted.h5") as file:
        predicted = file["prediction"][()][known["sample"]]  # (n, 2)
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
