"""Predict fields of any size, or structures, with a trained model."""

from pathlib import Path

import h5py
import numpy as np
import torch
from omegaconf import DictConfig
from tqdm import tqdm

import ednn
from ednn.atomistic import AtomisticEDNN
from ednn.data.fields import channels_first, create_hdf5, dataset, open_hdf5, require_finite
from ednn.errors import InputError
from ednn.model import EDNN
from ednn.predict_structures import FORMATS as STRUCTURES
from ednn.predict_structures import predict_structures
from ednn.spec import load_model, read_checkpoint

FIELDS = (".h5", ".hdf5")
VALUES_AT_ONCE = 2**22  # field values read and evaluated together


def predict(cfg: DictConfig) -> None:
    """Predict what the model of `ckpt_path` takes: structures, or fields from an HDF5 file."""
    source, output = Path(cfg.input), Path(cfg.output)
    model = load_model(cfg.ckpt_path)
    for name in ("forces", "overwrite"):
        if not isinstance(cfg[name], bool):
            raise InputError(f"{name}={cfg[name]} is not possible; give true or false.")
    if isinstance(model, AtomisticEDNN):
        _check_output(output, STRUCTURES, [output, output.with_suffix(".h5")], cfg)
    else:
        _check_output(output, FIELDS, [output], cfg)
        if cfg.forces:
            raise InputError(
                "forces=true is for models of structures, and this one takes fields; leave it out."
            )
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    about = {"model": str(cfg.ckpt_path), "input": str(source), "code_version": ednn.__version__}
    names = read_checkpoint(cfg.ckpt_path)["hyper_parameters"]["errors"]["names"]
    if isinstance(model, AtomisticEDNN):
        name = f"predicted_{names[0]}"
        maps = predict_structures(model, name, source, output, cfg.forces, about)
        print(f"Contribution maps: {maps}")
    else:
        assert isinstance(model, EDNN)
        with open_hdf5(source) as fields, create_hdf5(output) as target:
            predict_file(model, dataset(fields, str(cfg.input_key), "input_key"), target)
            target.attrs.update({**about, "outputs": names})
    print(f"Predictions: {output}")


def _check_output(
    output: Path, endings: tuple[str, ...], written: list[Path], cfg: DictConfig
) -> None:
    """Make sure that nothing is overwritten which the user did not give up.

    Raises:
        InputError: a file of the name stands there, or the ending is of another kind of file.
    """
    if output.suffix not in endings:
        raise InputError(f"output={output} has no known ending; use {' or '.join(endings)}.")
    precious = [Path(cfg.input).resolve(), Path(cfg.ckpt_path).resolve()]
    for path in written:
        if path.resolve() in precious or (path.exists() and not cfg.overwrite):
            raise InputError(
                f"output={output} would overwrite {path}; give another name, or overwrite=true "
                f"unless that is the input or the checkpoint."
            )


def predict_file(model: EDNN, fields: h5py.Dataset, target: h5py.File) -> None:
    """Predict a dataset of fields batch by batch into an open HDF5 file.

    Writes `prediction` (N, outputs) and `contributions` (N, *grid, outputs).
    """
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
