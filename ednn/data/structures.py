"""What the data sets of atoms share: padded batches, splits by geometry, symmetries, references."""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ednn.atomistic import FIT, AtomisticEDNN, Structures
from ednn.data.base import Batch, ExtensiveData, ExtensiveDataset, require_whole
from ednn.data.fields import require_finite
from ednn.data.labelled import LabelledSet
from ednn.data.splits import by_share, require_same_test, require_shares
from ednn.errors import InputError
from ednn.physics.sheets import Structure
from ednn.spec import ATOMISTIC
from ednn.tiles import Tiling

COARSEST = 1.25  # γ per pixel: 4 % of a Gaussian is left at the shortest wave


class StructureDataset(ExtensiveDataset):
    """Labelled structures in memory; a batch is padded to its largest."""

    def __init__(self, labels: LabelledSet) -> None:
        atoms = np.diff(labels.offsets)  # (N,)
        super().__init__(torch.from_numpy(labels.energy)[:, None], torch.from_numpy(atoms))
        self.offsets = torch.from_numpy(labels.offsets)
        self.numbers = torch.from_numpy(labels.numbers.astype(np.int64))  # (all atoms,)
        self.positions = torch.from_numpy(labels.positions)  # (all atoms, 2)
        self.cell = torch.from_numpy(labels.cell)  # (N, 2)
        self.on_atoms = torch.from_numpy(labels.forces)  # (all atoms, 2)

    def inputs(self, sample: Tensor) -> Structures:
        numbers = self._padded(self.numbers, sample)
        return Structures(numbers, self._padded(self.positions, sample), self.cell[sample])

    def forces(self, sample: Tensor) -> Tensor | None:
        return self._padded(self.on_atoms, sample) if len(self.on_atoms) else None

    def example(self) -> Structures:
        return self.inputs(torch.arange(len(self)))

    def _padded(self, column: Tensor, sample: Tensor) -> Tensor:
        """Gather the atoms of some structures, (B, A, …), zeros behind the last of each."""
        start, count = self.offsets[sample], self.sites[sample]  # (B,)
        slots = torch.arange(int(count.max()))  # (A,)
        real = slots < count[:, None]  # (B, A)
        padded = column.new_zeros(*real.shape, *column.shape[1:])
        padded[real] = column[(start[:, None] + slots)[real]]
        return padded


