"""Densities of hard rods on a line, and their excess free energy."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ednn.data.fields.functional import FunctionalData
from ednn.physics import hard_rods
from ednn.physics.ideal_gas import EXCESS
from ednn.physics.smooth_fields import Sample


class HardRodsData(FunctionalData):
    """Densities ρ of hard rods on a line, their excess free energy and its derivative, in kT.

    Args:
        sigma: length of a rod, a whole number of spacings.
        **shared: arguments of `FunctionalData`, without `dims`.

    Raises:
        InputError: another length, or a line that is shorter than two rods.

    Example:
        >>> shared = {"batch_size": 10, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> counts = {"n_train": 100, "n_val": 10, "n_test": 10}
        >>> family = {"spacing": 0.125, "mu": [-1.5, 3], "depth": 2.0, "smooth": [0.5, 2]}
        >>> data = HardRodsData(sigma=1.0, side=256, **family, **counts, **shared)
        >>> data.label(np.full((1, 256), 0.5)).round(6).tolist()  # −16 ln(1 − 0.5)
        [[11.090355]]
    """

    kind: ClassVar = "hard_rods"
    unit: ClassVar = "kT"
    target = EXCESS
    defining: ClassVar = dict.fromkeys(("sigma", "spacing"))

    def __init__(self, sigma: float, side: int, spacing: float, **shared: Any) -> None:
        super().__init__(side=side, dims=1, spacing=spacing, **shared)
        hard_rods.points_per_rod(side, spacing, sigma)  # which refuses what doesn't fit
        self.law = {"sigma": sigma}

    @property
    def sample(self) -> Callable[[Sequence[int]], Sample]:
        return partial(hard_rods.sample, potentials=self.potentials, **self.law)

    def label(self, fields: np.ndarray) -> np.ndarray:
        wide = np.asarray(fields, dtype=np.float64)
        spacing = self.potentials.spacing
        return hard_rods.excess_free_energy(wide, spacing, **self.law)[:, None]
