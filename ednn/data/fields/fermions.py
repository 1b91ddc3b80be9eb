"""Densities of fermions without interaction, and their free energy."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from ednn.data.fields.functional import FunctionalData
from ednn.physics import fermions
from ednn.physics.ideal_gas import EXCESS
from ednn.physics.smooth_fields import Sample


class FermionData(FunctionalData):
    """Densities n of fermions of spin ½, F[n] = kinetic energy − T S, and δF/δn = μ − v.

    ħ = m = 1: with a as the unit of length, energies are in ħ²/ma².

    Args:
        kT: temperature.
        excess: labels are those less the ones of a classical ideal gas (`ednn.physics.ideal_gas`),
            kT ∫ n (ln nΛ − 1), which are known and grow without bound where n is near zero.
        **shared: arguments of `FunctionalData`.

    Example:
        >>> shared = {"batch_size": 10, "workers": 0, "seed": 0, "cache": "data/cache"}
        >>> counts = {"n_train": 100, "n_val": 10, "n_test": 10}
        >>> family = {"spacing": 0.25, "mu": [-0.25, 0.5], "depth": 0.5, "smooth": [0.5, 2]}
        >>> data = FermionData(kT=0.1, excess=True, side=128, dims=1, **family, **counts, **shared)
        >>> data.info.outputs[0].unit_per_site
        'ħ²/ma² per point'
    """

    kind: ClassVar = "fermions"
    unit: ClassVar = "ħ²/ma²"
    defining: ClassVar = dict.fromkeys(("kT", "excess", "spacing"))

    def __init__(self, kT: float, excess: bool, **shared: Any) -> None:
        super().__init__(**shared)
        self.law = {"kT": kT, "excess": excess}
        self.target = EXCESS if excess else "free_energy"

    @property
    def sample(self) -> Callable[[Sequence[int]], Sample]:
        return partial(fermions.sample, potentials=self.potentials, **self.law)
