"""The data sets of functionals: densities, their free energies and their derivatives."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from ednn.core.errors import InputError
from ednn.core.info import DatasetInfo, Output
from ednn.data.fields.generated import GeneratedData
from ednn.data.module import require_whole
from ednn.data.samples import FieldDataset
from ednn.data.workers import made_in_batches
from ednn.physics.smooth_fields import Potentials, Sample

BATCH = 200  # densities made and written at once


class FunctionalData(GeneratedData):
    """Base of the data sets of a functional F[n], whose densities are those of random potentials.

    Args:
        side: points along either side of the periodic box.
        dims: dimension of the box.
        spacing: distance of neighbouring points.
        mu: lowest and highest chemical potential.
        depth: largest standard deviation of a potential.
        smooth: shortest and longest correlation length of a potential.
        **shared: arguments of `GeneratedData`.

    Example:
        >>> from ednn.data.fields.fermions import FermionData
        >>> issubclass(FermionData, FunctionalData)
        True
    """

    unit: ClassVar[str]  # of energy
    kind: ClassVar[str]  # what files are called, before the size of the box
    law: dict[str, Any]  # the settings of the functional alone
    target: str  # name of the labels

    def __init__(
        self,
        side: int,
        dims: int,
        spacing: float,
        mu: Sequence[float],
        depth: float,
        smooth: Sequence[float],
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        require_whole(side=side, least=2)
        if dims not in (1, 2, 3):
            raise InputError(f"data.dims={dims} is not possible; give 1, 2 or 3.")
        self.potentials = Potentials((side,) * dims, spacing, mu, depth, smooth)
        self.name = f"{self.kind}-" + "x".join([str(side)] * dims)

    @property
    @abstractmethod
    def sample(self) -> Callable[[Sequence[int]], Sample]:
        """What makes a sample of a seed, in a worker process."""

    @property
    def info(self) -> DatasetInfo:
        output = Output(self.target, self.unit, f"{self.unit} per point")
        dims, spacing = len(self.potentials.sides), self.potentials.spacing
        return DatasetInfo((output,), dims, site="point", spacing=(spacing,) * dims)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the densities and their labels depend on."""
        family = self.potentials
        return {
            **self.law,
            "sides": list(family.sides),
            "spacing": family.spacing,
            "mu": list(family.mu),
            "depth": family.depth,
            "smooth": list(family.smooth),
            "counts": self.counts,
            "generator": self.generator,
            "seed": self.seed,
            "test_only": self.trained_on is not None,
        }

    def make(self) -> None:
        self.write(self._batches(sum(self.counts.values())), self.unit)

    def read(self) -> tuple[FieldDataset, dict[str, np.ndarray]]:
        stored, splits = super().read()
        assert stored.derivative is not None
        fields, derivative = stored.fields[:], stored.derivative[:]  # small enough for the memory
        return FieldDataset(fields, stored.labels, derivative), splits

    def _batches(self, count: int) -> Iterator[dict[str, np.ndarray]]:
        """Yield `fields` (B, *L), `labels` (B, 1) and `derivative` (B, *L), made on all cores."""
        # A test beside another set has densities of its own, that no model was trained on.
        stream = int(self.trained_on is not None)
        seeds = [(self.seed, stream, i) for i in range(count)]
        for made in made_in_batches(self.sample, seeds, BATCH, "Densities"):
            densities, free_energies, derivatives = zip(*made, strict=True)
            yield {
                "fields": np.stack(densities),
                "labels": np.array(free_energies)[:, None],
                "derivative": np.stack(derivatives).astype(np.float32),
            }
