"""Files of predicted fields: sums, and what each tile contributes."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from ednn.core.files import atomic
from ednn.data.hdf5_file import create_hdf5
from ednn.inference.deviations import Deviations
from ednn.inference.field_job import FieldJob, site_runs
from ednn.inference.pieces import finished

TABLE = ".csv"  # of sums alone
FORMATS = (".h5", ".hdf5", TABLE)


def write_fields(
    output: Path, job: FieldJob, folder: Path, total: np.ndarray, attributes: Mapping[str, Any]
) -> None:
    """Write `prediction` (N, outputs) and `contributions` (N, *grid, outputs) as HDF5.

    The standard deviations of the predictions are written as `uncertainty` (N, outputs), if the
    model knows them, the `derivative` by the fields as (N, C, *L), if it is wanted, and the names
    of the files of a folder as `files` (N,).

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from ednn.core.model import EDNN
        >>> from ednn.core.subnets import ANN
        >>> from ednn.data.formats.stored import StoredNumbers
        >>> from ednn.inference.pieces import evaluate_all
        >>> from ednn.inference.processes import processes
        >>> fields = StoredNumbers(np.zeros((3, 8, 8)), Path("fields.npy"))
        >>> with TemporaryDirectory() as name:
        ...     job, folder = FieldJob(EDNN(ANN, 2, 1), fields, sites=10**6), Path(name, "parts")
        ...     with processes() as group:
        ...         total = evaluate_all(job, folder, {}, group)
        ...     write_fields(Path(name, "out.h5"), job, folder, total, {"unit": "J"})
        ...     with h5py.File(Path(name, "out.h5")) as out:
        ...         out["contributions"].shape
        (3, 4, 4, 1)
    """
    with create_hdf5(output) as file:
        file.attrs.update(attributes)
        file["prediction"] = total
        shares, deviations = None, Deviations(job.model, job)
        for number, arrays in finished(folder):
            piece, part = job.pieces[number], arrays["contributions"]
            deviations.add(piece, arrays)
            if shares is None:
                grid = job.model.tiling.grid(job.lattice) if piece.block else part.shape[1:-1]
                shape = (len(total), *grid, part.shape[-1])
                shares = file.create_dataset("contributions", shape, part.dtype)
            shares[piece.position()] = part
        if (known := deviations.values()) is not None:
            file["uncertainty"] = known
        if job.numbers.files:
            file["files"] = list(job.numbers.files)
        if job.derivative:
            _write_derivative(file, job, folder)


def write_table(output: Path, job: FieldJob, folder: Path, total: np.ndarray) -> None:
    """Write a row for each field as CSV: the sums, in units of the labels, and their uncertainties.

    Example:
        ednn predict ckpt_path=RUN input=fields.h5 output=sums.csv
    """
    deviations = Deviations(job.model, job)
    for number, arrays in finished(folder):
        deviations.add(job.pieces[number], arrays)
    known = deviations.values()
    table = pd.DataFrame({"file": list(job.numbers.files)} if job.numbers.files else None)
    for i, name in enumerate(job.model.info.names):
        table[f"predicted_{name}"] = total[:, i]
        if known is not None:
            table[f"predicted_{name}_uncertainty"] = known[:, i]
    with atomic(output) as path:
        table.to_csv(path, index_label="field")


def _write_derivative(file: h5py.File, job: FieldJob, folder: Path) -> None:
    """Add up what the pieces contribute to the derivative at every site."""
    shape = (job.shape[0], job.model.info.channels, *job.lattice)
    whole: h5py.Dataset | None = None
    for number, arrays in finished(folder):
        piece, part = job.pieces[number], arrays["derivative"]
        if whole is None:
            whole = file.create_dataset("derivative", shape, part.dtype, fillvalue=0)
        if piece.block is None:
            whole[piece.samples] = part
            continue
        for runs in product(*map(site_runs, job.sources(piece.block))):
            there, here = [piece.samples, slice(None)], [slice(None), slice(None)]
            for position, site in runs:
                here.append(position)
                there.append(site)
            whole[tuple(there)] += part[tuple(here)]
