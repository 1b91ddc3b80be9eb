"""What the data sets of atoms share: padded batches, splits by geometry, symmetries, references."""

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo, Output
from ednn.data.hdf5_file import require_finite
from ednn.data.module import ExtensiveData
from ednn.data.samples import Batch
from ednn.data.splits import by_share, require_shares
from ednn.data.structures.file import LabelledSet
from ednn.data.structures.pixels import cell_of_pixels, grid_of_pixels, warn_of_fine_pixels
from ednn.data.structures.samples import StructureDataset, moved
from ednn.data.structures.totals import warn_of_energies_per_atom
from ednn.data.structures.turned_labels import turned_labels
from ednn.physics.neighbours import ANYWAY, nearest_distances, require_all_seen, span
from ednn.physics.orientation import note_on_turned, trained_orientation
from ednn.physics.structure import Structure
from ednn.physics.traits import Traits, ranges, warn_of_unlike

CHANNELS = ("Z", "element")
SOME = 4000  # structures, evenly spaced, whose traits are those of all


class StructureData(ExtensiveData):
    """Base of the data sets of atoms; the model renders them (`ednn.core.atomistic`).

    A structure's split depends on its geometry and `seed` alone, whatever else the file holds.

    Args:
        grid: pixels along each side of the cell, one number or one per axis; the pixels of all
            structures are of this size.
        cell: lengths in Å that they lie along; None for those of the first structure's cell.
        gamma: width of the Gaussians in Å (Eq. 3).
        channels: "Z", one channel of Gaussians of height Z (Eq. 3), or "element", one channel of
            Gaussians of height 1 for each element.
        augment: move and mirror the training structures at random, which changes no energy.
        rotate: turn them, too, so that cells are no whole tiles (`ednn.core.partition`).
        val, test: shares of the structures.

    Example:
        >>> from ednn.data.structures.dft import DFTData
        >>> drawn = {"grid": 32, "gamma": 0.4, "augment": False, "val": 0.1, "test": 0.2}
        >>> shared = {"batch_size": 1, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> file = ("gfn1", "plain", "data/dft/gfn1_120.h5", 0, None, (2, 1))
        >>> data = DFTData(*file, **drawn, **shared)
        >>> data.info.names, data.info.species
        (('gfn1_energy',), (5, 6, 7))
    """

    dataset: StructureDataset

    def __init__(
        self,
        grid: int | Sequence[int],
        gamma: float,
        augment: bool,
        val: float,
        test: float,
        cell: Sequence[float] | None = None,
        channels: str = "Z",
        rotate: bool = False,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        if not (isinstance(gamma, int | float) and gamma > 0):
            raise InputError(f"data.gamma={gamma} is not possible; give a width in Å above 0.")
        if channels not in CHANNELS:
            raise InputError(f"data.channels={channels} is unknown; give {' or '.join(CHANNELS)}.")
        self.wanted_grid, self.wanted_cell = grid, cell
        self.gamma, self.augment, self.channels = gamma, augment, channels
        self.rotate = require_rotations(rotate, augment)
        self.shares = require_shares(val, test)
        self.notes: list[str] = []  # of what the labels leave out, made as they are read

    @cached_property
    @abstractmethod
    def labels(self) -> LabelledSet:
        """The structures and what is known of them; the attribute `theory` names their origin."""

    @property
    def reading(self) -> str:
        return "\n".join(self.notes) if len(self.labels) else ""

    @property
    def theory(self) -> str:
        return self.labels.attributes["theory"]

    @property
    def info(self) -> DatasetInfo:
        name = f"{self.theory}_energy" if self.theory else "energy"
        species = tuple(np.unique(self.labels.numbers).tolist())
        per_element = self.channels == "element"
        cell = cell_of_pixels(self.wanted_cell, self.labels.cell[0], self.path)
        grid = grid_of_pixels(self.wanted_grid, len(cell))
        return DatasetInfo(
            (Output(name, "eV", "meV per atom", 1000.0),),
            dims=len(cell),
            channels=len(species) if per_element else 1,
            site="atom",
            species=species,
            pixel=tuple((cell / grid).tolist()),
            grid=grid,
            gamma=self.gamma,
            per_element=per_element,
            nearest=span(self.distances),
            traits=self.traits,
        )

    @cached_property
    def distances(self) -> list[NDArray[np.float64]]:
        """Distances of atoms to their nearest neighbour, (N,) in Å, of each structure.

        Raises:
            InputError: two atoms are too near, or a number is no element's.
        """
        numbered = enumerate(self.labels.structures)
        return [_distances(own, f"{self.path}: structure {i}") for i, own in numbered]

    @cached_property
    def traits(self) -> Traits:
        """Smallest and largest traits of the structures; of turned ones without directions."""
        ends = ranges(self.labels.structures[:: max(1, len(self.labels) // SOME)])
        return (ends[0][:1], ends[1][:1]) if self.rotate else ends

    def require_seen(self, info: DatasetInfo) -> None:
        require_all_seen(self.distances, info.nearest, str(self.path), ANYWAY)
        warn_of_unlike(self.labels.structures, info.traits, str(self.path))

    def go_on_from(self, info: DatasetInfo) -> None:
        if self.wanted_cell is None:
            self.wanted_cell = np.multiply(info.grid, info.pixel).tolist()
        require_all_seen(self.distances, info.nearest, str(self.path), "leave ckpt_path out")

    def orient(self, info: DatasetInfo, splits: Sequence[str] = ("test",)) -> str:
        if (known := trained_orientation(info.traits)) is None:
            return ""
        rows = np.concatenate([self.splits[name] for name in splits]).tolist()
        self.labels, found = turned_labels(self.labels, rows, known)
        self.__dict__.pop("traits", None)  # which are those of the turned ones now
        self.dataset = StructureDataset(self.labels)
        return note_on_turned(found, str(self.path))

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "theory": self.theory,
            "structures": self.labels.attributes["structures"],
            "count": len(self.labels),
            "seed": self.seed,
            "splits": self.shares,
        }

    def same_samples(self, trained_on: dict[str, Any]) -> bool:
        own = self.labels.attributes["structures"].splitlines()
        return not set(own).isdisjoint(trained_on["structures"].splitlines())

    def test_only(self, trained_on: dict[str, Any] | None) -> None:
        """Test on every structure, or on the test split alone where a model may know the others."""
        if trained_on and self.same_samples(trained_on):
            self.seed, self.shares = trained_on["seed"], trained_on["splits"]
        else:
            self.shares = {"test": 1.0, "val": 0.0}

    def read(self) -> tuple[StructureDataset, dict[str, np.ndarray]]:
        _ = self.distances  # which refuse what is no structure
        _require_finite(self.labels, str(self.path))
        warn_of_energies_per_atom(self.labels, str(self.path))
        warn_of_fine_pixels(self.info.pixel, str(self.path))
        positions = np.array([split_position(own, self.seed) for own in self.labels.structures])
        return StructureDataset(self.labels), by_share(positions, self.shares)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Move and mirror training structures at random, as a function of the batch alone."""
        if not (self.augment and self.trainer and self.trainer.training):
            return batch
        # The number of batches before this one; of steps there are fewer where gradients add up.
        number = self.trainer.fit_loop.epoch_loop.batch_progress.total.ready
        seed = [self.seed, number, self._process()[0]]
        return moved(batch, np.random.default_rng(seed), self.rotate)


def _distances(structure: Structure, name: str) -> NDArray[np.float64]:
    """Return the distances of a structure's atoms to their nearest, if it is one at all."""
    structure.require_elements(name)
    structure.require_finite(name)
    return nearest_distances(structure, name)


def _require_finite(labels: LabelledSet, path: str) -> None:
    """Raise InputError unless all labels are numbers."""
    for i in range(len(labels) if len(labels.forces) else 0):
        forces = labels.forces[labels.atoms(i)]
        require_finite(forces, f"{path}: the forces of structure {i}", row="atom")
    require_finite(labels.energy, f"{path}: energy")
    require_finite(labels.stress, f"{path}: stress")


def require_rotations(rotate: bool, augment: bool) -> bool:
    """Return whether structures are turned.

    Raises:
        InputError: neither true nor false, or true without `augment`.

    Example:
        >>> require_rotations(True, augment=True)
        True
    """
    if not isinstance(rotate, bool):
        raise InputError(f"data.rotate={rotate} is not possible; give true or false.")
    if rotate and not augment:
        raise InputError(
            "data.rotate=true turns training structures, and data.augment=false leaves them as "
            "they are; leave one out."
        )
    return rotate


def split_position(structure: Structure, seed: int) -> float:
    """Return a number in [0, 1) that depends on the geometry and `seed` alone.

    Example:
        >>> from ednn.physics.sheets import sheet
        >>> split_position(sheet(0), seed=0) == split_position(sheet(0), seed=0)
        True
    """
    return int.from_bytes(digest(structure, str(seed))) / 2**64


def digest(structure: Structure, key: str = "") -> bytes:
    """Return eight bytes that tell geometries apart.

    Example:
        >>> from ednn.physics.sheets import sheet
        >>> len(digest(sheet(0))), digest(sheet(0)) == digest(sheet(1))
        (8, False)
    """
    hashed = hashlib.blake2b(digest_size=8, key=key.encode())
    # of a rectangular cell the sides alone, by which it has been known before there were others
    cell = structure.sides if structure.is_rectangular else structure.cell
    for column in (structure.numbers, structure.positions, np.ascontiguousarray(cell)):
        hashed.update(column.tobytes())
    return hashed.digest()
