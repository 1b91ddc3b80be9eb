"""Fields in other formats than HDF5, as the user trains and predicts with them."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

from tests.conftest import run
from tests.data.formats.files import RNG


@pytest.mark.slow
def test_a_model_is_trained_on_netcdf_and_predicts_from_others(tmp_path: Path) -> None:
    images = RNG.normal(size=(60, 8, 8)).astype(np.float32)
    energy = ("time", (images.astype(float) ** 2).sum((1, 2)), {"units": "meV"})
    axes = {name: (name, 0.5 * np.arange(8)) for name in "yx"}
    contents = {"density": (("time", "y", "x"), images), "energy": energy, **axes}
    xarray.Dataset(contents).to_netcdf(tmp_path / "set.nc", engine="h5netcdf")
    words = ["data=fields", "data.path=set.nc", "data.y=energy", "data.batch_size=20", "run=first"]
    done = run(tmp_path, "train.py", *words, "trainer.max_epochs=2", "data.workers=1")
    assert done.returncode == 0, done.stderr
    assert "set.nc: 60 fields of 8 × 8 sites, 1 channel, labels 'energy' (1 output)" in done.stdout
    assert "(meV)" in done.stdout

    np.save(tmp_path / "set.npy", images)
    (tmp_path / "set").mkdir()
    for i, image in enumerate(images):
        np.save(tmp_path / "set" / f"{i:02}.npy", image)
    predictions = []
    for source in ("set.nc", "set.npy", "set"):  # in the first the labels stand beside the fields
        words = ["ckpt_path=outputs/runs/first/checkpoints/best.ckpt", f"input={source}"]
        done = run(tmp_path, "predict.py", *words, "output=out.h5", "overwrite=true")
        assert done.returncode == 0, done.stderr
        with h5py.File(tmp_path / "out.h5") as file:
            predictions.append(file["prediction"][()])
            assert ("files" in file) == (source == "set")
    assert len(predictions[0]) == 60
    for other in predictions[1:]:
        np.testing.assert_array_equal(other, predictions[0])

    np.savez(tmp_path / "two.npz", density=images, energy=images, old=images)
    words = ["ckpt_path=outputs/runs/first/checkpoints/best.ckpt", "input=two.npz", "output=b.h5"]
    done = run(tmp_path, "predict.py", *words)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: two.npz has density, old; name the fields in input_key=…, one of them."
    )