class StructureData(ExtensiveData):
    """Base of the data sets of atoms; the model renders them (`ednn.atomistic`).

    A structure's split depends on its geometry and `seed` alone: it stays where it is when the file
    is extended or labelled with another theory.

    Args:
        grid: pixels along either side of the first structure's cell; the others' pixels are of the
            same size.
        gamma: width of the Gaussians in Å (Eq. 3).
        augment: move and mirror the training structures at random, which changes no energy.
        val, test: shares of the structures.
    """

    kind = "structures"
    dims = 2
    unit = "eV"
    site = "atom"
    dataset: StructureDataset

    def __init__(
        self,
        grid: int,
        gamma: float,
        augment: bool,
        val: float,
        test: float,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        require_whole(grid=grid, least=1)
        if not (isinstance(gamma, int | float) and gamma > 0):
            raise InputError(f"data.gamma={gamma} is not possible; give a width in Å above 0.")
        self.grid, self.gamma, self.augment = grid, gamma, augment
        self.shares = require_shares(val, test)

    @cached_property
    @abstractmethod
    def labels(self) -> LabelledSet:
        """The structures, energies and forces; the attribute `theory` names their origin."""

    @property
    def theory(self) -> str:
        return self.labels.attributes["theory"]

    @property
    def outputs(self) -> list[str]:  # type: ignore[override]
        return [f"{self.theory}_energy" if self.theory else "energy"]

    @property
    def site_unit(self) -> tuple[str, float]:
        return "meV per atom", 1000.0

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the samples and their splits depend on."""
        return {
            "theory": self.theory,
            "structures": self.labels.attributes["structures"],
            "count": len(self.labels),
            "seed": self.seed,
            "splits": self.shares,
        }

    def knows(self, trained_on: Mapping[str, Any]) -> bool:
        """Tell whether some of these structures are of the set that a model was trained on."""
        return bool(trained_on["structures"] == self.labels.attributes["structures"])

    def test_only(self, trained_on: dict[str, Any] | None) -> None:
        """Test on every structure, or on the test split alone where a model may know the others."""
        if trained_on and self.knows(trained_on):
            self.seed, self.shares = trained_on["seed"], trained_on["splits"]
        else:
            self.shares = {"test": 1.0, "val": 0.0}

    def read(self) -> tuple[StructureDataset, dict[str, np.ndarray]]:
        labels = self.labels
        structures = [labels.structure(i) for i in range(len(labels))]
        for i, structure in enumerate(structures):
            structure.require_inside(f"{self.path}: structure {i}")
            if len(labels.forces):
                forces = labels.forces[labels.atoms(i)]
                require_finite(forces, f"{self.path}: the forces of structure {i}", row="atom")
        require_finite(labels.energy, f"{self.path}: energy")
        places = np.array([place(structure, self.seed) for structure in structures])
        return StructureDataset(labels), by_share(places, self.shares)

    def spec(self, model: Mapping[str, Any]) -> dict[str, Any]:
        if "focus" not in model:
            raise InputError(
                f"{model['_target_']} takes fields, but {self.path} holds structures; give "
                f"model=ann, dnn or fcn."
            )
        Tiling(self.dims, model["focus"], model["context"]).grid((self.grid, self.grid))
        self._require_resolved()
        return {
            "_target_": ATOMISTIC,
            "field_model": super().spec(model),
            "species": np.unique(self.labels.numbers).tolist(),
            "pixel": (self.labels.cell[0] / self.grid).tolist(),
            "gamma": self.gamma,
        }

    def _require_resolved(self) -> None:
        """Make sure that pixels resolve the Gaussians, or energies would move with the grid.

        A Gaussian on pixels d wide has exp(−(πγ/d)²/2) of its height left at the shortest wave.
        """
        widest = max(self.labels.cell[0] / self.grid)  # Å
        if widest > COARSEST * self.gamma:
            raise InputError(
                f"data.grid={self.grid} makes pixels {widest:.3g} Å wide, too coarse for Gaussians "
                f"of data.gamma={self.gamma} Å: give a multiple of tile.f of at least data.grid="
                f"{ceil(widest * self.grid / (COARSEST * self.gamma))}, or wider Gaussians."
            )

    def standardise(self, model: AtomisticEDNN) -> None:
        train = torch.from_numpy(self.splits["train"])
        model.standardise(self.dataset.inputs(train), self.dataset.labels[train])

    def adopt(self, model: AtomisticEDNN, checkpoint: Mapping[str, Any]) -> None:
        """Fit the references again, to energies that may have another zero."""
        trained_with = checkpoint["hyper_parameters"]["model"]
        own = {"species": model.species, "pixel": model.pixel, "gamma": model.gamma}
        for name, value in own.items():
            here, there = torch.as_tensor(value).tolist(), trained_with[name]
            if np.shape(here) != np.shape(there) or not np.allclose(here, there, rtol=FIT):
                raise InputError(
                    f"The checkpoint was trained with {name}={there}, this data has {here}; its "
                    f"weights mean nothing here: give data of the same elements, pixels "
                    f"(data.grid) and data.gamma, or train without ckpt_path."
                )
        trained_on = checkpoint.get(type(self).__qualname__)
        if trained_on and self.knows(trained_on):
            require_same_test(trained_on, self.settings)
        model.refit_references((b.inputs, b.target) for b in self._evaluation("train"))

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Move and mirror training structures at random, as a function of the step alone."""
        if not (self.augment and self.trainer and self.trainer.training):
            return batch
        stream = np.random.default_rng([self.seed, self.trainer.global_step, self._process()[0]])
        return moved(batch, stream)


def place(structure: Structure, seed: int) -> float:
    """Return a number in [0, 1) that depends on the geometry and `seed` alone."""
    return int.from_bytes(digest(structure, str(seed))) / 2**64


def digest(structure: Structure, key: str = "") -> bytes:
    """Return eight bytes that tell geometries apart."""
    hashed = hashlib.blake2b(digest_size=8, key=key.encode())
    for column in (structure.numbers, structure.positions, structure.cell):
        hashed.update(column.tobytes())
    return hashed.digest()


def moved(batch: Batch, rng: np.random.Generator) -> Batch:
    """Translate each structure by any vector and mirror it along x and y, each or not."""
    structures: Structures = batch.inputs
    size = (len(structures.cell), 1, 2)
    sign = torch.from_numpy(rng.choice([-1.0, 1.0], size)).to(structures.positions)
    shift = torch.from_numpy(rng.uniform(size=size)).to(structures.positions)
    cell = structures.cell[:, None]  # (B, 1, 2)
    positions = (structures.positions * sign + shift * cell) % cell
    forces = None if batch.forces is None else batch.forces * sign.to(batch.forces)
    return batch._replace(inputs=structures._replace(positions=positions), forces=forces)
