"""Writes sheets of the test split of `experiment=dft`, turned by random angles, with their labels.

Run as `python -m benchmarks.turned_set turned.extxyz`, then test any network of sheets on them:
`python evaluate.py ckpt_path=… data=atoms data.path=turned.extxyz data.grid=32`.
"""

import argparse

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from hydra import compose, initialize_config_dir
from numpy.typing import NDArray

from ednn.core.files import atomic
from ednn.data.structures.module import StructureData
from ednn.physics.orientation import turned_rows
from ednn.runs.configs import CONF
from ednn.training.train import make_data

SHEETS = 400
HEIGHT = 10.0  # Å, of a cell, in whose middle the sheet lies


def in_space(rows: NDArray[np.float64], third: float = 0.0) -> NDArray[np.float64]:
    """Give rows (n, 2) a third column, of one value."""
    return np.pad(rows, ((0, 0), (0, 1)), constant_values=third)


def turned_sheet(data: StructureData, number: int, degrees: float) -> Atoms:
    """Return a sheet of a data set with its labels, turned counterclockwise."""
    sheet, atoms = data.labels.structures[number], data.labels.atoms(number)
    rows = (sheet.positions, sheet.cell, data.labels.forces[atoms].astype(float))
    positions, cell, forces = (turned_rows(own, degrees) for own in rows)
    box = np.vstack([in_space(cell), [0, 0, HEIGHT]])
    frame = Atoms(sheet.numbers, in_space(positions, HEIGHT / 2), cell=box, pbc=(True, True, False))
    energy = float(data.labels.energy[number])
    frame.calc = SinglePointCalculator(frame, energy=energy, forces=in_space(forces))
    return frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", help="file to write, such as turned.extxyz")
    output = parser.parse_args().output
    with initialize_config_dir(str(CONF), version_base="1.3"):
        data = make_data(compose("train", ["experiment=dft"]))
    assert isinstance(data, StructureData)
    random = np.random.default_rng(0)
    numbers = data.splits["test"][:SHEETS].tolist()
    frames = [turned_sheet(data, number, random.uniform(0, 180)) for number in numbers]
    with atomic(output) as path:
        write(path, frames, format="extxyz")
    print(f"{output}: {len(frames)} sheets")


if __name__ == "__main__":
    main()
