"""The file of labelled structures: one HDF5 schema for every theory (data/README.md).

Labels mix only where the attributes `theory`, `settings`, `versions` (of the engine) and
`structures` (the recipe) are equal; `units` and `made_with` inform.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError
from ednn.data.hdf5_file import create_hdf5, open_hdf5
from ednn.physics.structure import Structure

UNITS = {"positions": "Å", "cell": "Å", "energy": "eV", "forces": "eV/Å"}

# One structure: its seed with numbers, positions, cell, energy, forces and, if it is known, stress;
# or with "failed".
Record = dict[str, Any]


@dataclass(frozen=True)
class LabelledSet:
    """The contents of a file of structures along D axes: the datasets and the attributes.

    Forces are there for all structures or for none, and so is the stress.

    Example:
        >>> carbon = {"seed": 4, "numbers": [6], "positions": [[0.0, 0.0]], "cell": np.eye(2) * 9}
        >>> carbon |= {"energy": -1.0, "forces": [[0.0, 0.0]]}
        >>> labels = join({4: carbon}, {"theory": "mine"})
        >>> len(labels), labels.structure(0).numbers.tolist()
        (1, [6])
    """

    numbers: NDArray[np.uint8]
    positions: NDArray[np.float64]
    forces: NDArray[np.float32]
    offsets: NDArray[np.int64]
    cell: NDArray[np.float64]
    energy: NDArray[np.float64]
    stress: NDArray[np.float64]
    seed: NDArray[np.int64]
    failed: NDArray[np.int64]
    attributes: dict[str, str]

    def __len__(self) -> int:
        return len(self.energy)

    def atoms(self, i: int) -> slice:
        """Return where the atoms of structure `i` lie in `numbers`, `positions` and `forces`."""
        return slice(self.offsets[i], self.offsets[i + 1])

    def structure(self, i: int) -> Structure:
        """Return structure `i`."""
        atoms = self.atoms(i)
        return Structure(self.numbers[atoms].astype(np.int64), self.positions[atoms], self.cell[i])

    @property
    def structures(self) -> list[Structure]:
        """All of them, in their order."""
        return [self.structure(i) for i in range(len(self))]


DATASETS = tuple(field.name for field in fields(LabelledSet) if field.name != "attributes")


def read(path: str | Path) -> LabelledSet:
    """Return the contents of the file at `path`; raises InputError if it is no such file.

    Example:
        >>> labels = read("data/dft/gfn1_120.h5")
        >>> labels.attributes["theory"], labels.structure(0).sides.round(2).tolist()
        ('gfn1', [25.0, 12.99])
    """
    try:
        with open_hdf5(Path(path)) as file:
            datasets = {name: file[name][()] for name in DATASETS if name != "stress"}
            if datasets["cell"].ndim == 2:  # sides, as older files have them
                datasets["cell"] = datasets["cell"][:, None] * np.eye(2)
            # which older files don't have
            datasets["stress"] = file.get("stress", np.empty((0, *datasets["cell"].shape[1:])))[()]
            attributes = {name: file.attrs[name] for name in ("theory", "structures")}
            return LabelledSet(**datasets, attributes={**file.attrs, **attributes})
    except KeyError as error:
        raise InputError(
            f"{path} is not a file of labelled structures ({error}): expected the HDF5 schema of "
            "data/README.md, which generate.py writes."
        ) from error


def write(path: str | Path, labels: LabelledSet) -> None:
    """Write `labels` to `path`, whole or not at all.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     write(Path(folder, "a.h5"), join({}, {"theory": "mine", "structures": "none"}))
        ...     len(read(Path(folder, "a.h5")))
        0
    """
    with create_hdf5(path) as file:
        for name in DATASETS:
            file.create_dataset(
                name, data=getattr(labels, name), chunks=True, compression=9, shuffle=True
            )
        file.attrs.update(labels.attributes)


def join(records: Mapping[int, Record], provenance: Mapping[str, str]) -> LabelledSet:
    """Return the set made of `records`, by seed, all labelled with the same `provenance`.

    It has stress if all of them have.

    Example:
        >>> carbon = {"seed": 4, "numbers": [6], "positions": [[0.0, 0.0]], "cell": np.eye(2) * 9}
        >>> carbon |= {"energy": -1.0, "forces": [[0.0, 0.0]]}
        >>> failed = {"seed": 5, "failed": "not converged"}
        >>> labels = join({4: carbon, 5: failed}, {"theory": "mine"})
        >>> labels.seed.tolist(), labels.failed.tolist()
        ([4], [5])
    """
    ordered = [records[seed] for seed in sorted(records)]
    good = [record for record in ordered if "failed" not in record]
    lengths = [len(record["numbers"]) for record in good]
    versions = {name: metadata.version(name) for name in ("ednn", "numpy")}
    dims = len(good[0]["cell"]) if good else 2
    has_stress = all("stress" in record for record in good)
    units = UNITS | {"stress": f"eV/Å{'²³'[dims - 2]}"}
    inform = {"units": units, "made_with": versions | {"python": platform.python_version()}}

    def atoms(name: str, *shape: int) -> NDArray[Any]:
        return np.concatenate([np.empty((0, *shape)), *(record[name] for record in good)])

    def matrices(name: str, records: Sequence[Record]) -> NDArray[np.float64]:
        found = [record[name] for record in records]
        return np.array(found, dtype=float).reshape(-1, dims, dims)

    return LabelledSet(
        numbers=atoms("numbers").astype(np.uint8),
        positions=atoms("positions", dims),
        forces=atoms("forces", dims).astype(np.float32),
        offsets=np.cumsum([0, *lengths], dtype=np.int64),
        cell=matrices("cell", good),
        energy=np.array([record["energy"] for record in good], dtype=float),
        stress=matrices("stress", good if has_stress else []),
        seed=np.array([record["seed"] for record in good], dtype=np.int64),
        failed=np.array([r["seed"] for r in ordered if "failed" in r], dtype=np.int64),
        attributes={**provenance, **{name: json.dumps(v) for name, v in inform.items()}},
    )


def split(labels: LabelledSet) -> dict[int, Record]:
    """Return the records, by seed, that `labels` is made of: the inverse of `join`.

    Example:
        >>> split(join({3: {"seed": 3, "failed": "not converged"}}, {}))
        {3: {'seed': 3, 'failed': ''}}
    """
    records: dict[int, Record] = {int(s): {"seed": int(s), "failed": ""} for s in labels.failed}
    for i, seed in enumerate(labels.seed.tolist()):
        atoms = labels.atoms(i)
        records[seed] = {
            "seed": seed,
            "numbers": labels.numbers[atoms],
            "positions": labels.positions[atoms],
            "cell": labels.cell[i],
            "energy": labels.energy[i],
            "forces": labels.forces[atoms],
        }
        if len(labels.stress):
            records[seed]["stress"] = labels.stress[i]
    return records


def part(labels: LabelledSet, rows: NDArray[np.int64]) -> LabelledSet:
    """Return the structures of some rows, in their order.

    Example:
        >>> len(part(read("data/dft/gfn1_120.h5"), np.array([3, 1])))
        2
    """
    lengths = np.diff(labels.offsets)[rows]
    atoms = [np.arange(*labels.offsets[[row, row + 1]]) for row in rows]
    kept = np.concatenate([np.empty(0, int), *atoms])
    return replace(
        labels,
        numbers=labels.numbers[kept],
        positions=labels.positions[kept],
        forces=labels.forces[kept if len(labels.forces) else slice(0)],
        offsets=np.cumsum([0, *lengths], dtype=np.int64),
        cell=labels.cell[rows],
        energy=labels.energy[rows],
        stress=labels.stress[rows if len(labels.stress) else slice(0)],
        seed=labels.seed[rows],
    )


def concatenate(sets: Sequence[LabelledSet], paths: Sequence[Path]) -> LabelledSet:
    """Return the structures of several sets as one.

    Its attributes are those of the first, but for `structures`: a line for each set. Stress that
    not all have is left out.

    Args:
        sets: at least one.
        paths: of their files, for the message.

    Raises:
        InputError: their labels don't mix, being of another theory, other settings or versions.

    Example:
        >>> labels = read("data/dft/gfn1_120.h5")
        >>> len(concatenate([labels, labels], [Path("a.h5"), Path("b.h5")])) == 2 * len(labels)
        True
    """
    first, *_ = sets
    for labels, path in zip(sets, paths, strict=True):
        for name in ("theory", "settings", "versions"):
            here, there = labels.attributes.get(name), first.attributes.get(name)
            if here != there:
                raise InputError(
                    f"{path} holds labels of {name} {here}, which don't mix with those of "
                    f"{paths[0]}, {name} {there}; leave the file out, or label its structures anew."
                )
    columns = {
        name: np.concatenate([getattr(labels, name) for labels in sets])
        for name in DATASETS
        if name != "offsets"
    }
    if len(columns["stress"]) < len(columns["energy"]):
        columns["stress"] = columns["stress"][:0]
    recipes = "\n".join(labels.attributes["structures"] for labels in sets)
    attributes = {**first.attributes, "structures": recipes}
    lengths = np.concatenate([np.diff(labels.offsets) for labels in sets])
    offsets = np.cumsum([0, *lengths], dtype=np.int64)
    return LabelledSet(**columns, offsets=offsets, attributes=attributes)
