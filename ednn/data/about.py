"""What a file of data holds, in a few lines."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ednn.core.elements import symbols
from ednn.core.errors import InputError
from ednn.core.files import require_file
from ednn.data.extent import extent
from ednn.data.formats.opening import format_of, open_source
from ednn.data.hdf5_file import open_hdf5
from ednn.data.structures import file as labelled
from ednn.data.structures.as_structure import is_flat
from ednn.data.structures.columns import energy_like, force_like
from ednn.data.structures.frames import read_frames

if TYPE_CHECKING:
    from ase import Atoms

PREDICTED = "predicted_"  # begins the names of what predict.py writes


def about_data(path: Path) -> dict[str, str]:
    """Return what a file of fields, of structures or of labelled structures holds.

    Raises:
        InputError: it is none of these.

    Example:
        >>> about_data(Path("data/dft/gfn1_120.h5"))["structures"]
        '100, of 116 to 120 atoms'
    """
    require_file(path)
    kind = format_of(path)
    if kind == "HDF5" and _is_labelled(path):
        return _of_labelled(path)
    return _of_fields(path) if kind or path.is_dir() else _of_frames(path)


def _is_labelled(path: Path) -> bool:
    with open_hdf5(path) as file:
        return {"offsets", "seed", "energy"} <= file.keys()


def _of_labelled(path: Path) -> dict[str, str]:
    labels = labelled.read(path)
    counts = np.diff(labels.offsets)
    known = [name for name in ("forces", "stress") if len(getattr(labels, name))]
    return {
        "data": f"{path}, labelled structures: `data=dft data.path={path}`",
        "theory": labels.attributes["theory"],
        "structures": _count(counts.tolist()),
        "elements": symbols(labels.numbers.tolist()),
        "labels": _words(["energy", *known]),
        "energy": f"{extent(labels.energy / counts)} eV per atom",
    }


def _of_frames(path: Path) -> dict[str, str]:
    frames = read_frames(path)
    flat = sum(map(is_flat, frames))
    shape = {0: "in space", len(frames): "flat"}.get(flat, f"{flat} of them flat")
    results = [(frame.calc.results, len(frame)) for frame in frames if frame.calc]
    energies = [own["energy"] / count for own, count in results if "energy" in own]
    predicted = [name for name in energy_like(frames[0]) if name.startswith(PREDICTED)]
    return {
        "data": f"{path}, structures: `data=atoms data.path={path}` or `predict.py input={path}`",
        "structures": f"{_count([len(frame) for frame in frames])}, {shape}",
        "elements": symbols(number for frame in frames for number in frame.numbers.tolist()),
        "labels": _labels(frames),
        **({"energy": f"{extent(energies)} eV per atom"} if energies else {}),
        **{name: extent([f.info[name] for f in frames if name in f.info]) for name in predicted},
    }


def _labels(frames: Sequence["Atoms"]) -> str:
    """Say what ASE knows of frames, and of how many if not of all; else what might be meant."""
    results = [name for frame in frames if frame.calc for name in frame.calc.results]
    counts = {name: results.count(name) for name in ("energy", "forces", "stress")}
    known = [
        name if count == len(frames) else f"{name} (of {count} of {len(frames)})"
        for name, count in counts.items()
        if count
    ]
    own = {"data.energy": energy_like(frames[0]), "data.forces": force_like(frames[0])}
    found = [(setting, name) for setting, names in own.items() for name in names]
    named = [f"{key}={name}" for key, name in found if not name.startswith(PREDICTED)]
    maybe = f"; perhaps {', '.join(named)}" if named else ""
    return _words(known) if known else f"none that ASE knows{maybe}"


def _of_fields(path: Path) -> dict[str, str]:
    with open_source(path) as source:
        arrays = {}
        for name in source.names:
            try:
                numbers = source.find(name)
            except InputError as error:  # text, or what else no field is made of
                arrays[name or "array"] = str(error)
            else:
                shape = " × ".join(map(str, numbers.shape))
                arrays[name or "array"] = f"{shape} {numbers.unit}".strip()
    kind = format_of(path) or "folder of files"
    return {"data": f"{path}, {kind}: `data=fields data.path={path}`", **arrays}


def _count(atoms: Sequence[int]) -> str:
    low, high = min(atoms), max(atoms)
    size = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{len(atoms):,}, of {size} atoms"


def _words(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
