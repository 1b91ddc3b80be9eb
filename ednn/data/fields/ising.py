"""Ising configurations over the whole energy range, labelled exactly."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo, Output
from ednn.data.fields.file import write_fields
from ednn.data.fields.generated import GeneratedData
from ednn.data.hdf5_file import open_hdf5
from ednn.data.samples import FieldDataset
from ednn.physics import ising
from ednn.physics.ising_sampling import sample_canonical, sample_flat

UNITS = {"energy": "J", "magnetisation": "spins"}  # of the targets


class IsingData(GeneratedData):
    """Spins ±1 on a periodic lattice and E = −J Σ σσ over nearest neighbours (paper, Eq. 1).

    Or their magnetisation M = Σ σ: the same configurations in the same splits, other labels.

    Args:
        L: sides of the lattice, one integer per axis or one for all.
        dims: dimension of the lattice.
        J: interaction strength, the unit of energy being that of J.
        temperatures: None samples all energies evenly; a list samples the canonical ensemble at
            these temperatures (k_B = 1, in units of J), in equal shares.
        target: energy or magnetisation.
        bonds: axes: to the neighbours along every axis; triangular: six, of a lattice whose axes
            are at 60° (tiles are cut in these axes).

    Of the validation and test examples, those that are copies of a training example (translated,
    inverted, flipped) are dropped. To flip all spins turns the sign of the magnetisation, but a
    flipped copy shows no pattern that the training did not, so that it is dropped there too.

    Raises:
        InputError: an unknown target, or a lattice of another dimension.

    Example:
        >>> shared = {"batch_size": 10, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> data = IsingData(L=8, dims=2, J=1.0, n_train=100, n_val=10, n_test=10, **shared)
        >>> data.info.names, data.info.alphabet, data.path.name[:9]
        (('energy',), (-1.0, 1.0), 'ising-8x8')
    """

    defining: ClassVar = {"J": None, "target": "energy", "bonds": "axes"}

    def __init__(
        self,
        L: int | Sequence[int],
        dims: int,
        J: float,
        temperatures: Sequence[float] | None = None,
        target: str = "energy",
        bonds: str = "axes",
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        self.kind_of_bonds, self.bonds = bonds, ising.bonds_of(bonds, dims)
        self.lattice = (L,) * dims if isinstance(L, int) else tuple(L)
        if len(self.lattice) != dims:
            raise InputError(f"data.L={list(self.lattice)} needs data.dims={len(self.lattice)}.")
        if target not in UNITS:
            raise InputError(f"data.target={target} is unknown: use one of {', '.join(UNITS)}.")
        self.target = target
        self.name = "ising-" + "x".join(map(str, self.lattice))
        self.dims, self.J = dims, J
        self.temperatures = None if temperatures is None else list(temperatures)
        self.dropped: dict[str, int] = {}

    @property
    def info(self) -> DatasetInfo:
        unit = UNITS[self.target]
        output = Output(self.target, unit, f"{unit} per spin")
        return DatasetInfo((output,), self.dims, alphabet=(-1.0, 1.0), site="spin")

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the generated configurations depend on."""
        return {
            "lattice": list(self.lattice),
            "J": self.J,
            "counts": self.counts,
            "temperatures": self.temperatures,
            "generator": self.generator,
            "seed": self.seed,
            "test_only_beside": self.trained_on,
            # These go without saying: their files and checkpoints are older than the choice.
            **({} if self.target == "energy" else {"target": self.target}),
            **({} if self.kind_of_bonds == "axes" else {"bonds": self.kind_of_bonds}),
        }

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "dropped_as_copies": self.dropped}

    def make(self) -> None:
        # A test beside another set must not repeat the random walk that made that set.
        rng = np.random.default_rng([self.seed, self.trained_on is not None])
        spins = self._sample(sum(self.counts.values()), rng)
        rng.shuffle(spins)
        splits = self.consecutive_splits()
        dropped = _drop_copies(ising.fingerprint(spins), splits, self._trained_marks())
        write_fields(
            self.path,
            {"fields": spins, "labels": self.label(spins)},
            splits,
            {"unit": UNITS[self.target], **{f"dropped_{name}": n for name, n in dropped.items()}},
            self.settings,
        )

    def label(self, fields: np.ndarray) -> np.ndarray:
        if self.target == "magnetisation":
            return ising.magnetisation(fields)[:, None]
        return ising.energy(fields, self.J, self.bonds)[:, None]

    def read(self) -> tuple[FieldDataset, dict[str, np.ndarray]]:
        stored, splits = super().read()
        with open_hdf5(self.path) as file:
            self.dropped = {name: int(file.attrs[f"dropped_{name}"]) for name in ("val", "test")}
        return FieldDataset(stored.fields[:], stored.labels), splits  # small enough for the memory

    def _sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        if self.temperatures is None:
            return sample_flat(self.lattice, count, rng, self.J, self.bonds)
        drawn = sample_canonical(self.lattice, count, rng, self.temperatures, self.J, self.bonds)
        return drawn[0]

    def _trained_marks(self) -> np.ndarray:
        """Fingerprints of the configurations that the model to be tested was trained on."""
        if not self.trained_on or self.trained_on["lattice"] != list(self.lattice):
            return np.empty(0, dtype=np.uint64)
        counts = {f"n_{name}": n for name, n in self.trained_on["counts"].items()}
        same: dict[str, Any] = {k: self.trained_on[k] for k in ("J", "temperatures", "seed")}
        same |= {"target": self.target, "bonds": self.kind_of_bonds}
        shared: dict[str, Any] = {"batch_size": 1, "workers": 0, "cache": str(self.cache)}
        other = IsingData(self.lattice, self.dims, **counts, **same, **shared)
        other.prepare_data()
        other.setup()
        spins = other.dataset.inputs(torch.from_numpy(other.splits["train"]))  # (N, 1, *L)
        return ising.fingerprint(spins[:, 0].numpy().astype(np.int8))


def _drop_copies(
    marks: np.ndarray, splits: dict[str, np.ndarray], seen: np.ndarray
) -> dict[str, int]:
    """Keep validation free of training examples, and the test split free of both.

    Changes `splits` in place and returns how many were dropped from each.

    Args:
        splits: sample numbers by name.
        marks: fingerprint of every sample, (N,).
        seen: fingerprints that no split may hold but training.
    """
    seen = np.concatenate([seen, marks[splits["train"]]])
    dropped = {}
    for name in ("val", "test"):
        own = marks[splits[name]]
        fresh = ~np.isin(own, seen)
        dropped[name] = int((~fresh).sum())
        seen = np.concatenate([seen, own])
        splits[name] = splits[name][fresh]
    return dropped
