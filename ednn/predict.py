"""Predict fields of any size from an HDF5 file with a trained model."""

from pathlib import Path

import h5py
import numpy as np
import torch
from omegaconf import DictConfig
from tqdm import tqdm

import ednn
from ednn.data.fields import channels_first, create_hdf5, dataset, open_hdf5, require_finite
from ednn.errors import InputError
from ednn.model import EDNN
from ednn.spec import load_model

VALUES_AT_ONCE = 2**22  # field values read and evaluated together


def predict(cfg: DictConfig) -> None:
    """Write `prediction` (N, outputs) and `contributions` (N, *grid, outputs) for every field."""
    if Path(cfg.input).resolve() == Path(cfg.output).resolve():
        raise InputError(f"output={cfg.output} would overwrite the input; give another name.")
    model = load_model(cfg.ckpt_path)
    assert isinstance(model, EDNN)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with open_hdf5(cfg.input) as source, create_hdf5(cfg.output) as target:
        predict_file(model.to(device), dataset(source, cfg.input_key), target)
        target.attrs.update(
            {"model": str(cfg.ckpt_path), "input": str(cfg.input), "code_version": ednn.__version__}
        )
    print(f"Predictions: {cfg.output}")


def predict_file(model: EDNN, fields: h5py.Dataset, target: h5py.File) -> None:
    """Predict a dataset of fields batch by batch into an open HDF5 file."""
    if not len(fields):
        raise InputError(f"{fields.file.filename}: {fields.name} holds no fields.")
    device = model.shift.device
    at_once = max(1, VALUES_AT_ONCE // max(1, int(np.prod(fields.shape[1:]))))
    for start in tqdm(range(0, len(fields), at_once), desc="Predicting", unit="batch"):
        part = fields[start : start + at_once]
        require_finite(part, f"{fields.file.filename}: {fields.name}")
        first = channels_first(part, model.tiling.dims, model.channels)  # (B, C, *L)
        field = torch.from_numpy(np.ascontiguousarray(first, dtype=np.float32)).to(device)
        with torch.inference_mode():
            shares = model.contributions(field).cpu().numpy()
        if start == 0:
            target.create_dataset("contributions", (len(fields), *shares.shape[1:]), shares.dtype)
            target.create_dataset("prediction", (len(fields), model.outputs), shares.dtype)
        stop = start + len(part)
        target["contributions"][start:stop] = shares
        target["prediction"][start:stop] = shares.sum(tuple(range(1, shares.ndim - 1)))
