"""Charges on a periodic lattice with an interaction that is longer than a tile."""

from math import prod
from typing import Any, ClassVar

import numpy as np

from ednn.core.info import DatasetInfo, Output
from ednn.core.terminal import Progress
from ednn.data.fields.file import write_fields
from ednn.data.fields.generated import GeneratedData
from ednn.data.module import require_whole
from ednn.physics import coulomb
from ednn.physics.sampling import evenly

UNIT = "A"  # of energy: the strength of the interaction
POOL = 4  # fields drawn per field that is chosen
SITES = 2**20  # drawn at once


class CoulombData(GeneratedData):
    """Charges with a screened Coulomb interaction (`ednn.physics.coulomb`), all energies evenly.

    Args:
        L: side of the lattice.
        screening: λ in sites; null for none, with a neutralising background.
        strength: A of the interaction; the unit of energy is that of it and of `neighbour`.
        neighbour: K, of nearest neighbours.
        binary: charges are ±1; else of any size.

    Example:
        >>> shared = {"batch_size": 10, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> law = {"screening": 4.0, "strength": 1.0, "neighbour": 0.0, "binary": True}
        >>> data = CoulombData(L=16, n_train=100, n_val=10, n_test=10, **law, **shared)
        >>> data.info.outputs[0].unit_per_site
        'A per site'
    """

    defining: ClassVar = dict.fromkeys(("screening", "strength", "neighbour", "binary"))

    def __init__(
        self,
        L: int,
        screening: float | None,
        strength: float,
        neighbour: float,
        binary: bool,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        require_whole(L=L, least=2)
        self.lattice = (L, L)
        self.screening, self.strength, self.neighbour = screening, strength, neighbour
        self.binary = binary
        self.name = f"coulomb-{L}x{L}"

    @property
    def info(self) -> DatasetInfo:
        alphabet = (-1.0, 1.0) if self.binary else None
        return DatasetInfo((Output("energy", UNIT, f"{UNIT} per site"),), alphabet=alphabet)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the fields and their labels depend on."""
        return {
            "lattice": list(self.lattice),
            "screening": self.screening,
            "strength": self.strength,
            "neighbour": self.neighbour,
            "binary": self.binary,
            "counts": self.counts,
            "generator": self.generator,
            "seed": self.seed,
            "test_only": self.trained_on is not None,
        }

    def label(self, fields: np.ndarray) -> np.ndarray:
        return coulomb.energy(fields, self.screening, self.strength, self.neighbour)[:, None]

    def make(self) -> None:
        rng = np.random.default_rng([self.seed, self.trained_on is not None])
        count = sum(self.counts.values())
        at_once = max(1, SITES // prod(self.lattice))
        drawn = [min(at_once, POOL * count - n) for n in range(0, POOL * count, at_once)]
        kind = np.int8 if self.binary else np.float32
        pool, labels = [], []
        for n in Progress(drawn, desc="Charges", disable=None):
            fields = coulomb.sample(self.lattice, n, rng, self.binary).astype(kind)
            pool.append(fields)
            labels.append(self.label(fields))  # of what is stored
        energies = np.concatenate(labels)  # (N, 1)
        low, high = energies.min(), energies.max()
        bins = ((energies[:, 0] - low) / (high - low) * count).astype(np.int64)
        chosen = evenly(bins, count, rng)
        write_fields(
            self.path,
            {"fields": np.concatenate(pool)[chosen], "labels": energies[chosen]},
            self.consecutive_splits(),
            {"unit": UNIT},
            self.settings,
        )
