"""Densities on a grid with ASE: Gaussian cube files, and CHGCAR and CHG of VASP."""

from abc import abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
from ase.calculators.vasp import VaspChargeDensity
from ase.io.cube import read_cube

from ednn.core.errors import InputError
from ednn.data.formats.axes import Axes, orthogonal
from ednn.data.formats.source import Source
from ednn.data.formats.stored import StoredNumbers

SIDES = ("x", "y", "z")


class DensitySource(Source):
    """The density of a text file, which is read as a whole, with the sides of its voxels in Å."""

    names = [""]  # noqa: RUF012 - overrides a property

    @cached_property
    @abstractmethod
    def density(self) -> tuple[np.ndarray, Any]:
        """The densities (N, X, Y, Z) or (N, C, X, Y, Z), and the vectors (3, 3) of a voxel."""

    def open(self, key: str) -> StoredNumbers:
        values, voxel = self.density
        names = ("", "channel", *SIDES) if values.ndim == 5 else ("", *SIDES)
        others = len(names) - 3
        axes = Axes(names, (0.0,) * others + orthogonal(voxel), ("",) * others + ("Å",) * 3)
        one, loaded = len(values) == 1, values.nbytes
        return StoredNumbers(values, self.path, axes=lambda: axes, one=one, loaded=loaded)


class CubeSource(DensitySource):
    """The volume of a Gaussian cube file, in the units of the file; several are channels.

    Args:
        path: the file.

    Example:
        >>> from ase import Atoms
        >>> from pathlib import Path
        >>> from ase.io.cube import write_cube
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with open(Path(folder, "a.cube"), "w") as file:
        ...         write_cube(file, Atoms("H", cell=[2.0, 3.0, 4.0]), np.ones((4, 6, 8)))
        ...     with CubeSource(Path(folder, "a.cube")) as source:
        ...         numbers = source.find("")
        ...         numbers.shape, np.round(numbers.axes.spacing(None), 5).tolist()
        ((1, 4, 6, 8), [0.5, 0.5, 0.5])
    """

    @cached_property
    def density(self) -> tuple[np.ndarray, Any]:
        with open(self.path) as file:
            content = read_cube(file)
        volumes = content["datas"]  # (C, X, Y, Z)
        return volumes[None] if len(volumes) > 1 else volumes, content["spacing"]


class VaspSource(DensitySource):
    """The charge density in e/Å³ of a CHGCAR file, or of each step of a CHG file.

    Args:
        path: the file.

    Example:
        >>> from ase import Atoms
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> written = VaspChargeDensity(None)
        >>> written.atoms = [Atoms("H", cell=[2, 3, 4], pbc=True)]
        >>> written.chg = [np.ones((4, 6, 8))]
        >>> with TemporaryDirectory() as folder:
        ...     written.write(str(Path(folder, "CHGCAR")))
        ...     with VaspSource(Path(folder, "CHGCAR")) as source:
        ...         numbers = source.find("")
        ...         numbers.shape, numbers.axes.spacing(None)
        ((1, 4, 6, 8), (0.5, 0.5, 0.5))
    """

    @cached_property
    def density(self) -> tuple[np.ndarray, Any]:
        if self.path.name.startswith(("LOCPOT", "ELFCAR")):
            raise InputError(
                f"{self.path} has CHGCAR's format, but is no density, by whose volume numbers are "
                f"divided; store its numbers as .npy, such as by pymatgen."
            )
        content = VaspChargeDensity(str(self.path))
        cells = [atoms.cell.array for atoms in content.atoms]
        if not content.chg:
            raise InputError(f"{self.path} holds no density; give a whole CHGCAR or CHG file.")
        values = np.stack(content.chg)
        same = np.allclose(cells, cells[0])
        voxel = cells[0] / np.reshape(values.shape[1:], (3, 1))
        return values, voxel if same else np.ones((3, 3))  # cells that differ have no one spacing
