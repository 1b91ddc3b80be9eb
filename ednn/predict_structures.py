"""Predict structures: totals, values per atom, forces, and what each tile contributes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from ednn.atomistic import AtomisticEDNN, Structures
from ednn.data.atoms import flat_structure, read_frames
from ednn.data.fields import create_hdf5
from ednn.files import atomic

FORMATS = (".extxyz", ".csv")


def predict_structures(
    model: AtomisticEDNN,
    name: str,
    source: Path,
    output: Path,
    forces: bool,
    attributes: Mapping[str, str],
) -> Path:
    """Write predictions to `output` and the maps to an HDF5 file beside it; return that path.

    Args:
        name: what the predicted quantity is called.
        source: any file that ASE reads; all of it is checked before the first prediction.
        output: one of `FORMATS`: the structures with their predictions, or a row for each.
        forces: predict them as well; they join the extxyz and the HDF5 file.
        attributes: of the HDF5 file.

    Raises:
        InputError: a structure that doesn't fit the model.
    """
    frames = read_frames(source)
    alone = [_checked(model, i, frame, source) for i, frame in enumerate(frames)]
    maps = output.with_suffix(".h5")
    with create_hdf5(maps) as file:
        file.attrs.update(attributes)
        for i, structures in enumerate(tqdm(alone, desc="Predicting", unit="structure")):
            with torch.no_grad():
                shares = model.contributions(structures)[0, ..., 0]  # (*tiles,)
            energy = float(shares.sum())
            frames[i].info |= {name: energy, f"{name}_per_atom": energy / len(frames[i])}
            file[f"contributions/{i}"] = shares.cpu().numpy()
            if forces:
                inside = model.energy_and_forces(structures)[1][0].cpu().numpy()  # (A, 2)
                file[f"forces/{i}"] = inside
                frames[i].arrays[f"{name}_forces"] = np.pad(inside, ((0, 0), (0, 1)))  # and z
    with atomic(output) as path:
        _write(frames, name, path, output.suffix)
    return maps


def _checked(model: AtomisticEDNN, number: int, frame: Any, source: Path) -> Structures:
    """Make a batch of one frame, if it fits the model."""
    structure = flat_structure(number, frame, source)
    structure.require_inside(f"{source}: structure {number}")
    columns = (structure.numbers, structure.positions, structure.cell)
    structures = Structures(*(torch.from_numpy(c)[None].to(model.pixel.device) for c in columns))
    model.check(structures, first=number)
    return structures


def _write(frames: list[Any], name: str, path: Path, suffix: str) -> None:
    if suffix == ".extxyz":
        from ase.io import write

        write(path, frames, format="extxyz")
        return
    shown = (name, f"{name}_per_atom")
    rows = [{"atoms": len(f), **{key: f.info[key] for key in shown}} for f in frames]
    pd.DataFrame(rows).to_csv(path, index_label="structure")
